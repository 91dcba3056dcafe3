"""How often, how long, how available: the figures of many incidents, by group.

Loads rows and asks ``incidents.metrics``; definitions in field/incidents.md section 3.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Coalesce

from incidents.metrics.aggregates import EXCLUDED_KINDS, EXCLUDED_STATES, Aggregate, aggregate
from incidents.metrics.availability import Availability, availability
from incidents.metrics.availability import Impact as Harm
from incidents.metrics.failures import Failures, mtbf
from incidents.metrics.spans import Span
from incidents.models import Impact, Incident

NAMES = ("ttd", "tta", "ttm", "ttr")

# How to group: what of an incident names its groups. One of several services or teams counts in each.
GROUPS: dict[str, Callable[[Incident], Iterable[str]]] = {
    "severity": lambda incident: [incident.severity.slug if incident.severity else ""],
    "service": lambda incident: [row.service.slug for row in incident.affected_services.all()] or [""],
    "team": lambda incident: sorted({_team(row.service) for row in incident.affected_services.all()}) or [""],
    "root_cause_type": lambda incident: [incident.root_cause_type],
    "detection_method": lambda incident: [incident.detection_method],
}


@dataclass(frozen=True)
class Figures:
    """One group in one window. ``name`` is empty for what belongs to no group."""

    name: str
    incidents: int
    open: int
    durations: dict[str, Aggregate]
    failures: Failures
    availability: Availability


@dataclass(frozen=True)
class Report:
    """Every group, and the whole: over incidents, never a mean of the groups' means (case A06)."""

    groups: list[Figures]
    overall: Figures


def report(
    incidents: QuerySet, *, start: datetime, end: datetime, now: datetime, group_by: str = ""
) -> Report:
    """Figures over the incidents whose impact began in ``[start, end)``, of those given.

    False alarms, duplicates and drills do not count (rule 5). Downtime is that of the window, whenever its
    incident began. ``group_by`` is a key of ``GROUPS`` or empty.
    """
    window = Span(start, end)
    population = list(_population(incidents, start, end))
    counted = [one for one in population if start <= _began(one) < end]
    names = GROUPS.get(group_by)
    members: dict[str, list[Incident]] = defaultdict(list)
    hurt: dict[str, list[Incident]] = defaultdict(list)
    for incident in population if names else []:
        for name in names(incident):
            hurt[name].append(incident)
            if start <= _began(incident) < end:
                members[name].append(incident)
    groups = [
        _figures(name, members[name], _harm(hurt[name], group_by, name), window, now) for name in sorted(hurt)
    ]
    return Report(groups=groups, overall=_figures("", counted, _harm(population), window, now))


def _population(incidents: QuerySet, start: datetime, end: datetime) -> QuerySet:
    """What began in the window, and what hurt in it; four queries whatever their number."""
    hurting = Impact.objects.filter(Q(end__isnull=True) | Q(end__gt=start), start__lt=end).values("incident")
    began = Coalesce("impact_started_at", "detected_at", "created_at")
    return (
        incidents.annotate(began=began)
        .filter(Q(began__gte=start, began__lt=end) | Q(pk__in=hurting))
        .exclude(state__in=EXCLUDED_STATES)
        .exclude(kind__in=EXCLUDED_KINDS)
        .select_related("severity")
        .prefetch_related("affected_services__service__team")
        .prefetch_related(Prefetch("impacts", Impact.objects.select_related("service__team")))
        .order_by("pk")
    )


def _began(incident: Incident) -> datetime:
    return incident.impact_started_at or incident.detected_at or incident.created_at


def _figures(name: str, incidents: list[Incident], harm: list[Harm], window: Span, now: datetime) -> Figures:
    measured = [incident.durations.values for incident in incidents]
    return Figures(
        name=name,
        incidents=len(incidents),
        open=sum(incident.is_open for incident in incidents),
        durations={key: aggregate(values[key] for values in measured) for key in NAMES},
        failures=mtbf(window, harm, now=now),
        availability=availability(window, harm, now=now),
    )


def _harm(incidents: list[Incident], group_by: str = "", name: str = "") -> list[Harm]:
    """The impacts of the group: by service or team only its own, else all of its incidents."""
    return [
        Harm(
            start=row.start,
            end=row.end,
            level=row.level,
            weight=Fraction(row.share) if row.share is not None else None,
            mitigated=incident.mitigated_at,
            resolved=incident.resolved_at,
        )
        for incident in incidents
        for row in incident.impacts.all()
        if not name
        or (group_by == "service" and row.service.slug == name)
        or (group_by == "team" and _team(row.service) == name)
        or group_by not in ("service", "team")
    ]


def _team(service) -> str:
    return service.team.slug if service.team else ""
