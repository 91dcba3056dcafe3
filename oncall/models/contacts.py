"""How a person wants to be reached."""

from django.db import models
from simple_history.models import HistoricalRecords

from oncall.models.directory import User


class Urgency(models.TextChoices):
    """Whether somebody may be woken."""

    HIGH = "high", "High"
    LOW = "low", "Low"


class ContactMethod(models.Model):
    """One address of a person on one medium. Unverified ones are never used for pages."""

    user = models.ForeignKey(User, models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=50)
    medium = models.CharField(max_length=20)
    address = models.CharField(max_length=1000)
    verified_at = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["user", "name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="contact_name_is_unique_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.medium})"


class NotificationRule(models.Model):
    """When paged, write to ``contact`` so long after; the first rule is usually at once."""

    user = models.ForeignKey(User, models.CASCADE, related_name="rules")
    urgency = models.CharField(max_length=4, choices=Urgency)
    after = models.DurationField(help_text="Counted from the moment the page reached this person.")
    contact = models.ForeignKey(ContactMethod, models.CASCADE, related_name="rules")

    history = HistoricalRecords()

    class Meta:
        ordering = ["user", "urgency", "after", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "urgency", "after", "contact"], name="notification_rule_stands_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_urgency_display()}: {self.contact} after {self.after}"


class ContactCheck(models.Model):
    """A code on its way to an address, to see whether it reaches the person who entered it.

    Only a keyed digest of the code is kept, and it holds for this medium and address alone. Rows outlive their
    contact: they count how often somebody, or an address, was sent a code.
    """

    contact = models.ForeignKey(ContactMethod, models.SET_NULL, null=True, related_name="checks")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    medium = models.CharField(max_length=20)
    address = models.CharField(max_length=1000)
    code_digest = models.CharField(max_length=64)
    sent_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    passed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "sent_at"], name="contact_check_by_person")]

    def __str__(self) -> str:
        return f"Code to {self.medium} of {self.user}"
