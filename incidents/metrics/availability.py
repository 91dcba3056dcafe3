"""Uptime from impact windows: the maximum weight at every instant, never the sum.

Source: field/incidents.md section 3, "Availability of service s over W".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from incidents.metrics.spans import Span, between, clip, floored, minus, seconds, total, within
from oncall.clock import resolve

WEIGHTS = {"full": Fraction(1), "partial": Fraction(3, 10), "degraded": Fraction(0)}


@dataclass(frozen=True)
class Impact:
    """One stretch of harm to one component.

    ``weight`` is the share of users hurt and overrides the level's own. An impact without an end runs to
    the mitigation, else the resolution, else now: harm stops when users are no longer hurt (V15).
    """

    start: datetime
    end: datetime | None = None
    level: str = "full"
    weight: Fraction | None = None
    mitigated: datetime | None = None
    resolved: datetime | None = None

    def severity(self, weights: Mapping[str, Fraction] = WEIGHTS) -> Fraction:
        """Its weight between 0 and 1."""
        return weights[self.level] if self.weight is None else self.weight

    def span(self, until: datetime) -> Span:
        """Its interval, an open one ending at ``until``."""
        return Span(self.start, self.end or self.mitigated or self.resolved or until)


@dataclass(frozen=True)
class Availability:
    """Weighted downtime and what it is measured against, both in exact seconds."""

    downtime: Fraction
    denominator: Fraction

    @property
    def share(self) -> Fraction | None:
        """Availability between 0 and 1; ``None`` when nothing was measured."""
        return 1 - self.downtime / self.denominator if self.denominator else None

    def percent(self, decimals: int = 4) -> str | None:
        """Floored for display, so that one second of harm never shows as 100 (V14)."""
        return None if self.share is None else floored(self.share * 100, decimals)


def measured(window: Span, now: datetime | None = None) -> Span:
    """The part of a window that has happened: the future is not uptime (V09)."""
    end = window.end if now is None else min(window.end, now)
    return Span(window.start, max(end, window.start))


def local_day(day: date, zone: str) -> Span:
    """One calendar day of a zone: 23, 24 or 25 hours (V21)."""
    midnight = datetime.combine(day, time())
    return Span(resolve(midnight, ZoneInfo(zone)), resolve(midnight + timedelta(days=1), ZoneInfo(zone)))


def availability(
    window: Span,
    impacts: Iterable[Impact],
    *,
    maintenance: Iterable[Span] = (),
    now: datetime | None = None,
    weights: Mapping[str, Fraction] = WEIGHTS,
) -> Availability:
    """Sweep the window. Maintenance that is excluded leaves both sides of the fraction (V10)."""
    part = measured(window, now)
    holes = within(maintenance, part)
    counted = minus([part], holes)
    weighted = [
        (piece, impact.severity(weights))
        for impact in impacts
        if (inside := clip(impact.span(part.end), part))
        for piece in minus([inside], holes)
    ]
    return Availability(downtime=_swept(weighted), denominator=total(counted))


def _swept(weighted: list[tuple[Span, Fraction]]) -> Fraction:
    """Integrate the maximum weight over time, from edge to edge."""
    edges = sorted(
        [(span.start, 1, weight) for span, weight in weighted]
        + [(span.end, -1, weight) for span, weight in weighted],
        key=lambda edge: edge[0],
    )
    active: dict[Fraction, int] = {}
    downtime, since = Fraction(0), None
    for at, step, weight in edges:
        if since is not None and at > since:
            worst = max((level for level, many in active.items() if many > 0), default=Fraction(0))
            downtime += worst * seconds(between(since, at))
        active[weight] = active.get(weight, 0) + step
        since = at
    return downtime


@dataclass(frozen=True)
class GroupAvailability:
    """``worst``: down when any part is down. ``mean``: the parts' average. ``weighted``: by traffic share."""

    worst: Availability
    mean: Fraction | None
    weighted: Fraction | None

    def percents(self, decimals: int = 4) -> dict[str, str | None]:
        """The three figures, floored for display."""
        shares = {"worst": self.worst.share, "mean": self.mean, "weighted": self.weighted}
        return {
            name: None if share is None else floored(share * 100, decimals) for name, share in shares.items()
        }


def group_availability(
    window: Span,
    components: Mapping[str, Iterable[Impact]],
    *,
    maintenance: Iterable[Span] = (),
    now: datetime | None = None,
    shares: Mapping[str, Fraction] | None = None,
    weights: Mapping[str, Fraction] = WEIGHTS,
) -> GroupAvailability:
    """A product of several components (G01); ``shares`` are their parts of the traffic (G02)."""
    lists = {name: list(impacts) for name, impacts in components.items()}
    holes = list(maintenance)

    def measure(impacts: list[Impact]) -> Availability:
        return availability(window, impacts, maintenance=holes, now=now, weights=weights)

    parts = {name: measure(impacts).share for name, impacts in lists.items()}
    worst = measure([impact for impacts in lists.values() for impact in impacts])
    return GroupAvailability(
        worst=worst,
        mean=_weighted_mean(parts, dict.fromkeys(parts, Fraction(1))),
        weighted=_weighted_mean(parts, shares) if shares else None,
    )


def _weighted_mean(parts: Mapping[str, Fraction | None], shares: Mapping[str, Fraction]) -> Fraction | None:
    known = {name: share for name, share in parts.items() if share is not None and shares.get(name)}
    whole = sum((shares[name] for name in known), Fraction(0))
    return sum((known[name] * shares[name] for name in known), Fraction(0)) / whole if whole else None


@dataclass(frozen=True)
class ErrorBudget:
    """Seconds of downtime a target allows, and what is left of them (negative when overspent)."""

    budget: Fraction
    remaining: Fraction

    @property
    def breached(self) -> bool:
        return self.remaining < 0

    def remaining_percent(self, decimals: int = 1) -> str | None:
        """Share of the budget that is left, floored; ``None`` for a target of 100 %."""
        return floored(self.remaining / self.budget * 100, decimals) if self.budget else None


def error_budget(target: Fraction, measure: Availability) -> ErrorBudget:
    """What a target such as 0.999 allows over the measured time. Exactly spent is not yet breached."""
    budget = (1 - target) * measure.denominator
    return ErrorBudget(budget=budget, remaining=budget - measure.downtime)
