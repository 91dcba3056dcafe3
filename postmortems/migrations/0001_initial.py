import django.db.models.deletion
import oncall.tables
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('incidents', '0001_initial'),
        ('oncall', '__first__'),
    ]

    operations = [
        oncall.tables.CreateTables(
            operations=[
                migrations.CreateModel(
                    name='HistoricalPostMortem',
                    fields=[
                        ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                        ('state', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'In review'), ('approved', 'Approved'), ('published', 'Published')], default='draft', editable=False, max_length=10)),
                        ('due_at', models.DateTimeField(blank=True, help_text='When it should be approved.', null=True)),
                        ('meeting_at', models.DateTimeField(blank=True, null=True)),
                        ('created_at', models.DateTimeField(editable=False)),
                        ('submitted_at', models.DateTimeField(editable=False, null=True)),
                        ('approved_at', models.DateTimeField(editable=False, null=True)),
                        ('published_at', models.DateTimeField(editable=False, null=True)),
                        ('history_id', models.AutoField(primary_key=True, serialize=False)),
                        ('history_date', models.DateTimeField(db_index=True)),
                        ('history_change_reason', models.CharField(max_length=100, null=True)),
                        ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                        ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('incident', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='incidents.incident')),
                        ('lead', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'historical post-mortem',
                        'verbose_name_plural': 'historical post-mortems',
                        'ordering': ('-history_date', '-history_id'),
                        'get_latest_by': ('history_date', 'history_id'),
                    },
                    bases=(simple_history.models.HistoricalChanges, models.Model),
                ),
                migrations.CreateModel(
                    name='PostMortem',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('state', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'In review'), ('approved', 'Approved'), ('published', 'Published')], default='draft', editable=False, max_length=10)),
                        ('facts', models.TextField(blank=True, editable=False)),
                        ('facts_at', models.DateTimeField(editable=False, null=True)),
                        ('due_at', models.DateTimeField(blank=True, help_text='When it should be approved.', null=True)),
                        ('meeting_at', models.DateTimeField(blank=True, null=True)),
                        ('created_at', models.DateTimeField(editable=False)),
                        ('submitted_at', models.DateTimeField(editable=False, null=True)),
                        ('approved_at', models.DateTimeField(editable=False, null=True)),
                        ('published_at', models.DateTimeField(editable=False, null=True)),
                        ('reminded_at', models.DateTimeField(editable=False, null=True)),
                        ('incident', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='postmortem', to='incidents.incident')),
                        ('lead', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='led_postmortems', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'post-mortem',
                        'ordering': ['-id'],
                        'permissions': [('approve_postmortem', 'Can approve and publish post-mortems')],
                        'indexes': [models.Index(condition=models.Q(('state__in', ['draft', 'in_review'])), fields=['due_at'], name='postmortem_due')],
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['approved', 'published']), _negated=True), ('approved_at__isnull', False), _connector='OR'), name='postmortem_published_was_approved')],
                    },
                ),
                migrations.CreateModel(
                    name='HistoricalSection',
                    fields=[
                        ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                        ('kind', models.CharField(choices=[('summary', 'In short'), ('impact', 'Who was hurt, and how'), ('causes', 'Contributing factors'), ('whys', 'Five whys'), ('detection', 'How we found out'), ('response', 'How we responded'), ('went_well', 'What went well'), ('went_badly', 'What went badly'), ('lucky', 'Where we were lucky')], max_length=10)),
                        ('position', models.PositiveSmallIntegerField()),
                        ('text', models.TextField(blank=True, help_text='Markdown.')),
                        ('history_id', models.AutoField(primary_key=True, serialize=False)),
                        ('history_date', models.DateTimeField(db_index=True)),
                        ('history_change_reason', models.CharField(max_length=100, null=True)),
                        ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                        ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('postmortem', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='postmortems.postmortem')),
                    ],
                    options={
                        'verbose_name': 'historical section',
                        'verbose_name_plural': 'historical sections',
                        'ordering': ('-history_date', '-history_id'),
                        'get_latest_by': ('history_date', 'history_id'),
                    },
                    bases=(simple_history.models.HistoricalChanges, models.Model),
                ),
                migrations.CreateModel(
                    name='HistoricalActionItem',
                    fields=[
                        ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                        ('title', models.CharField(max_length=300)),
                        ('details', models.TextField(blank=True, help_text='Markdown.')),
                        ('priority', models.CharField(blank=True, choices=[('high', 'High'), ('medium', 'Medium'), ('low', 'Low')], max_length=6)),
                        ('essential', models.BooleanField(default=True, help_text='The incident stays open until it is done or waived.')),
                        ('due_on', models.DateField(blank=True, null=True)),
                        ('state', models.CharField(choices=[('open', 'Open'), ('done', 'Done'), ('waived', 'Waived')], default='open', editable=False, max_length=6)),
                        ('ended_at', models.DateTimeField(editable=False, null=True)),
                        ('waived_because', models.TextField(blank=True, editable=False)),
                        ('created_at', models.DateTimeField(editable=False)),
                        ('history_id', models.AutoField(primary_key=True, serialize=False)),
                        ('history_date', models.DateTimeField(db_index=True)),
                        ('history_change_reason', models.CharField(max_length=100, null=True)),
                        ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                        ('ended_by', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('owner', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('postmortem', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='postmortems.postmortem')),
                    ],
                    options={
                        'verbose_name': 'historical action item',
                        'verbose_name_plural': 'historical action items',
                        'ordering': ('-history_date', '-history_id'),
                        'get_latest_by': ('history_date', 'history_id'),
                    },
                    bases=(simple_history.models.HistoricalChanges, models.Model),
                ),
                migrations.CreateModel(
                    name='Approval',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField()),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('postmortem', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='approvals', to='postmortems.postmortem')),
                    ],
                    options={
                        'ordering': ['postmortem', 'id'],
                        'constraints': [models.UniqueConstraint(fields=('postmortem', 'user'), name='postmortem_is_approved_once_by_each')],
                    },
                ),
                migrations.CreateModel(
                    name='ActionItem',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('title', models.CharField(max_length=300)),
                        ('details', models.TextField(blank=True, help_text='Markdown.')),
                        ('priority', models.CharField(blank=True, choices=[('high', 'High'), ('medium', 'Medium'), ('low', 'Low')], max_length=6)),
                        ('essential', models.BooleanField(default=True, help_text='The incident stays open until it is done or waived.')),
                        ('due_on', models.DateField(blank=True, null=True)),
                        ('state', models.CharField(choices=[('open', 'Open'), ('done', 'Done'), ('waived', 'Waived')], default='open', editable=False, max_length=6)),
                        ('remind_at', models.DateTimeField(editable=False, null=True)),
                        ('reminders', models.PositiveIntegerField(default=0, editable=False)),
                        ('ended_at', models.DateTimeField(editable=False, null=True)),
                        ('waived_because', models.TextField(blank=True, editable=False)),
                        ('created_at', models.DateTimeField(editable=False)),
                        ('ended_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='actions', to=settings.AUTH_USER_MODEL)),
                        ('postmortem', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='postmortems.postmortem')),
                    ],
                    options={
                        'ordering': ['due_on', 'id'],
                        'indexes': [models.Index(condition=models.Q(('remind_at__isnull', False)), fields=['remind_at'], name='action_reminder_due'), models.Index(fields=['owner', 'state'], name='action_by_owner')],
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'waived'), _negated=True), models.Q(('waived_because', ''), _negated=True), _connector='OR'), name='action_waived_says_why'), models.CheckConstraint(condition=models.Q(('state', 'open'), ('remind_at__isnull', True), _connector='OR'), name='action_ended_reminds_nobody')],
                    },
                ),
                migrations.CreateModel(
                    name='Section',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(choices=[('summary', 'In short'), ('impact', 'Who was hurt, and how'), ('causes', 'Contributing factors'), ('whys', 'Five whys'), ('detection', 'How we found out'), ('response', 'How we responded'), ('went_well', 'What went well'), ('went_badly', 'What went badly'), ('lucky', 'Where we were lucky')], max_length=10)),
                        ('position', models.PositiveSmallIntegerField()),
                        ('text', models.TextField(blank=True, help_text='Markdown.')),
                        ('postmortem', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sections', to='postmortems.postmortem')),
                    ],
                    options={
                        'ordering': ['postmortem', 'position'],
                        'constraints': [models.UniqueConstraint(fields=('postmortem', 'kind'), name='postmortem_has_each_section_once')],
                    },
                ),
            ],
        ),
    ]
