"""The card of open incidents."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, F, FloatField, Prefetch, Value, When

from config.firstpage import links
from incidents.models import AffectedService, Incident, Role, RoleAssignment
from oncall.models import User

ROWS = 25


@dataclass(frozen=True)
class IncidentRow:
    """One open incident: what hurts, who leads, when somebody must be told again."""

    incident: Incident
    url: str
    services: list[str]
    manager: User | None
    due_at: datetime | None
    due_from: datetime | None


@dataclass(frozen=True)
class OpenIncidents:
    """The card of open incidents; ``count`` is of all, ``rows`` are the worst."""

    rows: list[IncidentRow]
    count: int
    words: str

    @property
    def left_out(self) -> int:
        return self.count - len(self.rows)


def open_incidents(user: User) -> OpenIncidents:
    """Major first, then what nobody has classified yet, then the rest; within a level by start of impact."""
    seen = Incident.objects.visible_to(user).open()
    counts = list(seen.order_by().values_list("severity__rank", "severity__name").annotate(n=Count("pk")))
    worst = (
        seen.select_related("severity")
        .prefetch_related(
            Prefetch("affected_services", AffectedService.objects.select_related("service")),
            Prefetch("roles", _managers(), to_attr="managers_now"),
        )
        .annotate(urgency_order=_urgency_order())
        .order_by("urgency_order", F("impact_started_at").asc(nulls_last=True), "pk")
    )
    counts.sort(key=lambda row: _level(row[0]))
    words = ", ".join(f"{n} {(name or 'unclassified').lower()}" for _, name, n in counts)
    rows = [_incident_row(incident) for incident in worst[:ROWS]]
    return OpenIncidents(rows, sum(n for *_, n in counts), words)


def last_resolved(user: User) -> Incident | None:
    """What to remember when all is quiet."""
    seen = Incident.objects.visible_to(user).filter(resolved_at__isnull=False)
    return seen.order_by("-resolved_at").first()


def _managers():
    return RoleAssignment.objects.filter(role=Role.MANAGER, until__isnull=True).select_related("user")


def _urgency_order() -> Case:
    return Case(
        When(severity__isnull=True, then=Value(1.5)),
        default=F("severity__rank"),
        output_field=FloatField(),
    )


def _level(rank: int | None) -> float:
    return 1.5 if rank is None else rank


def _incident_row(incident: Incident) -> IncidentRow:
    every = incident.severity.update_every if incident.severity else None
    due_at = incident.update_due_at
    return IncidentRow(
        incident=incident,
        url=links.page(incident),
        services=[affected.service.name for affected in incident.affected_services.all()],
        manager=incident.managers_now[0].user if incident.managers_now else None,
        due_at=due_at,
        due_from=due_at - every if due_at and every else incident.declared_at or incident.detected_at,
    )
