"""What was told to whom inside the house. What customers read is the status page's."""

from django.db import models

from incidents.models.incident import Incident
from oncall.models import User


class Update(models.Model):
    """One update to staff or executives, as it was sent."""

    class Audience(models.TextChoices):
        STAFF = "staff", "Everybody on the incident"
        EXECUTIVES = "executives", "Executives"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="updates")
    audience = models.CharField(max_length=10, choices=Audience)
    text = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    next_update_at = models.DateTimeField(null=True, blank=True)
    recipients = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["incident", "id"]
