
import datetime
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('incidents', '0003_heartbeats'),
        ('oncall', '0009_pages_of_severities'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalseverity',
            name='ack_timeout',
            field=models.DurationField(blank=True, help_text='After this long, whoever acknowledged is asked to say so again. Empty: as the policy says.', null=True),
        ),
        migrations.AddField(
            model_name='historicalseverity',
            name='policy',
            field=models.ForeignKey(blank=True, db_constraint=False, help_text="Pages in place of the service's own policy. Empty: that pages.", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='oncall.escalationpolicy'),
        ),
        migrations.AddField(
            model_name='severity',
            name='ack_timeout',
            field=models.DurationField(blank=True, help_text='After this long, whoever acknowledged is asked to say so again. Empty: as the policy says.', null=True),
        ),
        migrations.AddField(
            model_name='severity',
            name='policy',
            field=models.ForeignKey(blank=True, help_text="Pages in place of the service's own policy. Empty: that pages.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='severities', to='oncall.escalationpolicy'),
        ),
        migrations.AddConstraint(
            model_name='severity',
            constraint=models.CheckConstraint(condition=models.Q(('ack_timeout__isnull', True), ('ack_timeout__gt', datetime.timedelta(0)), _connector='OR'), name='severity_ack_timeout_is_a_time'),
        ),
    ]
