"""When a service is being worked on, so that nobody is woken for what is expected."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from oncall.models.directory import Service, User


class ServiceMaintenanceQuerySet(models.QuerySet):
    def going_on(self, at: datetime) -> "ServiceMaintenanceQuerySet":
        """Those under way at an instant."""
        return self.filter(start__lte=at, end__gt=at)

    def to_come(self, at: datetime) -> "ServiceMaintenanceQuerySet":
        """Those that are not over yet, the next first."""
        return self.filter(end__gt=at).order_by("start", "pk")


class ServiceMaintenance(models.Model):
    """A time (half-open) in which pages of a service escalate no further; changed by ``oncall.maintenance``.

    ``reference`` names what it belongs to, where something else begins and ends it.
    Source: field/oncall.md rule 26.
    """

    service = models.ForeignKey(Service, models.CASCADE, related_name="maintenances")
    start = models.DateTimeField()
    end = models.DateTimeField()
    reason = models.CharField(max_length=200)
    reference = models.CharField(max_length=60, blank=True, editable=False)
    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(editable=False)

    objects = ServiceMaintenanceQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        ordering = ["-start", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gte=F("start")), name="service_maintenance_ends_after_it_starts"
            )
        ]
        indexes = [models.Index(fields=["service", "end"], name="maintenance_by_service")]

    def __str__(self) -> str:
        return f"{self.service}: {self.reason}"
