"""What the pulse remembers about itself."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q


class PulseLineQuerySet(models.QuerySet):
    def claimable(self, now: datetime, period: timedelta, lease: timedelta) -> "PulseLineQuerySet":
        """Due, give or take a tenth of the period; or due so late that only a clock set back explains it.

        The tenth keeps Celery beat, whose ticks come on the dot, from missing every other turn.
        """
        late = now + period + max(period, lease)
        return self.filter(Q(due_at__lte=now + period / 10) | Q(due_at__gt=late))


class PulseLine(models.Model):
    """One line of ``config.pulse.LINES``, as it last ran anywhere: the claim of the slow, the proof of all.

    ``due_at`` is when a slow line may next be claimed; the lines of every second leave it alone, since each
    of their rows is claimed by itself. Written every few seconds at most, by whoever runs the line.
    """

    name = models.CharField(max_length=60, primary_key=True)
    due_at = models.DateTimeField()
    owner = models.CharField(max_length=100, blank=True, help_text="Host and process that ran it last.")
    ran_at = models.DateTimeField(null=True, blank=True)
    ok_at = models.DateTimeField(null=True, blank=True, help_text="When it last ended without an error.")
    took_ms = models.PositiveIntegerField(default=0, help_text="The longest run since the last note.")
    rows = models.PositiveBigIntegerField(default=0, help_text="Rows worked, ever.")
    error = models.CharField(max_length=500, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)

    objects = PulseLineQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
