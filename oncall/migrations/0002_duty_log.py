from importlib import import_module

import django.db.models.deletion
import oncall.tables
from django.conf import settings
from django.db import migrations, models

whole = import_module("oncall.migrations.0001_squashed_0009_pages_of_severities")


class Migration(migrations.Migration):

    dependencies = [
        ('oncall', '0001_initial'),
    ]

    operations = [
        oncall.tables.CreateTables(
            operations=[
                migrations.CreateModel(
                    name='DutyLog',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('schedule_slug', models.CharField(max_length=50)),
                        ('schedule_name', models.CharField(max_length=200)),
                        ('version', models.PositiveIntegerField(help_text='That of the schedule.')),
                        ('from_at', models.DateTimeField()),
                        ('until_at', models.DateTimeField(null=True)),
                        ('due_at', models.DateTimeField(null=True)),
                        ('reason', models.CharField(choices=[('first', 'Written down from here on'), ('handover', 'Hand-over'), ('changed', 'The schedule was changed'), ('resumed', 'Written down again from here on')], max_length=8)),
                        ('computed', models.BooleanField(default=False)),
                        ('noted_at', models.DateTimeField()),
                        ('schedule', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='duty_log', to='oncall.schedule')),
                        ('team', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='oncall.team')),
                    ],
                    options={
                        'ordering': ['schedule_id', 'from_at'],
                        'default_permissions': (),
                        'constraints': [
                            models.UniqueConstraint(fields=('schedule', 'from_at'), name='duty_begins_once_at_an_instant'),
                            models.UniqueConstraint(fields=('schedule', 'until_at'), name='duty_ends_once_at_an_instant'),
                            models.UniqueConstraint(condition=models.Q(('until_at__isnull', True)), fields=('schedule',), name='one_duty_is_running'),
                            models.CheckConstraint(condition=models.Q(('until_at__isnull', True), ('until_at__gt', models.F('from_at')), _connector='OR'), name='duty_has_a_length'),
                            models.CheckConstraint(condition=models.Q(('due_at__isnull', True), ('due_at__gt', models.F('from_at')), _connector='OR'), name='duty_is_due_after_it_began'),
                        ],
                        'indexes': [models.Index(fields=['until_at'], name='duty_by_end')],
                    },
                ),
                migrations.CreateModel(
                    name='DutyLogPerson',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('username', models.CharField(max_length=150)),
                        ('name', models.CharField(max_length=301)),
                        ('time_zone', models.CharField(max_length=64)),
                        ('from_at', models.DateTimeField(help_text="That of the entry, so that a person's past is found by index.")),
                        ('entry', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='people', to='oncall.dutylog')),
                        ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'ordering': ['pk'],
                        'default_permissions': (),
                        'constraints': [models.UniqueConstraint(fields=('entry', 'user'), name='person_is_once_in_an_entry')],
                        'indexes': [models.Index(fields=['user', 'from_at'], name='duty_by_person')],
                    },
                ),
            ],
        ),
        migrations.RunPython(whole.hold_apart, whole.let_go),
    ]
