"""The first page's two charts: incidents per week by severity, and how long they took to resolve.

One query for both, over twelve weeks by start of impact; false alarms, duplicates and drills are left out.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from django.db.models.functions import Coalesce

from incidents.metrics.aggregates import Aggregate, aggregate, counts
from incidents.models import Incident, Severity
from oncall.edges import charts, times
from oncall.models import User

WEEKS = 12
FILLS = ("m-c1", "m-c2", "m-c3")
HOUR_S, MINUTE_S = 3600, 60


@dataclass(frozen=True)
class Trends:
    """Both charts; ``resolve`` is None while nothing was resolved."""

    per_week: charts.Bars
    legend: list[tuple[str, str]]
    resolve: charts.Lines | None
    median_now: str


@dataclass(frozen=True)
class Happened:
    """One incident as the charts count it."""

    week: date
    severity: int | None
    took_s: float | None


def trends(user: User, now: datetime, zone: tzinfo) -> Trends | None:
    """The charts as this person may see them; None while there is nothing to draw."""
    weeks = _weeks(now, zone)
    happened = _happened(user, weeks[0], zone)
    if not happened:
        return None
    levels = list(Severity.objects.order_by("rank").values_list("pk", "name"))
    labels = [f"{week.day} {week:%b}" for week in weeks]
    series = _by_severity(happened, weeks, levels)
    figures = _by_week(happened, weeks)
    return Trends(
        per_week=charts.stacked_bars(labels, series, name="Incidents per week, by severity"),
        legend=[(name, fill) for name, fill, _ in series],
        resolve=_resolve_chart(labels, figures),
        median_now=_latest_median(figures),
    )


def _weeks(now: datetime, zone: tzinfo) -> list[date]:
    """The Mondays of the last twelve weeks, this one last."""
    today = now.astimezone(zone).date()
    this = today - timedelta(days=today.weekday())
    return [this - timedelta(weeks=back) for back in reversed(range(WEEKS))]


def _happened(user: User, since: date, zone: tzinfo) -> list[Happened]:
    start = datetime(since.year, since.month, since.day, tzinfo=zone)
    rows = (
        Incident.objects.visible_to(user)
        .order_by()
        .annotate(began=Coalesce("impact_started_at", "detected_at", "created_at"))
        .filter(began__gte=start)
        .values_list("pk", "began", "severity_id", "impact_started_at", "resolved_at", "state", "kind")
    )
    return [
        Happened(_monday(began.astimezone(zone).date()), severity, _took(impact, resolved))
        for _, began, severity, impact, resolved, state, kind in rows
        if counts(state=state, kind=kind)
    ]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _took(impact: datetime | None, resolved: datetime | None) -> float | None:
    return (resolved - impact).total_seconds() if impact and resolved else None


def _by_severity(
    happened: list[Happened], weeks: list[date], levels: list[tuple[int, str]]
) -> list[tuple[str, str, list[int]]]:
    """(name, fill, counts) from the ground up, worst first; what nobody classified counts to the last level."""
    last = levels[-1][0] if levels else None
    tally: dict[tuple[date, int | None], int] = defaultdict(int)
    for one in happened:
        tally[one.week, one.severity or last] += 1
    return [
        (name, FILLS[min(i, len(FILLS) - 1)], [tally[week, level] for week in weeks])
        for i, (level, name) in enumerate(levels)
    ]


def _by_week(happened: list[Happened], weeks: list[date]) -> list[Aggregate]:
    took = defaultdict(list)
    for one in happened:
        took[one.week].append(one.took_s)
    return [aggregate(took[week]) for week in weeks]


def _resolve_chart(labels: Sequence[str], figures: list[Aggregate]) -> charts.Lines | None:
    longest = max((figure.p90 for figure in figures if figure.p90 is not None), default=None)
    if longest is None:
        return None
    return charts.lines(
        labels,
        [
            ("90th percentile", "p90", [figure.p90 for figure in figures]),
            ("Median", "median", [figure.median for figure in figures]),
        ],
        name="Time to resolve by week: median and 90th percentile",
        words=lambda seconds: times.span(timedelta(seconds=seconds)),
        unit=HOUR_S if longest > HOUR_S else MINUTE_S,
    )


def _latest_median(figures: list[Aggregate]) -> str:
    known = [figure.median for figure in figures if figure.median is not None]
    return times.span(timedelta(seconds=known[-1])) if known else ""
