"""The story of an incident, and the proof of its changes of state. Both only ever grow."""

from django.db import models

from incidents.models.incident import Incident, State
from oncall.models import User


class AppendOnly(models.Model):
    """A row that is written once: saving it again or deleting it is refused."""

    class Meta:
        abstract = True

    def save(self, *args, **kwargs) -> None:
        if not self._state.adding:
            raise TypeError(f"{type(self).__name__} is append-only: write another entry instead.")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise TypeError(f"{type(self).__name__} is append-only and stays.")


class TimelineEntry(AppendOnly):
    """One thing that happened. ``at`` when it happened, ``recorded_at`` when we wrote it down.

    ``hash`` is SHA-256 over the entry before and this one's content, so that a row edited behind the portal's
    back is found by ``manage.py verify_timeline``. Written by ``incidents.timeline`` only.
    """

    class Kind(models.TextChoices):
        NOTE = "note", "Note"
        DECISION = "decision", "Decision"
        ACTION = "action", "Action taken"
        FIX_LATER = "fix_later", "To fix later"
        OBSTACLE = "obstacle", "Obstacle"
        PROCESS_GAP = "process_gap", "Process gap"
        UPDATE = "update", "Update"
        STATE = "state", "State"
        SEVERITY = "severity", "Severity"
        ROLE = "role", "Role"
        PAGE = "page", "Page"
        ALERT = "alert", "Alert"
        CHANGE = "change", "Change"
        EDIT = "edit", "Edit"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="timeline")
    sequence = models.PositiveIntegerField()
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=Kind)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["incident", "sequence"]
        verbose_name_plural = "timeline entries"
        constraints = [
            models.UniqueConstraint(fields=["incident", "sequence"], name="timeline_sequence_is_taken_once")
        ]

    # Kinds that a person writes by hand; the last three feed the review.
    WRITTEN = [Kind.NOTE, Kind.DECISION, Kind.ACTION, Kind.FIX_LATER, Kind.OBSTACLE, Kind.PROCESS_GAP]
    FOR_REVIEW = [Kind.FIX_LATER, Kind.OBSTACLE, Kind.PROCESS_GAP]


class Transition(AppendOnly):
    """One change of state: the truth for metrics. ``effective_at`` when it was so, ``at`` when it was said."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="transitions")
    name = models.CharField(max_length=20)
    from_state = models.CharField(max_length=15, choices=State, blank=True)
    to_state = models.CharField(max_length=15, choices=State)
    at = models.DateTimeField()
    effective_at = models.DateTimeField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["incident", "id"]
