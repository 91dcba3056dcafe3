"""Major, Medium and Minor, with the policy of field/incidents.md section 4. Editable from then on."""

from datetime import timedelta

from django.db import migrations

MINUTES, DAYS = (lambda n: timedelta(minutes=n)), (lambda n: timedelta(days=n))
SEVERITIES = [
    {
        "slug": "major",
        "name": "Major",
        "rank": 1,
        "description": "A critical service is lost for most users, or an important one in several regions; "
        "revenue or the brand is at stake.",
        "urgency": "high",
        "first_update_after": MINUTES(10),
        "update_every": MINUTES(20),
        "required_roles": ["incident_manager", "communications_lead"],
        "all_clear_required": True,
        "review_required": True,
        "review_within": DAYS(3),
        "action_due_within": DAYS(7),
    },
    {
        "slug": "medium",
        "name": "Medium",
        "rank": 2,
        "description": "A significant part of users is hurt, usually in one region or one important workflow.",
        "urgency": "high",
        "first_update_after": MINUTES(20),
        "update_every": MINUTES(45),
        "required_roles": ["incident_manager"],
        "all_clear_required": True,
        "review_required": True,
        "review_within": DAYS(7),
        "action_due_within": DAYS(14),
    },
    {
        "slug": "minor",
        "name": "Minor",
        "rank": 3,
        "description": "A workflow that is not critical, or only a few users.",
        "urgency": "low",
        "first_update_after": MINUTES(60),
        "update_every": MINUTES(240),
        "required_roles": [],
        "all_clear_required": False,
        "review_required": False,
        "review_within": DAYS(14),
        "action_due_within": DAYS(60),
    },
]


def ship(apps, schema_editor):
    severity = apps.get_model("incidents", "Severity")
    for values in SEVERITIES:
        severity.objects.get_or_create(slug=values["slug"], defaults=values)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
