"""Rules of policies: turns, hours, everyone's answer, waiting for duty; holds, reminders and maintenance of pages."""

import datetime

import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import oncall.models.fields
import oncall.tables


def let_go(apps, schema_editor) -> None:
    """On the way back: what is held goes on by itself, since there is no such state before this migration."""
    apps.get_model("oncall", "Page").objects.filter(state="held").update(state="active", held_for="")


class Migration(migrations.Migration):

    dependencies = [
        ('oncall', '0003_hand_over_notes'),
    ]

    operations = [
        oncall.tables.CreateTables(
            operations=[
                migrations.CreateModel(
                    name='HistoricalServiceMaintenance',
                    fields=[
                        ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                        ('start', models.DateTimeField()),
                        ('end', models.DateTimeField()),
                        ('reason', models.CharField(max_length=200)),
                        ('reference', models.CharField(blank=True, editable=False, max_length=60)),
                        ('created_at', models.DateTimeField(editable=False)),
                        ('history_id', models.AutoField(primary_key=True, serialize=False)),
                        ('history_date', models.DateTimeField(db_index=True)),
                        ('history_change_reason', models.CharField(max_length=100, null=True)),
                        ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                    ],
                    options={
                        'verbose_name': 'historical service maintenance',
                        'verbose_name_plural': 'historical service maintenances',
                        'ordering': ('-history_date', '-history_id'),
                        'get_latest_by': ('history_date', 'history_id'),
                    },
                    bases=(simple_history.models.HistoricalChanges, models.Model),
                ),
                migrations.CreateModel(
                    name='ServiceMaintenance',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('start', models.DateTimeField()),
                        ('end', models.DateTimeField()),
                        ('reason', models.CharField(max_length=200)),
                        ('reference', models.CharField(blank=True, editable=False, max_length=60)),
                        ('created_at', models.DateTimeField(editable=False)),
                    ],
                    options={
                        'ordering': ['-start', '-id'],
                    },
                ),
                migrations.AddField(
                    model_name='historicalservicemaintenance',
                    name='created_by',
                    field=models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AddField(
                    model_name='historicalservicemaintenance',
                    name='history_user',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AddField(
                    model_name='historicalservicemaintenance',
                    name='service',
                    field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='oncall.service'),
                ),
                migrations.AddField(
                    model_name='servicemaintenance',
                    name='created_by',
                    field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AddField(
                    model_name='servicemaintenance',
                    name='service',
                    field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='maintenances', to='oncall.service'),
                ),
                migrations.AddIndex(
                    model_name='servicemaintenance',
                    index=models.Index(fields=['service', 'end'], name='maintenance_by_service'),
                ),
                migrations.AddConstraint(
                    model_name='servicemaintenance',
                    constraint=models.CheckConstraint(condition=models.Q(('end__gte', models.F('start'))), name='service_maintenance_ends_after_it_starts'),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='page',
            name='page_answered_has_no_next_step',
        ),
        migrations.AddField(
            model_name='escalationpolicy',
            name='ack_grace',
            field=models.DurationField(default=datetime.timedelta(seconds=300), help_text='She has this long to say so; then paging begins again, with her and whoever is on call.'),
        ),
        migrations.AddField(
            model_name='escalationpolicy',
            name='version',
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name='escalationpolicy',
            name='wait_for_duty',
            field=models.BooleanField(default=False, help_text='At low urgency, a step whose schedules have nobody on call waits until somebody is.', verbose_name='low urgency waits for duty'),
        ),
        migrations.AddField(
            model_name='historicalescalationpolicy',
            name='ack_grace',
            field=models.DurationField(default=datetime.timedelta(seconds=300), help_text='She has this long to say so; then paging begins again, with her and whoever is on call.'),
        ),
        migrations.AddField(
            model_name='historicalescalationpolicy',
            name='version',
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name='historicalescalationpolicy',
            name='wait_for_duty',
            field=models.BooleanField(default=False, help_text='At low urgency, a step whose schedules have nobody on call waits until somebody is.', verbose_name='low urgency waits for duty'),
        ),
        migrations.AddField(
            model_name='historicalstep',
            name='everyone',
            field=models.BooleanField(default=False, help_text='Each of its people must acknowledge.'),
        ),
        migrations.AddField(
            model_name='historicalstep',
            name='hours',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='historicalstep',
            name='outside_hours',
            field=models.CharField(choices=[('skip', 'Skip the step'), ('hold', 'Wait until they begin')], default='skip', max_length=4),
        ),
        migrations.AddField(
            model_name='historicalstep',
            name='round_robin',
            field=models.BooleanField(default=False, help_text='One of its people, in turn, instead of all.'),
        ),
        migrations.AddField(
            model_name='historicalstep',
            name='time_zone',
            field=oncall.models.fields.TimeZoneField(default='UTC', help_text='The zone in which the hours are written.', max_length=64),
        ),
        migrations.AddField(
            model_name='notified',
            name='acknowledged_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='notified',
            name='must_acknowledge',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='page',
            name='held_for',
            field=models.CharField(blank=True, choices=[('hours', "until the step's hours begin"), ('duty', 'until somebody is on call'), ('maintenance', 'until the maintenance is over')], max_length=11),
        ),
        migrations.AddField(
            model_name='page',
            name='reminded_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='step',
            name='everyone',
            field=models.BooleanField(default=False, help_text='Each of its people must acknowledge.'),
        ),
        migrations.AddField(
            model_name='step',
            name='hours',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='step',
            name='outside_hours',
            field=models.CharField(choices=[('skip', 'Skip the step'), ('hold', 'Wait until they begin')], default='skip', max_length=4),
        ),
        migrations.AddField(
            model_name='step',
            name='round_robin',
            field=models.BooleanField(default=False, help_text='One of its people, in turn, instead of all.'),
        ),
        migrations.AddField(
            model_name='step',
            name='time_zone',
            field=oncall.models.fields.TimeZoneField(default='UTC', help_text='The zone in which the hours are written.', max_length=64),
        ),
        migrations.AddField(
            model_name='step',
            name='turns',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AlterField(
            model_name='escalationpolicy',
            name='ack_timeout',
            field=models.DurationField(blank=True, help_text='After this long, whoever acknowledged is asked whether she is still at work. Empty: never.', null=True),
        ),
        migrations.AlterField(
            model_name='historicalescalationpolicy',
            name='ack_timeout',
            field=models.DurationField(blank=True, help_text='After this long, whoever acknowledged is asked whether she is still at work. Empty: never.', null=True),
        ),
        migrations.AlterField(
            model_name='page',
            name='state',
            field=models.CharField(choices=[('active', 'Waiting for an answer'), ('held', 'Held'), ('acknowledged', 'Acknowledged'), ('snoozed', 'Snoozed'), ('exhausted', 'Nobody answered'), ('resolved', 'Over')], default='active', max_length=12),
        ),
        migrations.AlterField(
            model_name='page',
            name='unacknowledge_at',
            field=models.DateTimeField(blank=True, help_text='When the acknowledgement runs out, first with a reminder.', null=True),
        ),
        migrations.AlterField(
            model_name='pageevent',
            name='kind',
            field=models.CharField(choices=[('opened', 'Opened'), ('paged', 'Somebody is paged'), ('already_paged', 'Not paged again'), ('fallback', 'Reached another way'), ('unreachable', 'No way to reach somebody'), ('undelivered', 'A message did not arrive'), ('skipped', 'A step is passed outside its hours'), ('held', 'The next step waits'), ('released', 'The wait is over'), ('webhook', 'A program is told'), ('nobody', 'A step reaches nobody'), ('repeated', 'The steps begin again'), ('failed', 'A step could not be worked'), ('exhausted', 'Nobody is left to page'), ('acknowledged', 'Acknowledged'), ('also_acknowledged', 'Acknowledged by one more'), ('answered', 'Acknowledged by one of several who must'), ('reminded', 'Asked whether it is still being worked on'), ('confirmed', 'Still being worked on'), ('unacknowledged', 'The acknowledgement ran out'), ('given_back', 'The acknowledgement was taken back'), ('escalated', 'Escalated by hand'), ('snoozed', 'Snoozed'), ('woke', 'The snooze ended'), ('restarted', 'Begun again with the current policy'), ('moved', 'It follows another policy from here'), ('louder', 'The urgency was raised'), ('quieter', 'The urgency was lowered'), ('merged', 'It belongs to another incident from here'), ('resolved', 'Resolved')], max_length=30),
        ),
        migrations.AddConstraint(
            model_name='escalationpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('ack_grace__gt', datetime.timedelta(0))), name='policy_ack_grace_is_a_time'),
        ),
        migrations.AddConstraint(
            model_name='page',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['active', 'snoozed', 'held']), ('next_step_at__isnull', True), _connector='OR'), name='page_answered_has_no_next_step'),
        ),
        migrations.AddConstraint(
            model_name='page',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('next_step_at__isnull', False), ('state', 'held'), models.Q(('held_for', ''), _negated=True)), models.Q(models.Q(('state', 'held'), _negated=True), ('held_for', '')), _connector='OR'), name='page_held_says_for_what_and_until_when'),
        ),
        migrations.AddConstraint(
            model_name='step',
            constraint=models.CheckConstraint(condition=models.Q(('everyone', True), ('round_robin', True), _negated=True), name='step_asks_one_in_turn_or_everyone'),
        ),
        migrations.RunPython(migrations.RunPython.noop, let_go),
    ]
