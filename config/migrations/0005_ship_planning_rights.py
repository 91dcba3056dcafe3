"""Rights to what is written ahead of its time, and to the log of components."""

from django.db import migrations

from config import groups


NEW = ("componentchange", "maintenancerule", "plannedpost", "template")


def ship(apps, schema_editor):
    groups.extend(*NEW)


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0004_ship_channel_rights"),
        ("statuspage", "0005_planning"),
    ]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
