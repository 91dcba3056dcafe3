"""Heartbeats of others: jobs and machines that report in, and whose silence is an alert."""

from datetime import datetime, timedelta

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from incidents.models.alerts import Alert
from oncall.models import Service

SHORTEST = timedelta(seconds=30)


class HeartbeatQuerySet(models.QuerySet):
    def overdue(self, now: datetime) -> "HeartbeatQuerySet":
        """Armed ones whose beat should have come by now, the longest overdue first."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")


class Heartbeat(models.Model):
    """Something that says "still alive" every ``interval``, give or take ``grace``.

    Armed by its first beat. ``due_at`` is when silence becomes an alert; null while it is unarmed, muted, or
    silent already (``missed_at``). Written by ``incidents.heartbeats``. Source: field/oncall.md rule 33.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    service = models.ForeignKey(
        Service,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="heartbeats",
        help_text="Whose on-call is paged when it falls silent.",
    )
    interval = models.DurationField(
        validators=[MinValueValidator(SHORTEST)], help_text="How often it beats, such as 00:05:00."
    )
    grace = models.DurationField(
        default=timedelta(minutes=1),
        validators=[MinValueValidator(timedelta())],
        help_text="How late a beat may be.",
    )
    severity = models.CharField(max_length=8, choices=Alert.Severity, default=Alert.Severity.CRITICAL)
    key_hash = models.CharField(max_length=64, blank=True)
    key_hint = models.CharField(max_length=8, blank=True, help_text="The first characters of its key.")
    muted_because = models.CharField("muted, because", max_length=200, blank=True)

    last_beat_at = models.DateTimeField(null=True, blank=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    missed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = HeartbeatQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["last_beat_at", "due_at", "missed_at"])

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["key_hash"], condition=~Q(key_hash=""), name="heartbeat_key_is_used_once"
            ),
            models.CheckConstraint(
                name="heartbeat_is_due_only_while_it_is_watched",
                condition=Q(due_at__isnull=True) | Q(missed_at__isnull=True, muted_because=""),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="heartbeat_due"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """``muted``, ``silent``, ``new`` (it has never beaten) or ``alive``."""
        if self.muted_because:
            return "muted"
        if self.missed_at:
            return "silent"
        return "alive" if self.last_beat_at else "new"

    @property
    def dedup_key(self) -> str:
        return f"heartbeat:{self.pk}"

    @property
    def patience(self) -> timedelta:
        """From one beat until silence is an alert."""
        return self.interval + self.grace
