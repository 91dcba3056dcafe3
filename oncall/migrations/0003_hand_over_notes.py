import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oncall', '0002_duty_log'),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalHandOverNote',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('text', models.TextField(blank=True, max_length=10000)),
                ('written_at', models.DateTimeField(blank=True, null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False, help_text='Grows with every text and shift.')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('schedule', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='oncall.schedule')),
                ('written_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical hand-over note',
                'verbose_name_plural': 'historical hand-over notes',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HandOverNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(blank=True, null=True)),
                ('text', models.TextField(blank=True, max_length=10000)),
                ('written_at', models.DateTimeField(blank=True, null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False, help_text='Grows with every text and shift.')),
                ('pages', models.JSONField(blank=True, default=dict)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('schedule_version', models.PositiveIntegerField()),
                ('since', models.DateTimeField(help_text='When those who hand over came on call, as far as is known.')),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('incoming', models.ManyToManyField(blank=True, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('outgoing', models.ManyToManyField(blank=True, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hand_over_notes', to='oncall.schedule')),
                ('written_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'hand-over note',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='hand_over_due'), models.Index(fields=['schedule', 'at'], name='hand_over_by_schedule')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('sent_at__isnull', True)), fields=('schedule',), name='schedule_has_one_coming_note'), models.CheckConstraint(condition=models.Q(('sent_at__isnull', True), ('due_at__isnull', True), _connector='XOR'), name='note_is_due_until_it_is_handed_over'), models.CheckConstraint(condition=models.Q(('sent_at__isnull', True), ('at__isnull', False), _connector='OR'), name='note_handed_over_has_a_hand_over')],
            },
        ),
    ]
