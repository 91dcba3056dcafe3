"""Calendars out, read by other programs through a secret address, and in, as layers of a schedule."""

from datetime import datetime

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from oncall.models.directory import User
from oncall.models.schedules import Schedule

LONGEST_ALARM_MINUTES = 14 * 24 * 60


class CalendarFeed(models.Model):
    """A calendar of the shifts of one person, or of one schedule, under ``/calendars/<token>.ics``.

    Of the token only the SHA-256 is kept. It works until it is revoked, or its owner or person deactivated.
    """

    owner = models.ForeignKey(User, models.CASCADE, related_name="calendar_feeds")
    user = models.ForeignKey(
        User,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="person",
        help_text="All shifts of this person.",
    )
    schedule = models.ForeignKey(
        Schedule,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="feeds",
        help_text="Or everybody's shifts on this schedule.",
    )
    token_hash = models.CharField(max_length=64, unique=True)
    alarm_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(LONGEST_ALARM_MINUTES)],
        verbose_name="alarm, minutes before",
        help_text="The calendar program reminds so long before each shift. Empty: no reminder.",
    )
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(schedule__isnull=True),
                name="feed_is_of_a_person_or_a_schedule",
            )
        ]

    def __str__(self) -> str:
        return f"Shifts of {self.user}" if self.user_id else f"Shifts on {self.schedule}"


class CalendarImportQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "CalendarImportQuerySet":
        """Those to be read again, the longest due first."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")


class CalendarImport(models.Model):
    """A calendar elsewhere as a layer of a schedule: read again and again, never written.

    ``events`` is the last good copy: [start, end, [ids of people]] with seconds since 1970, in order, apart.
    ``problems`` are sentences about events left out of it; ``error`` is why the last reading failed, if it did.
    Source of the idea: field/oncall.md section 1, "Feeds".
    """

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="imports")
    name = models.CharField(max_length=80)
    priority = models.IntegerField(
        default=1, help_text="As of layers: higher hides lower, layers of one priority share the duty."
    )
    url = models.CharField(
        max_length=1000, verbose_name="address", help_text="Of the calendar in iCalendar format (.ics)."
    )
    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    problems = models.JSONField(default=list, editable=False)
    events = models.JSONField(default=list, editable=False)
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)

    objects = CalendarImportQuerySet.as_manager()
    #: Without what the pulse writes, and without the address, which often holds a secret.
    history = HistoricalRecords(
        excluded_fields=[
            "url", "due_at", "refreshed_at", "failures", "error", "problems", "events", "fingerprint"
        ]
    )  # fmt: skip

    class Meta:
        ordering = ["schedule", "name"]
        verbose_name = "imported calendar"
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "name"], name="imported_calendar_name_is_unique_per_schedule"
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="calendar_import_due")
        ]

    def __str__(self) -> str:
        return self.name
