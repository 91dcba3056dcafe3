"""Rights to what has come with the channels of subscribers: their log, bounces, suppressed addresses."""

from django.db import migrations

from config import groups


NEW = ("subscriberevent", "bounce", "suppression", "componentnews", "channelmessage")


def ship(apps, schema_editor):
    groups.extend(*NEW)


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0003_ship_new_rights"),
        ("statuspage", "0003_channels"),
    ]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
