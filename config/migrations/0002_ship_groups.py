"""The groups that a fresh portal has: Responder, Incident Manager, Communications and the others."""

from django.db import migrations

from config import groups


def ship(apps, schema_editor):
    groups.ship()


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0001_initial"),
        ("messaging", "0001_initial"),
        ("oncall", "0001_initial"),
        ("incidents", "0002_ship_severities"),
        ("statuspage", "0001_initial"),
        ("postmortems", "0001_initial"),
    ]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
