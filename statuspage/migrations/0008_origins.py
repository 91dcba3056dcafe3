import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('statuspage', '0006_language'),
    ]

    operations = [
        migrations.CreateModel(
            name='SentFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target', models.CharField(max_length=16)),
                ('path', models.CharField(max_length=250)),
                ('etag', models.CharField(blank=True, max_length=16)),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('target', 'path'), name='file_is_sent_once')],
            },
        ),
        migrations.CreateModel(
            name='Origin',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('page', 'Page'), ('component', 'Component'), ('post', 'Post'), ('subscriber', 'Subscriber')], max_length=10)),
                ('public_id', models.CharField(max_length=12)),
                ('product', models.CharField(max_length=20)),
                ('mark', models.CharField(max_length=16)),
                ('imported_at', models.DateTimeField()),
                ('page', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='origins', to='statuspage.statuspage')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('page', 'what', 'public_id'), name='origin_is_noted_once')],
            },
        ),
    ]
