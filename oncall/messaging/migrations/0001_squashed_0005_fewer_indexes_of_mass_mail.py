"""All tables of the floor as they are after the migrations named below, for a fresh portal."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('messaging', '0001_initial'),
        ('messaging', '0002_bundles'),
        ('messaging', '0003_chat'),
        ('messaging', '0004_callbacks'),
        ('messaging', '0005_fewer_indexes_of_mass_mail'),
    ]

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('page', 'Page'), ('notice', 'Notice'), ('update', 'Update'), ('confirm', 'Confirm'), ('reminder', 'Reminder'), ('canary', 'Canary'), ('follow_up', 'Follow-up')], max_length=20)),
                ('subject', models.CharField(max_length=255)),
                ('text', models.TextField()),
                ('html', models.TextField(blank=True)),
                ('brief', models.TextField(blank=True, db_default='', default='')),
                ('headers', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('medium', models.CharField(max_length=20)),
                ('address', models.CharField(max_length=2000)),
                ('recipient', models.CharField(blank=True, help_text='Who it is for, in words of the caller.', max_length=200)),
                ('topic', models.CharField(blank=True, help_text='What it belongs to; cancelled together.', max_length=100)),
                ('lane', models.CharField(choices=[('page', 'Page'), ('bulk', 'Bulk')], default='bulk', max_length=4)),
                ('priority', models.PositiveSmallIntegerField(default=5, help_text='Within the lane; lower goes first.')),
                ('about', models.CharField(blank=True, default='', help_text='What it is about, coarsely: after one message more about the same is held back.', max_length=100)),
                ('values', models.JSONField(blank=True, default=dict)),
                ('idempotency_key', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('sending', 'Sending'), ('sent', 'Sent'), ('kept', 'Kept'), ('dead', 'Dead'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='pending', max_length=10)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('expires_at', models.DateTimeField()),
                ('attempt_count', models.PositiveIntegerField(default=0)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('lease_owner', models.CharField(blank=True, max_length=100)),
                ('generation', models.PositiveIntegerField(default=0)),
                ('stable_id', models.CharField(help_text='Message-ID or webhook-id: the same on every try, so that receivers can fold.', max_length=300)),
                ('provider_id', models.CharField(blank=True, max_length=200)),
                ('reported', models.CharField(blank=True, help_text='What the provider said of it later: delivered, undelivered, no-answer.', max_length=20)),
                ('reported_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.TextField(blank=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('held_until', models.DateTimeField(blank=True, help_text='A limit let it wait until then, so that it went with others.', null=True)),
                ('bundled_into', models.ForeignKey(blank=True, db_index=False, help_text='The delivery in whose message it went out.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='bundled', to='messaging.delivery')),
                ('follows', models.ForeignKey(blank=True, db_index=False, help_text='The delivery whose message this one changes.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='messaging.delivery')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='messaging.message')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
            },
        ),
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
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.PositiveIntegerField()),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(blank=True, choices=[('accepted', 'Accepted'), ('kept', 'Kept'), ('temporary', 'Temporary'), ('permanent', 'Permanent'), ('unknown', 'Unknown'), ('fault', 'Fault')], max_length=10)),
                ('code', models.CharField(blank=True, help_text="The provider's own: an SMTP or HTTP status.", max_length=20)),
                ('text', models.TextField(blank=True)),
                ('delivery', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='messaging.delivery')),
            ],
            options={
                'ordering': ['n'],
                'constraints': [models.UniqueConstraint(fields=('delivery', 'n'), name='attempt_is_numbered_once'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('outcome', '')), models.Q(('ended_at__isnull', False), models.Q(('outcome', ''), _negated=True)), _connector='OR'), name='attempt_has_an_outcome_exactly_when_ended')],
            },
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='delivery_due'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['medium', '-lane', 'priority', 'due_at'], name='delivery_in_order_of_urgency'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('topic', ''), _negated=True), fields=['topic'], name='delivery_by_topic'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('recipient', ''), _negated=True), fields=['recipient'], name='delivery_by_recipient'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['state', 'finished_at'], name='delivery_by_state'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('follows__isnull', False)), fields=['follows'], name='delivery_following'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('bundled_into__isnull', False)), fields=['bundled_into'], name='delivery_bundled'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('medium__in', ['sms', 'voice'])), fields=['stable_id'], name='delivery_called_back'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('lane', 'page'), models.Q(('recipient', ''), _negated=True)), fields=['recipient', 'finished_at'], name='delivery_lately_to_a_person'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('idempotency_key',), name='delivery_key_is_used_once'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('address', ''), _negated=True), name='delivery_has_an_address'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', False), ('finished_at__isnull', True), ('state__in', ['pending', 'sending'])), models.Q(('due_at__isnull', True), ('finished_at__isnull', False), ('state__in', ['sent', 'kept', 'dead', 'cancelled', 'expired'])), _connector='OR'), name='delivery_is_due_exactly_while_open'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state', 'sending')), models.Q(models.Q(('state', 'sending'), _negated=True), ('lease_until__isnull', True)), _connector='OR'), name='delivery_has_a_lease_exactly_while_sending'),
        ),
    ]
