"""When people are away."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from oncall.models.directory import User


class Absence(models.Model):
    """A person is away, on every schedule: derived whenever one is loaded, copied to none.

    Changed only by ``oncall.absences``, which makes the schedules' stored answers expire.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="absences", verbose_name="person")
    start = models.DateTimeField()
    end = models.DateTimeField()
    note = models.CharField(
        max_length=200, blank=True, help_text="Whoever sees schedules in the portal can read it."
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["-start"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="absence_ends_after_it_starts")
        ]
        indexes = [models.Index(fields=["user", "end"], name="absence_by_end")]

    def __str__(self) -> str:
        return f"{self.user} away"
