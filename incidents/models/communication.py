"""What was told to whom, and when the next word was promised."""

from django.db import models

from incidents.models.incident import Incident
from oncall.models import User


class Update(models.Model):
    """One update as it was sent. Those to customers are written by the status page, which tells us of them."""

    class Audience(models.TextChoices):
        STAFF = "staff", "Everybody on the incident"
        EXECUTIVES = "executives", "Executives"
        CUSTOMERS = "customers", "Customers"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="updates")
    audience = models.CharField(max_length=10, choices=Audience)
    text = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    next_update_at = models.DateTimeField(null=True, blank=True)
    recipients = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["incident", "id"]
