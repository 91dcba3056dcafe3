"""Major, Medium and Minor, with the policy of field/incidents.md section 4. Editable from then on."""

from importlib import import_module

from django.db import migrations

whole = import_module("incidents.migrations.0001_squashed_0004_severities_page")


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]
    operations = [migrations.RunPython(whole.ship, migrations.RunPython.noop)]
