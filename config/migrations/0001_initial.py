from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
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
    ]
