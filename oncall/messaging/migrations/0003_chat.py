import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0002_bundles'),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='follows',
            field=models.ForeignKey(blank=True, help_text='The delivery whose message this one changes.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='messaging.delivery'),
        ),
        migrations.AddField(
            model_name='message',
            name='brief',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AlterField(
            model_name='message',
            name='purpose',
            field=models.CharField(choices=[('page', 'Page'), ('notice', 'Notice'), ('update', 'Update'), ('confirm', 'Confirm'), ('reminder', 'Reminder'), ('canary', 'Canary'), ('follow_up', 'Follow-up')], max_length=20),
        ),
    ]
