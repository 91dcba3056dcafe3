import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oncall', '0004_policy_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='Callback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('medium', models.CharField(max_length=20)),
                ('at', models.DateTimeField(db_index=True)),
                ('outcome', models.CharField(choices=[('done', 'Done'), ('refused', 'Refused'), ('rejected', 'Not believed')], max_length=8)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('digest', models.CharField(blank=True, max_length=64, null=True)),
                ('verb', models.CharField(blank=True, max_length=12)),
                ('client', models.CharField(blank=True, help_text='The address that the call came from.', max_length=45)),
                ('page', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='oncall.page')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'answer from chat',
                'verbose_name_plural': 'answers from chat',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('medium', 'digest'), name='callback_acts_once')],
            },
        ),
    ]
