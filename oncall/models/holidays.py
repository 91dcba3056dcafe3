"""Days on which layers do not cover, kept in one place for many of them."""

from django.db import models
from simple_history.models import HistoricalRecords

from oncall.models.schedules import Layer


class HolidayCalendar(models.Model):
    """Local dates with their names, attached to layers; each acts there like an excluded date.

    Changed only by ``oncall.holidays``, which makes the schedules' stored answers expire.
    """

    name = models.CharField(max_length=100, unique=True)
    days = models.JSONField(default=dict, help_text='Dates and names: {"2026-12-25": "Christmas Day"}.')
    layers = models.ManyToManyField(Layer, blank=True, related_name="holidays")

    history = HistoricalRecords(m2m_fields=[layers])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
