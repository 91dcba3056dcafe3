import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="delivery",
            name="about",
            field=models.CharField(
                blank=True,
                default="",
                help_text="What it is about, coarsely: after one message more about the same is held back.",
                max_length=100,
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="held_until",
            field=models.DateTimeField(
                blank=True, help_text="A limit let it wait until then, so that it went with others.", null=True
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="bundled_into",
            field=models.ForeignKey(
                blank=True,
                help_text="The delivery in whose message it went out.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="bundled",
                to="messaging.delivery",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("lane", "page"), models.Q(("recipient", ""), _negated=True)),
                fields=["recipient", "finished_at"],
                name="delivery_lately_to_a_person",
            ),
        ),
    ]
