"""Rights to the logo of a status page."""

from django.db import migrations

from config import groups

NEW = ("logo",)


def ship(apps, schema_editor):
    groups.extend(*NEW)


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0005_ship_planning_rights"),
        ("statuspage", "0004_pages"),
    ]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
