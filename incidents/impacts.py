"""Which services are hurt, and from when until when: rows that open and close with the incident's state."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from incidents.models import AffectedService, Impact, Incident
from oncall.models import Service, User


def add_service(
    incident: Incident, service: Service, *, kind: str = AffectedService.Kind.IMPACTED
) -> AffectedService:
    """The service's part in the incident; once there, its kind stays unless it is found to own the cause."""
    row, _ = AffectedService.objects.get_or_create(
        incident=incident, service=service, defaults={"kind": kind}
    )
    if kind == AffectedService.Kind.OWNING and row.kind != kind:
        row.kind = kind
        row.save(update_fields=["kind"])
    return row


def move(incident: Incident, service: Service, to: Service) -> None:
    """What was said of one service is said of another; what the other has already stays beside it."""
    row = incident.affected_services.get(service=service)
    if incident.affected_services.filter(service=to).exists():
        row.delete()
    else:
        row.service = to
        row.save(update_fields=["service"])
    hurting = incident.impacts.filter(service=to, end__isnull=True).exists()
    for impact in incident.impacts.filter(service=service):
        if impact.end is None and hurting:
            impact.delete()
        else:
            impact.service = to
            impact.save(update_fields=["service"])


def begin(incident: Incident, *, at: datetime, services: Iterable[Service] | None = None) -> None:
    """Open a row for each impacted service (or those given) that has none open."""
    if services is None:
        rows = incident.affected_services.filter(kind=AffectedService.Kind.IMPACTED)
        services = [row.service for row in rows.select_related("service")]
    hurting = set(incident.impacts.filter(end__isnull=True).values_list("service", flat=True))
    for service in services:
        if service.pk not in hurting:
            Impact.objects.create(incident=incident, service=service, start=at)


def end(incident: Incident, *, at: datetime) -> None:
    """Close every open row. One that began later than ``at`` ends where it began: it hurt nobody."""
    for row in incident.impacts.filter(end__isnull=True):
        row.end = max(row.start, at)
        row.save(update_fields=["end"])


def shift(incident: Incident, *, edge: str, old: datetime | None, new: datetime | None) -> None:
    """Move the rows whose ``edge`` (start or end) was the incident's own old time along with it."""
    if old is None or new is None:
        return
    for row in incident.impacts.filter(**{edge: old}):
        setattr(row, edge, new)
        if row.end is not None:
            row.end = max(row.start, row.end)
        row.save(update_fields=["start", "end"])


def not_clear(incident: Incident) -> list[Service]:
    """Services that were hurt and whose people have not given the all-clear."""
    hurt = Q(kind=AffectedService.Kind.IMPACTED) | Q(service__in=incident.impacts.values("service"))
    rows = incident.affected_services.filter(hurt, all_clear_at__isnull=True)
    return [row.service for row in rows.select_related("service")]


def withdraw_all_clears(incident: Incident) -> list[dict[str, str]]:
    """Take every all-clear back, since it is hurting again. Returns what they were."""
    before = []
    for row in incident.affected_services.filter(all_clear_at__isnull=False).select_related("service"):
        before.append(
            {
                "service": row.service.slug,
                "at": row.all_clear_at,
                "by": getattr(row.all_clear_by, "username", ""),
            }
        )
        row.all_clear_at = row.all_clear_by = None
        row.save(update_fields=["all_clear_at", "all_clear_by"])
    return before


def clear(row: AffectedService, *, by: User | None, at: datetime) -> None:
    """The service's people say that it is healthy again."""
    row.all_clear_at, row.all_clear_by = at, by
    row.save(update_fields=["all_clear_at", "all_clear_by"])
