"""Alerts: the keys that tools send with, the bytes they sent, and what those say."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from incidents.models.incident import Incident
from oncall.models import Service, User


class AlertSource(models.Model):
    """A tool that sends alerts in one dialect. Its keys are kept as SHA-256 and shown once."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    dialect = models.CharField(max_length=20)
    service = models.ForeignKey(
        Service,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="sources",
        help_text="Where its alerts go when they name no service of ours.",
    )
    active = models.BooleanField(default=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SourceKey(models.Model):
    """One key of a source. Two may live at once, so that a key can be changed without a lost alert."""

    source = models.ForeignKey(AlertSource, models.CASCADE, related_name="keys")
    key_hash = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=8, help_text="The first characters, to tell keys apart.")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["source", "id"]


class StoredEventQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "StoredEventQuerySet":
        """Events to be taken in, in order of receipt."""
        return self.filter(due_at__lte=now).order_by("id")

    def unread(self, since: datetime) -> "StoredEventQuerySet":
        """What came since then and made no alert, because nobody could read it: it has paged nobody."""
        lost = [StoredEvent.State.NOT_UNDERSTOOD, StoredEvent.State.FAILED]
        return self.filter(state__in=lost, received_at__gte=since)


class StoredEvent(models.Model):
    """The bytes of one request, stored and committed before it was answered 202.

    ``due_at`` null: taken in, or given up. Written by ``incidents.webhooks``, worked by ``incidents.intake``.
    """

    class State(models.TextChoices):
        NEW = "new", "Waiting"
        DONE = "done", "Taken in"
        NOT_UNDERSTOOD = "not_understood", "Not understood"
        FAILED = "failed", "Failed"

    source = models.ForeignKey(AlertSource, models.CASCADE, related_name="events")
    dialect = models.CharField(max_length=20)
    received_at = models.DateTimeField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=14, choices=State, default=State.NEW)
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    objects = StoredEventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="stored_event_due"),
            models.Index(fields=["state", "-id"], name="stored_event_by_state"),
        ]

    def __str__(self) -> str:
        return f"Event {self.pk}"


class AlertQuerySet(models.QuerySet):
    def open(self) -> "AlertQuerySet":
        """Alerts that have not recovered."""
        return self.exclude(state=Alert.State.RESOLVED)

    def visible_to(self, user: User) -> "AlertQuerySet":
        """What this person may see: not the alerts of private incidents she has no part in."""
        return self.filter(Q(incident=None) | Q(incident__in=Incident.objects.visible_to(user)))


class Alert(models.Model):
    """One episode of one alert: from the first firing until it is resolved. The same key again is counted."""

    class State(models.TextChoices):
        FIRING = "firing", "Firing"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        RESOLVED = "resolved", "Resolved"

    class Severity(models.TextChoices):
        CRITICAL = "critical"
        ERROR = "error"
        WARNING = "warning"
        INFO = "info"

    source = models.ForeignKey(AlertSource, models.CASCADE, related_name="alerts")
    dedup_key = models.CharField(max_length=255)
    group_key = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.FIRING)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.CRITICAL)
    summary = models.CharField(max_length=1024)
    description = models.TextField(blank=True)
    service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="alerts")
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, blank=True, related_name="alerts")
    count = models.PositiveIntegerField(default=1)
    links = models.JSONField(default=list)
    labels = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "dedup_key"],
                condition=~Q(state="resolved"),
                name="alert_is_open_once_per_key",
            )
        ]
        indexes = [
            models.Index(
                fields=["source", "group_key"], condition=~Q(state="resolved"), name="alert_open_by_group"
            ),
            models.Index(fields=["source", "group_key", "-incident"], name="alert_by_group"),
            models.Index(fields=["incident", "state"], name="alert_by_incident"),
        ]

    def __str__(self) -> str:
        return self.summary
