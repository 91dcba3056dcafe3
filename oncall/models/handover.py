"""What those who go off call tell those who come on."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from oncall.models.directory import User
from oncall.models.schedules import Schedule

LONGEST_TEXT = 10_000


class HandOverNoteQuerySet(models.QuerySet):
    def coming(self) -> "HandOverNoteQuerySet":
        """Those that have not been handed over yet: one of each schedule."""
        return self.filter(sent_at__isnull=True)

    def settled(self, now: datetime) -> "HandOverNoteQuerySet":
        """Those with which nothing need be done before their time: not due, and of the schedule as it is."""
        current = self.coming().filter(schedule_version=F("schedule__version"))
        return current.filter(due_at__gt=now)


class HandOverNote(models.Model):
    """One hand-over of a schedule: from whom to whom, what they write, which pages stood open.

    Until it is handed over it belongs to the schedule's next hand-over, whenever that is (``at``; null while none
    is ahead), and is worked at ``due_at`` or when the schedule changes. Afterwards it stays as it was. ``pages``
    holds the ids of pages by heading, so that whoever looks sees those that she may see.
    Changed only by ``oncall.handover``. Source: field/oncall.md section 1.1 "Handoff notes".
    """

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="hand_over_notes")
    at = models.DateTimeField(null=True, blank=True)
    outgoing = models.ManyToManyField(User, related_name="+", blank=True)
    incoming = models.ManyToManyField(User, related_name="+", blank=True)
    text = models.TextField(blank=True, max_length=LONGEST_TEXT)
    written_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    written_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Grows with every text and shift."
    )
    pages = models.JSONField(default=dict, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    schedule_version = models.PositiveIntegerField()
    since = models.DateTimeField(help_text="When those who hand over came on call, as far as is known.")
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = HandOverNoteQuerySet.as_manager()
    #: What people write; the rest is the pulse's.
    history = HistoricalRecords(
        excluded_fields=["at", "pages", "due_at", "schedule_version", "since", "sent_at"]
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = "hand-over note"
        constraints = [
            models.UniqueConstraint(
                fields=["schedule"], condition=Q(sent_at__isnull=True), name="schedule_has_one_coming_note"
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) ^ Q(due_at__isnull=True),
                name="note_is_due_until_it_is_handed_over",
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True) | Q(at__isnull=False),
                name="note_handed_over_has_a_hand_over",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="hand_over_due"),
            models.Index(fields=["schedule", "at"], name="hand_over_by_schedule"),
        ]

    def __str__(self) -> str:
        return f"Hand-over of {self.schedule}"
