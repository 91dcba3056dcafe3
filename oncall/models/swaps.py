"""Shifts that people hand to each other."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from oncall.models.directory import User
from oncall.models.schedules import Schedule, ScheduleException


class Swap(models.Model):
    """A shift that its owner gives away for a while. Changed only by ``oncall.swaps``.

    While it is taken, ``exception`` puts the taker in the requester's place.
    """

    class State(models.TextChoices):
        ASKED = "asked", "Asked for"
        TAKEN = "taken", "Taken"
        TAKEN_BACK = "taken_back", "Taken back"
        CANCELLED = "cancelled", "Cancelled"

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="swaps")
    requester = models.ForeignKey(User, models.CASCADE, related_name="+", verbose_name="whose shift")
    taker = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="+", verbose_name="taken by"
    )
    start = models.DateTimeField()
    end = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    exception = models.OneToOneField(
        ScheduleException, models.SET_NULL, null=True, blank=True, related_name="swap", editable=False
    )
    note = models.CharField(max_length=150, blank=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="swap_ends_after_it_starts"),
            models.CheckConstraint(
                condition=~Q(state="taken") | Q(taker__isnull=False), name="swap_taken_has_a_taker"
            ),
            models.CheckConstraint(condition=~Q(taker=F("requester")), name="swap_is_between_two_people"),
        ]
        indexes = [models.Index(fields=["schedule", "end"], name="swap_by_end")]

    def __str__(self) -> str:
        return f"{self.requester}’s shift on {self.schedule}"
