import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0004_callbacks'),
        ('oncall', '0007_contacts'),
    ]

    operations = [
        migrations.CreateModel(
            name='Reading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('delivery', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='reading', to='messaging.delivery')),
            ],
        ),
    ]
