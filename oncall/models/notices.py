"""What people want to be told about their shifts, and when the portal looks next."""

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from simple_history.models import HistoricalRecords

from oncall.models.directory import User
from oncall.models.schedules import Schedule

LEAD = timedelta(hours=1)
LONGEST_LEAD = timedelta(hours=72)


class NoticePreference(models.Model):
    """Which mails a person gets about shifts of hers. Without a row the defaults hold."""

    user = models.OneToOneField(User, models.CASCADE, related_name="notice_preference", verbose_name="person")
    going_on = models.BooleanField(default=True, verbose_name="before I go on call")
    lead = models.DurationField(
        default=LEAD,
        validators=[MinValueValidator(timedelta(0)), MaxValueValidator(LONGEST_LEAD)],
        verbose_name="how long before",
        help_text="Hours:minutes:seconds, such as 12:00:00; at most 72 hours.",
    )
    going_off = models.BooleanField(default=False, verbose_name="when I go off call")
    changed = models.BooleanField(default=True, verbose_name="when a shift of mine changes hands")
    digest = models.BooleanField(
        default=False, verbose_name="my coming shifts, on Mondays", help_text="At 09:00 on your clock."
    )
    digest_at = models.DateTimeField(null=True, blank=True, editable=False)

    history = HistoricalRecords(excluded_fields=["digest_at"])

    class Meta:
        ordering = ["user"]
        verbose_name = "notice setting"
        indexes = [
            models.Index(fields=["digest_at"], condition=models.Q(digest_at__isnull=False), name="digest_due")
        ]

    def __str__(self) -> str:
        return f"Notices to {self.user}"


class ShiftWatch(models.Model):
    """When somebody on a schedule must next be told something, and what its shifts were when last looked at.

    ``known`` holds [username, start, end] for the time from ``looked_at`` to ``known_until``. It is out of date
    when ``version`` is no longer the schedule's.
    """

    schedule = models.OneToOneField(Schedule, models.CASCADE, related_name="watch")
    version = models.PositiveIntegerField()
    next_at = models.DateTimeField(db_index=True)
    looked_at = models.DateTimeField()
    known_until = models.DateTimeField()
    known = models.JSONField(default=list)
