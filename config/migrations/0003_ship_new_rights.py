"""Rights to what has come since the groups were made: heartbeats, maintenance of services, notes, callbacks."""

from django.db import migrations

from config import groups


NEW = ("heartbeat", "servicemaintenance", "handovernote", "callback")


def ship(apps, schema_editor):
    groups.extend(*NEW)


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0002_ship_groups"),
        ("messaging", "0004_callbacks"),
        ("oncall", "0008_inbox"),
        ("incidents", "0003_heartbeats"),
        ("statuspage", "0002_snapshots"),
        ("postmortems", "0001_initial"),
    ]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
