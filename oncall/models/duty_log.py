"""What really was: who was on call, written down as it happened."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q

from oncall.models.directory import Team, User
from oncall.models.schedules import Schedule


def kept_by_number(model: type[models.Model], **options: Any) -> models.ForeignKey:
    """A reference that no deletion changes. The constraints and indexes below serve as its index."""
    options = {"related_name": "+", **options}
    return models.ForeignKey(model, models.DO_NOTHING, db_constraint=False, db_index=False, **options)


class DutyLogQuerySet(models.QuerySet):
    def running(self) -> "DutyLogQuerySet":
        """The entries that have not ended: one for each schedule."""
        return self.filter(until_at__isnull=True)

    def between(self, start: datetime, end: datetime) -> "DutyLogQuerySet":
        """The entries that reach into ``start`` to ``end``."""
        return self.filter(Q(until_at__gt=start) | Q(until_at__isnull=True), from_at__lt=end)


class DutyLog(models.Model):
    """Who was on call on one schedule from ``from_at`` on, until ``until_at``; null while it is so.

    A schedule's entries follow each other without gap or overlap; nobody on call is an entry without people. They
    are written by ``oncall.schedules.recording`` alone and never changed, but for the end of the running one.
    Schedule, team and people are kept by number and by name, without foreign keys in the database: a rename
    changes nothing here and a deletion takes nothing away.
    ``due_at`` is when the running entry ends as things stand, null if never. ``computed``: nobody wrote it down
    when it happened, it was filled in later from the configuration (``noted_at`` says when).
    Source: field/oncall.md section 3.2, "History".
    """

    class Reason(models.TextChoices):
        """What made an entry begin."""

        FIRST = "first", "Written down from here on"
        HANDOVER = "handover", "Hand-over"
        CHANGED = "changed", "The schedule was changed"
        RESUMED = "resumed", "Written down again from here on"

    schedule = kept_by_number(Schedule, related_name="duty_log")
    schedule_slug = models.CharField(max_length=50)
    schedule_name = models.CharField(max_length=200)
    team = kept_by_number(Team, null=True)
    version = models.PositiveIntegerField(help_text="That of the schedule.")
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=8, choices=Reason)
    computed = models.BooleanField(default=False)
    noted_at = models.DateTimeField()

    objects = DutyLogQuerySet.as_manager()

    class Meta:
        ordering = ["schedule_id", "from_at"]  # by the number: a deleted schedule cannot be joined
        default_permissions = ()  # whoever may view schedules may read it, nobody may write it
        constraints = [
            models.UniqueConstraint(fields=["schedule", "from_at"], name="duty_begins_once_at_an_instant"),
            models.UniqueConstraint(fields=["schedule", "until_at"], name="duty_ends_once_at_an_instant"),
            models.UniqueConstraint(
                fields=["schedule"], condition=Q(until_at__isnull=True), name="one_duty_is_running"
            ),
            models.CheckConstraint(
                condition=Q(until_at__isnull=True) | Q(until_at__gt=F("from_at")), name="duty_has_a_length"
            ),
            models.CheckConstraint(
                condition=Q(due_at__isnull=True) | Q(due_at__gt=F("from_at")),
                name="duty_is_due_after_it_began",
            ),
        ]
        indexes = [models.Index(fields=["until_at"], name="duty_by_end")]

    def __str__(self) -> str:
        return f"{self.schedule_name} from {self.from_at:%Y-%m-%d %H:%M} UTC"


class DutyLogPerson(models.Model):
    """One of those who were on call in an entry, with the name and the zone that were hers then."""

    entry = models.ForeignKey(DutyLog, models.CASCADE, related_name="people", db_index=False)
    user = kept_by_number(User)
    username = models.CharField(max_length=150)
    name = models.CharField(max_length=301)
    time_zone = models.CharField(max_length=64)
    from_at = models.DateTimeField(help_text="That of the entry, so that a person's past is found by index.")

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["entry", "user"], name="person_is_once_in_an_entry"),
        ]
        indexes = [models.Index(fields=["user", "from_at"], name="duty_by_person")]

    def __str__(self) -> str:
        return self.name
