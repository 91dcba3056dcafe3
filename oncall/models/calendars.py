"""Calendars out, read by other programs through a secret address."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

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
