from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("incidents", "0002_ship_severities")]
    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["source", "group_key", "-incident"], name="alert_by_group"),
        ),
    ]
