"""What chat and push services call back with when somebody presses a button."""

from datetime import datetime

from django.db import models

from oncall.models.directory import User
from oncall.models.paging import Page


class CallbackQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "CallbackQuerySet":
        """Without presses on pages that the person may not see."""
        return self.filter(models.Q(page=None) | models.Q(page__in=Page.objects.visible_to(user)))

    def rejected_since(self, moment: datetime) -> "CallbackQuerySet":
        """Calls that were not believed, from ``moment`` on."""
        return self.filter(outcome=Callback.Outcome.REJECTED, at__gte=moment)


class Callback(models.Model):
    """One call of a service: who pressed what, and what came of it. Written by ``oncall.presses`` alone.

    ``digest`` names an authentic call, so that the same one acts once; a call that was not believed has none.
    """

    class Outcome(models.TextChoices):
        DONE = "done"
        REFUSED = "refused", "Refused"  # authentic, but this person may not, or not any more
        REJECTED = "rejected", "Not believed"  # unsigned, forged, too old, repeated, or not understood

    medium = models.CharField(max_length=20)
    at = models.DateTimeField(db_index=True)
    outcome = models.CharField(max_length=8, choices=Outcome)
    reason = models.CharField(max_length=300, blank=True)
    digest = models.CharField(max_length=64, null=True, blank=True)
    verb = models.CharField(max_length=12, blank=True)
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    page = models.ForeignKey(Page, models.SET_NULL, null=True, blank=True, related_name="+")
    client = models.CharField(max_length=45, blank=True, help_text="The address that the call came from.")

    objects = CallbackQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "answer from chat"
        verbose_name_plural = "answers from chat"
        constraints = [models.UniqueConstraint(fields=["medium", "digest"], name="callback_acts_once")]

    def __str__(self) -> str:
        return f"{self.medium} {self.verb}".strip()
