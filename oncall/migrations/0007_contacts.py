import django.db.models.deletion
import oncall.tables
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oncall', '0006_chat'),
    ]

    operations = [
        oncall.tables.CreateTables(
            operations=[
                migrations.CreateModel(
                    name='AnswerCode',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('address', models.CharField(db_index=True, max_length=20)),
                        ('digest', models.CharField(max_length=64, unique=True)),
                        ('created_at', models.DateTimeField()),
                        ('expires_at', models.DateTimeField()),
                        ('page', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='answer_codes', to='oncall.page')),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='answer_codes', to=settings.AUTH_USER_MODEL)),
                    ],
                ),
                migrations.CreateModel(
                    name='ContactCheck',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('medium', models.CharField(max_length=20)),
                        ('address', models.CharField(max_length=1000)),
                        ('code_digest', models.CharField(max_length=64)),
                        ('sent_at', models.DateTimeField(db_index=True)),
                        ('expires_at', models.DateTimeField()),
                        ('tries', models.PositiveSmallIntegerField(default=0)),
                        ('passed_at', models.DateTimeField(blank=True, null=True)),
                        ('contact', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='checks', to='oncall.contactmethod')),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'ordering': ['-id'],
                        'indexes': [models.Index(fields=['user', 'sent_at'], name='contact_check_by_person')],
                    },
                ),
            ],
        ),
        migrations.AddField(
            model_name='historicaluser',
            name='quiet_from',
            field=models.TimeField(blank=True, null=True, verbose_name='quiet from'),
        ),
        migrations.AddField(
            model_name='historicaluser',
            name='quiet_to',
            field=models.TimeField(blank=True, null=True, verbose_name='quiet until'),
        ),
        migrations.AddField(
            model_name='user',
            name='quiet_from',
            field=models.TimeField(blank=True, null=True, verbose_name='quiet from'),
        ),
        migrations.AddField(
            model_name='user',
            name='quiet_to',
            field=models.TimeField(blank=True, null=True, verbose_name='quiet until'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_to__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_to__isnull', False), models.Q(('quiet_from', models.F('quiet_to')), _negated=True)), _connector='OR'), name='person_has_both_ends_of_quiet_hours', violation_error_message='Quiet hours need a beginning and another time at which they end.'),
        ),
        migrations.AlterField(
            model_name='pageevent',
            name='kind',
            field=models.CharField(choices=[('opened', 'Opened'), ('paged', 'Somebody is paged'), ('already_paged', 'Not paged again'), ('fallback', 'Reached another way'), ('unreachable', 'No way to reach somebody'), ('undelivered', 'A message did not arrive'), ('quiet', 'Held by quiet hours'), ('skipped', 'A step is passed outside its hours'), ('held', 'The next step waits'), ('released', 'The wait is over'), ('webhook', 'A program is told'), ('nobody', 'A step reaches nobody'), ('repeated', 'The steps begin again'), ('failed', 'A step could not be worked'), ('exhausted', 'Nobody is left to page'), ('acknowledged', 'Acknowledged'), ('also_acknowledged', 'Acknowledged by one more'), ('answered', 'Acknowledged by one of several who must'), ('reminded', 'Asked whether it is still being worked on'), ('confirmed', 'Still being worked on'), ('unacknowledged', 'The acknowledgement ran out'), ('given_back', 'The acknowledgement was taken back'), ('escalated', 'Escalated by hand'), ('snoozed', 'Snoozed'), ('woke', 'The snooze ended'), ('restarted', 'Begun again with the current policy'), ('moved', 'It follows another policy from here'), ('louder', 'The urgency was raised'), ('quieter', 'The urgency was lowered'), ('merged', 'It belongs to another incident from here'), ('resolved', 'Resolved')], max_length=30),
        ),
    ]
