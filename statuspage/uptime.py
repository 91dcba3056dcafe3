"""Pure: uptime of a component from the intervals in which it was not operational.

One timeline per component: at each instant the worst of what was declared, a union and never a sum.
All intervals are half-open. Days are local days of the page's zone, so a day has 82,800, 86,400 or
90,000 seconds. Rules and measurements: field/statuspage.md section 4.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from statuspage import rollup

PARTIAL_TENTHS = 3  # a partial outage weighs 30 %; whole tenths of seconds keep the sums exact and quick
MEDIUM_FROM_S = 20 * 60
FULL_FROM_S = 60 * 60


@dataclass(frozen=True)
class Interval:
    """A stretch of time in one status; no ``end`` means it lasts."""

    status: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Day:
    """One local day of one component, in seconds. Bars and percentages come from these rows alone."""

    date: date
    length_s: int
    major_s: int = 0
    partial_s: int = 0
    degraded_s: int = 0
    maintenance_s: int = 0
    has_data: bool = True

    @property
    def weighted_tenths(self) -> int:
        """Downtime as the uptime figure counts it, in tenths of seconds."""
        return 10 * self.major_s + PARTIAL_TENTHS * self.partial_s

    @property
    def worst(self) -> str:
        """The worst status the day saw."""
        spent = {
            rollup.MAJOR: self.major_s,
            rollup.PARTIAL: self.partial_s,
            rollup.DEGRADED: self.degraded_s,
            rollup.MAINTENANCE: self.maintenance_s,
        }
        return rollup.worst(status for status, seconds in spent.items() if seconds)


_COLUMN_OF = {
    rollup.MAJOR: "major_s",
    rollup.PARTIAL: "partial_s",
    rollup.DEGRADED: "degraded_s",
    rollup.MAINTENANCE: "maintenance_s",
}


def days(
    intervals: Iterable[Interval],
    *,
    now: datetime,
    zone: ZoneInfo,
    window_days: int = 90,
    start_date: date | None = None,
) -> list[Day]:
    """The last ``window_days`` local days, oldest first, today included.

    An open interval ends now and a planned end in the future does not count. Days before
    ``start_date`` have no data.
    """
    timeline = _flatten(intervals, now)
    today = now.astimezone(zone).date()
    wanted = [today - timedelta(days=back) for back in range(window_days - 1, -1, -1)]
    return [_day(day, timeline, zone, start_date) for day in wanted]


def _day(day: date, timeline: Sequence[Interval], zone: ZoneInfo, start_date: date | None) -> Day:
    begin, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    row = Day(date=day, length_s=_seconds(end - begin))
    if start_date and day < start_date:
        return replace(row, has_data=False)
    spent = dict.fromkeys(_COLUMN_OF.values(), timedelta())
    for piece in timeline:
        if piece.start < end and piece.end > begin:
            spent[_COLUMN_OF[piece.status]] += min(piece.end, end) - max(piece.start, begin)
    return replace(row, **{column: _seconds(length) for column, length in spent.items()})


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(ZoneInfo("UTC"))


def _flatten(intervals: Iterable[Interval], now: datetime) -> list[Interval]:
    """The worst status at each instant, as pieces that do not overlap, in order of time."""
    closed = [replace(one, end=min(one.end or now, now)) for one in intervals]
    closed = [one for one in closed if one.start < one.end and one.status != rollup.OPERATIONAL]
    edges = sorted({one.start for one in closed} | {one.end for one in closed})
    pieces = []
    for begin, end in zip(edges, edges[1:], strict=False):
        present = [one.status for one in closed if one.start <= begin and one.end >= end]
        if present:
            pieces.append(Interval(rollup.worst(present), begin, end))
    return pieces


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())


def percentage(
    rows: Sequence[Day],
    *,
    exclude_maintenance: bool = False,
    today_elapsed_s: int | None = None,
) -> Decimal | None:
    """Uptime in percent, cut to two decimals so that 100.00 means no downtime at all.

    None when no day has data: "not known" is not 100. Today counts as a whole day unless
    ``today_elapsed_s`` says how much of it has passed.
    """
    exact = _exact(rows, exclude_maintenance, today_elapsed_s)
    return None if exact is None else cut(exact)


def group_percentage(children: Iterable[Sequence[Day]]) -> Decimal | None:
    """The mean of the children's exact figures, cut once: cutting twice would lose a hundredth."""
    known = [exact for rows in children if (exact := _exact(rows, False, None)) is not None]
    return cut(sum(known) / len(known)) if known else None


def _exact(rows: Sequence[Day], exclude_maintenance: bool, today_elapsed_s: int | None) -> Fraction | None:
    known = [row for row in rows if row.has_data]
    total = sum(row.length_s for row in known)
    if today_elapsed_s is not None and known:
        total += today_elapsed_s - known[-1].length_s
    if exclude_maintenance:
        total -= sum(row.maintenance_s for row in known)
    if total <= 0:
        return None
    return 100 * (1 - Fraction(sum(row.weighted_tenths for row in known), 10 * total))


def cut(exact: Fraction) -> Decimal:
    """Two decimals, never rounded up."""
    hundredths = Decimal(exact.numerator * 100 // exact.denominator)
    return (hundredths / 100).quantize(Decimal("0.01"), rounding=ROUND_DOWN)


def group_days(children: Sequence[Sequence[Day]]) -> list[Day]:
    """A group's bars: each day the floor of the mean seconds of the children that have data."""
    return [_mean_day(rows) for rows in zip(*children, strict=True)]


def _mean_day(rows: Sequence[Day]) -> Day:
    known = [row for row in rows if row.has_data]
    if not known:
        return replace(rows[0], has_data=False)
    means = {
        column: sum(getattr(row, column) for row in known) // len(known) for column in _COLUMN_OF.values()
    }
    return replace(known[0], **means)


def step(day: Day, *, status_now: str = rollup.OPERATIONAL) -> str:
    """Which of the six bars a day is drawn as: none, ok, maintenance, low, medium or full.

    Steps and heights are those of the page's key: low is degraded or under 20 weighted minutes, medium
    under an hour, full an hour or more. For today ``status_now`` sets a floor, or the banner and the
    last bar would disagree.
    """
    if not day.has_data:
        return "none"
    floor = _FLOOR[status_now]
    return max(_step_of_seconds(day), floor, key=_STEPS.index)


_STEPS = ("ok", "maintenance", "low", "medium", "full")
_FLOOR = {
    rollup.OPERATIONAL: "ok",
    rollup.MAINTENANCE: "maintenance",
    rollup.DEGRADED: "low",
    rollup.PARTIAL: "medium",
    rollup.MAJOR: "full",
}


def _step_of_seconds(day: Day) -> str:
    if day.weighted_tenths >= 10 * FULL_FROM_S:
        return "full"
    if day.weighted_tenths >= 10 * MEDIUM_FROM_S:
        return "medium"
    if day.weighted_tenths or day.degraded_s:
        return "low"
    return "maintenance" if day.maintenance_s else "ok"


# Statuspage's palette and the scores (weighted hours) at which each colour is reached.
_MIX = (
    (Fraction(0), (0x2F, 0xCC, 0x66)),
    (Fraction(33, 100), (0xF1, 0xC4, 0x0F)),
    (Fraction(55, 100), (0xE6, 0x7E, 0x22)),
    (Fraction(1), (0xE7, 0x4C, 0x3C)),
)


def statuspage_colour(day: Day) -> str:
    """The colour Statuspage would draw, kept as data for those who move: ours are the steps above.

    Any downtime starts half-way from green to yellow, so that it is visible at once.
    """
    score = min(Fraction(day.weighted_tenths, 36_000), Fraction(1))
    if not score:
        return _hex(_MIX[0][1])
    for (low, before), (high, after) in zip(_MIX, _MIX[1:], strict=False):
        if score <= high:
            share = (score - low) / (high - low)
            if low == 0:
                share = Fraction(1, 2) + share / 2
            return _hex([a + (b - a) * share for a, b in zip(before, after, strict=True)])
    return _hex(_MIX[-1][1])


def _hex(channels: Iterable[Fraction | int]) -> str:
    return "#" + "".join(f"{round(channel):02x}" for channel in channels)
