import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('page', 'Page'), ('notice', 'Notice'), ('update', 'Update'), ('confirm', 'Confirm'), ('reminder', 'Reminder'), ('canary', 'Canary')], max_length=20)),
                ('subject', models.CharField(max_length=255)),
                ('text', models.TextField()),
                ('html', models.TextField(blank=True)),
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
                ('last_error', models.TextField(blank=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='messaging.message')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='delivery_due'), models.Index(condition=models.Q(('due_at__isnull', False)), fields=['medium', '-lane', 'priority', 'due_at'], name='delivery_in_order_of_urgency'), models.Index(condition=models.Q(('topic', ''), _negated=True), fields=['topic'], name='delivery_by_topic'), models.Index(condition=models.Q(('recipient', ''), _negated=True), fields=['recipient'], name='delivery_by_recipient'), models.Index(fields=['state', 'finished_at'], name='delivery_by_state')],
                'constraints': [models.UniqueConstraint(fields=('idempotency_key',), name='delivery_key_is_used_once'), models.CheckConstraint(condition=models.Q(('address', ''), _negated=True), name='delivery_has_an_address'), models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', False), ('finished_at__isnull', True), ('state__in', ['pending', 'sending'])), models.Q(('due_at__isnull', True), ('finished_at__isnull', False), ('state__in', ['sent', 'kept', 'dead', 'cancelled', 'expired'])), _connector='OR'), name='delivery_is_due_exactly_while_open'), models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state', 'sending')), models.Q(models.Q(('state', 'sending'), _negated=True), ('lease_until__isnull', True)), _connector='OR'), name='delivery_has_a_lease_exactly_while_sending')],
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
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='messaging.delivery')),
            ],
            options={
                'ordering': ['n'],
                'constraints': [models.UniqueConstraint(fields=('delivery', 'n'), name='attempt_is_numbered_once'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('outcome', '')), models.Q(('ended_at__isnull', False), models.Q(('outcome', ''), _negated=True)), _connector='OR'), name='attempt_has_an_outcome_exactly_when_ended')],
            },
        ),
    ]
