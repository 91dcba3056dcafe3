"""The configuration of schedules. Who is on call is computed from it (``oncall.rotation``), never stored.

The form is that of contract.md section 4; source of the model: field/oncall.md section 3.5.
"""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from oncall.models.directory import Team, User
from oncall.models.fields import TimeZoneField, WallClockField


class Schedule(models.Model):
    """Turns of people, in layers, with exceptions. ``version`` grows with every change to any part of it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="schedules")
    time_zone = TimeZoneField(help_text="The zone in which hand-overs and windows are written.")
    version = models.PositiveIntegerField(default=1, editable=False)

    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Layer(models.Model):
    """One rotation. Higher priority hides lower, equal is a union, an emptied layer lets the lower through."""

    class Unit(models.TextChoices):
        HOUR = "hour"
        DAY = "day"
        WEEK = "week"
        MONTH = "month"

    class Advance(models.TextChoices):
        CALENDAR = "calendar", "Every period is a turn"
        ACTIVE = "active", "Only periods that meet a window are turns"

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="layers")
    name = models.CharField(max_length=100)
    priority = models.IntegerField(default=1)
    unit = models.CharField(max_length=5, choices=Unit, default=Unit.WEEK)
    length = models.PositiveIntegerField(default=1)
    anchor = WallClockField(help_text="A local time at which a turn of the first person begins.")
    start = WallClockField(null=True, blank=True, help_text="Nobody before it. Empty: the anchor.")
    end = WallClockField(null=True, blank=True, help_text="Nobody from then on. Empty: never ends.")
    restrictions = models.JSONField(
        default=list, blank=True, help_text="Daily or weekly windows, as in the provisioning file."
    )
    exclude_dates = models.JSONField(default=list, blank=True, help_text="Local dates, such as 2026-12-25.")
    advance = models.CharField(max_length=8, choices=Advance, default=Advance.CALENDAR)

    history = HistoricalRecords()

    class Meta:
        ordering = ["schedule", "-priority", "name"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "name"], name="layer_name_is_unique_per_schedule"),
            models.CheckConstraint(condition=Q(length__gte=1), name="layer_turn_has_a_length"),
        ]

    def __str__(self) -> str:
        return self.name


class LayerEdit(models.Model):
    """A change of the roster from an instant on: who is on turn keeps it, the past stays as it was."""

    layer = models.ForeignKey(Layer, models.CASCADE, related_name="edits")
    at = models.DateTimeField()

    history = HistoricalRecords()

    class Meta:
        ordering = ["layer", "at"]
        constraints = [
            models.UniqueConstraint(fields=["layer", "at"], name="layer_changes_once_at_an_instant")
        ]


class Slot(models.Model):
    """One turn's place in the order: nobody, one person, or several together.

    ``edit`` null: the roster the layer began with; else the roster from that edit on.
    """

    layer = models.ForeignKey(Layer, models.CASCADE, related_name="slots")
    edit = models.ForeignKey(LayerEdit, models.CASCADE, null=True, blank=True, related_name="slots")
    position = models.PositiveIntegerField()
    users = models.ManyToManyField(User, blank=True, related_name="slots")

    class Meta:
        ordering = ["layer", "edit", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["layer", "position"],
                condition=Q(edit__isnull=True),
                name="first_roster_has_one_order",
            ),
            models.UniqueConstraint(fields=["edit", "position"], name="edited_roster_has_one_order"),
        ]


class ScheduleException(models.Model):
    """What differs from the rotation for a while: remove, replace, set or add, in order of creation."""

    class Kind(models.TextChoices):
        REMOVE = "remove", "Absent"
        REPLACE = "replace", "Covered by"
        SET = "set", "Exactly these"
        ADD = "add", "In addition"

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="exceptions")
    layer = models.ForeignKey(Layer, models.CASCADE, null=True, blank=True, related_name="exceptions")
    kind = models.CharField(max_length=7, choices=Kind)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    by = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    users = models.ManyToManyField(User, blank=True, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["schedule", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="exception_ends_after_it_starts"),
            models.CheckConstraint(
                condition=Q(kind="set") | Q(user__isnull=False), name="exception_names_a_person"
            ),
            models.CheckConstraint(
                condition=~Q(kind="replace") | Q(by__isnull=False), name="replace_names_who_covers"
            ),
        ]
        indexes = [models.Index(fields=["schedule", "end"], name="exception_by_end")]


class OnDuty(models.Model):
    """Who is on call on one schedule until the next change: a cache that expires when its answer does.

    Valid while ``from_at <= now < until_at`` and ``version`` is the schedule's; else computed anew on read.
    Source: field/oncall.md section 3.2.
    """

    schedule = models.OneToOneField(Schedule, models.CASCADE, related_name="on_duty")
    version = models.PositiveIntegerField()
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)
    usernames = models.JSONField(default=list)
