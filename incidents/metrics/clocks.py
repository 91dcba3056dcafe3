"""Clocks that run during and after an incident: updates, SLA, follow-ups; and what it cost.

Source: field/incidents.md section 3, "SLA/SLO", "Cadence due", "Follow-ups", "Cost".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from incidents.metrics.spans import Span, between, floored, seconds, within

# States in which nobody is owed an update any more.
QUIET_STATES = frozenset({"resolved", "in_review", "following_up", "closed", "cancelled", "merged"})
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Cadence:
    """When the next update is owed and how late it is, in seconds; ``due`` is ``None`` when none is."""

    due: datetime | None
    overdue: bool
    overdue_by: int


def cadence(
    *,
    declared: datetime | None,
    first_within: timedelta | None,
    every: timedelta | None,
    last_update: datetime | None,
    now: datetime,
    state: str,
    promised: datetime | None = None,
) -> Cadence:
    """The promised time, else last update + interval, else declaration + first-update limit.

    A promise that a later update has overtaken counts no more. Due at the very instant it falls.
    """
    if state in QUIET_STATES:
        return Cadence(due=None, overdue=False, overdue_by=0)
    if promised and (last_update is None or promised > last_update):
        due = promised
    elif last_update:
        due = last_update + every if every else None
    else:
        due = declared + first_within if declared and first_within else None
    late = due is not None and now >= due
    return Cadence(due=due, overdue=late, overdue_by=int(between(due, now).total_seconds()) if late else 0)


@dataclass(frozen=True)
class SlaClock:
    """Seconds that ran and that are left (negative once breached); ``breach_at`` only when breached."""

    elapsed: int
    remaining: int
    breached: bool
    breach_at: datetime | None


def sla_clock(
    *,
    limit: timedelta,
    start: datetime,
    stop: datetime,
    pauses: Iterable[tuple[datetime, datetime | None]] = (),
) -> SlaClock:
    """Elapsed time without the pauses (S01). ``stop`` is the present for a clock that still runs.

    Ending exactly at the limit keeps it. Durations such as TTR never pause.
    """
    window = Span(start, max(start, stop))
    paused = within((Span(begin, end or window.end) for begin, end in pauses), window)
    breach_at = start + limit
    for pause in paused:
        if pause.start < breach_at:
            breach_at += pause.end - pause.start
    elapsed = int(seconds(window.end - start) - sum(seconds(pause.end - pause.start) for pause in paused))
    remaining = int(limit.total_seconds()) - elapsed
    breached = remaining < 0
    return SlaClock(elapsed, remaining, breached, breach_at if breached else None)


@dataclass(frozen=True)
class FollowUp:
    """One action item: when it is due and when it was done."""

    due: date | None
    done: date | None


@dataclass(frozen=True)
class FollowUps:
    """How well promises were kept. Items without a due date are counted apart and enter no percentage."""

    with_due: int
    without_due: int
    done_on_time: int
    done_late: int
    overdue_open: int
    on_time_pct: str | None
    completed_pct: str | None
    oldest_overdue_days: int | None


def follow_ups(items: Iterable[FollowUp], *, today: date) -> FollowUps:
    """Count action items (F01). A due date is kept until its day is over."""
    everything = list(items)
    dated = [item for item in everything if item.due]
    on_time = sum(item.done is not None and item.done <= item.due for item in dated)
    late = sum(item.done is not None and item.done > item.due for item in dated)
    overdue = [item.due for item in dated if item.done is None and item.due < today]

    def percent(part: int) -> str | None:
        return floored(Fraction(part * 100, len(dated)), 1) if dated else None

    return FollowUps(
        with_due=len(dated),
        without_due=len(everything) - len(dated),
        done_on_time=on_time,
        done_late=late,
        overdue_open=len(overdue),
        on_time_pct=percent(on_time),
        completed_pct=percent(on_time + late),
        oldest_overdue_days=(today - min(overdue)).days if overdue else None,
    )


@dataclass(frozen=True)
class Cost:
    """Money in the currency that the rates are given in, to the cent."""

    response: Decimal
    impact: Decimal

    @property
    def total(self) -> Decimal:
        return self.response + self.impact


def cost(
    *,
    rate_per_hour: Fraction,
    role_seconds: Mapping[str, int],
    multipliers: Mapping[str, Fraction],
    lost_per_minute: Fraction = Fraction(0),
    weighted_downtime: Fraction = Fraction(0),
) -> Cost:
    """Hours of each role × rate × the role's weight, plus lost revenue per minute of weighted downtime (K01).

    A role without a multiplier weighs 1.
    """
    hours = sum(
        (
            Fraction(worked, 3600) * multipliers.get(role, Fraction(1))
            for role, worked in role_seconds.items()
        ),
        Fraction(0),
    )
    return Cost(
        response=_money(hours * rate_per_hour),
        impact=_money(weighted_downtime / 60 * lost_per_minute),
    )


def _money(amount: Fraction) -> Decimal:
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return exact.quantize(_CENT, rounding=ROUND_HALF_UP)
