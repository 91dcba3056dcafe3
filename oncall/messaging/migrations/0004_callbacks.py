import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0003_chat'),
    ]

    operations = [
        migrations.CreateModel(
            name='Callback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=20)),
                ('kind', models.CharField(choices=[('status', 'How it went on'), ('key', 'A key was pressed'), ('reply', 'A text message came in')], max_length=6)),
                ('at', models.DateTimeField(db_index=True)),
                ('provider_id', models.CharField(blank=True, max_length=200)),
                ('sender', models.CharField(blank=True, max_length=40)),
                ('said', models.CharField(blank=True, help_text='A status, or the key that was pressed.', max_length=20)),
                ('code', models.CharField(blank=True, max_length=20)),
                ('outcome', models.CharField(choices=[('taken', 'Taken'), ('no_news', 'Nothing new'), ('repeated', 'Refused: said before'), ('late', 'Refused: too late'), ('unsigned', 'Refused: no proof of who sent it'), ('forged', 'Refused: the proof is wrong'), ('unknown', 'Refused: about nothing of ours'), ('wrong', 'Refused: the code fits nothing'), ('limited', 'Refused: too many from there')], max_length=10)),
                ('text', models.CharField(blank=True, max_length=200)),
                ('digest', models.CharField(max_length=64)),
                ('delivery', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='callbacks', to='messaging.delivery')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('sender', ''), _negated=True), fields=['sender', 'at'], name='callback_by_sender')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('outcome__in', ['taken', 'no_news'])), fields=('digest',), name='callback_is_taken_once')],
            },
        ),
        migrations.AddField(
            model_name='delivery',
            name='reported',
            field=models.CharField(blank=True, help_text='What the provider said of it later: delivered, undelivered, no-answer.', max_length=20),
        ),
        migrations.AddField(
            model_name='delivery',
            name='reported_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('medium__in', ['sms', 'voice'])), fields=['stable_id'], name='delivery_called_back'),
        ),
    ]
