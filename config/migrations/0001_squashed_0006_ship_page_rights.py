"""The pulse's lines, and the groups that a fresh portal has: Responder, Incident Manager, Communications and others."""

from django.db import migrations, models

from config import groups


def ship(apps, schema_editor):
    groups.ship()


class Migration(migrations.Migration):

    replaces = [
        ('config', '0001_initial'),
        ('config', '0002_ship_groups'),
        ('config', '0003_ship_new_rights'),
        ('config', '0004_ship_channel_rights'),
        ('config', '0005_ship_planning_rights'),
        ('config', '0006_ship_page_rights'),
    ]

    initial = True

    dependencies = [
        ('messaging', '0005_fewer_indexes_of_mass_mail'),
        ('oncall', '0009_pages_of_severities'),
        ('incidents', '0004_severities_page'),
        ('statuspage', '0008_origins'),
        ('postmortems', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='PulseLine',
            fields=[
                ('name', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('due_at', models.DateTimeField()),
                ('owner', models.CharField(blank=True, help_text='Host and process that ran it last.', max_length=100)),
                ('ran_at', models.DateTimeField(blank=True, null=True)),
                ('ok_at', models.DateTimeField(blank=True, help_text='When it last ended without an error.', null=True)),
                ('took_ms', models.PositiveIntegerField(default=0, help_text='The longest run since the last note.')),
                ('rows', models.PositiveBigIntegerField(default=0, help_text='Rows worked, ever.')),
                ('error', models.CharField(blank=True, max_length=500)),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.RunPython(ship, migrations.RunPython.noop),
    ]
