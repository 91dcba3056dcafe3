
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oncall', '0008_inbox'),
    ]

    operations = [
        migrations.AddField(
            model_name='answercode',
            name='loop',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='answercode',
            name='step',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='page',
            name='ack_timeout',
            field=models.DurationField(blank=True, help_text='How long an acknowledgement lasts, in place of what the policy says.', null=True),
        ),
        migrations.AddField(
            model_name='page',
            name='policy_reason',
            field=models.CharField(blank=True, db_default='', default='', help_text="Whose policy it is, if not its service's.", max_length=60),
        ),
    ]
