"""How much on-call duty somebody carries: hours, nights, weekends, holidays, pages. Pure.

Instants are aware UTC, spans half-open. Source: field/oncall.md section 1.1, "Fair load that counts what hurts".
How each figure is counted stands in its field's description; the load page tells it in the same words.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from oncall import clock
from oncall.load import spans
from oncall.load.spans import Span

DAY = timedelta(days=1)
NIGHT_FROM, NIGHT_TO = time(22), time(8)


@dataclass(frozen=True)
class Duty:
    """A stretch of one person on one schedule. ``recorded``: it stands in the log; else it is computed."""

    user: int
    schedule: int
    start: datetime
    end: datetime
    recorded: bool = True


@dataclass(frozen=True)
class Month:
    """A month or the part of it that is asked for; ``key`` is ``2026-03``."""

    key: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Figures:
    """What somebody carried in a month or in all. An hour may count as night, weekend and holiday at once.

    on_call   on call on any schedule; two at once count once
    night     of it between 22:00 and 08:00 on her own clock
    weekend   of it on Saturdays and Sundays on her own clock
    holiday   of it on a day of a holiday calendar, on the schedule's clock
    twice     of it on two schedules or more at once
    ahead     of it still to come
    computed  of it past, but filled in from the configuration since nobody wrote it down
    nights    nights with at least half of their hours on call, each in the month in which it begins
    pages     times a page reached her; night_pages those between 22:00 and 08:00
    given, taken  swaps of shifts that begin in this time
    """

    on_call: timedelta = timedelta()
    night: timedelta = timedelta()
    weekend: timedelta = timedelta()
    holiday: timedelta = timedelta()
    twice: timedelta = timedelta()
    ahead: timedelta = timedelta()
    computed: timedelta = timedelta()
    nights: int = 0
    pages: int = 0
    night_pages: int = 0
    given: int = 0
    taken: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{name: value + getattr(other, name) for name, value in vars(self).items()})


@dataclass(frozen=True)
class Carried:
    """What one person has to do with a time: her duties, when she was paged, the swaps' beginnings."""

    zone: ZoneInfo
    duties: Sequence[Duty] = ()
    pages: Sequence[datetime] = ()
    given: Sequence[datetime] = ()
    taken: Sequence[datetime] = ()


@dataclass
class Calendar:
    """The time that is counted: its months, its present, and the holidays of each schedule as spans.

    Nights and weekends are made once for each zone.
    """

    months: Sequence[Month]
    now: datetime
    holidays: dict[int, list[Span]] = field(default_factory=dict)
    _windows: dict[str, tuple[list[Span], list[Span]]] = field(default_factory=dict)

    @property
    def start(self) -> datetime:
        return self.months[0].start

    @property
    def end(self) -> datetime:
        return self.months[-1].end

    def nights(self, zone: ZoneInfo) -> list[Span]:
        return self._of(zone)[0]

    def weekends(self, zone: ZoneInfo) -> list[Span]:
        return self._of(zone)[1]

    def _of(self, zone: ZoneInfo) -> tuple[list[Span], list[Span]]:
        if zone.key not in self._windows:
            self._windows[zone.key] = nights(zone, self.start, self.end), weekends(zone, self.start, self.end)
        return self._windows[zone.key]


def count(carried: Carried, calendar: Calendar) -> list[Figures]:
    """The figures of one person for each month."""
    schedules = by_schedule(carried.duties)
    duty = spans.union(span for part in schedules.values() for span in part)
    nights = calendar.nights(carried.zone)
    holiday = (spans.meet(part, calendar.holidays.get(pk, [])) for pk, part in schedules.items())
    unwritten = spans.union((d.start, d.end) for d in carried.duties if not d.recorded)
    measured = {
        "on_call": duty,
        "night": spans.meet(duty, nights),
        "weekend": spans.meet(duty, calendar.weekends(carried.zone)),
        "holiday": spans.union(span for part in holiday for span in part),
        "twice": [(each.start, each.end) for each in spans.overlaps(schedules)],
        "ahead": spans.meet(duty, [(calendar.now, max(calendar.now, calendar.end))]),
        "computed": spans.meet(unwritten, [(calendar.start, min(calendar.now, calendar.end))]),
    }
    counted = {
        "nights": _counting_nights(measured["night"], nights, calendar.start),
        "pages": carried.pages,
        "night_pages": [at for at in carried.pages if spans.is_in(at, nights)],
        "given": carried.given,
        "taken": carried.taken,
    }
    return _by_month(measured, counted, calendar.months)


def months(zone: ZoneInfo, start: datetime, end: datetime) -> list[Month]:
    """The months on the clock of ``zone`` between two instants, the first and the last cut to them."""
    firsts = [clock.wall(start, zone).date().replace(day=1)]
    while _midnight(firsts[-1], zone) < end:
        firsts.append((firsts[-1] + 31 * DAY).replace(day=1))
    return [
        Month(f"{day:%Y-%m}", max(_midnight(day, zone), start), min(_midnight(after, zone), end))
        for day, after in pairwise(firsts)
    ]


def nights(zone: ZoneInfo, start: datetime, end: datetime) -> list[Span]:
    """The nights on the clock of ``zone`` that reach into a time, whole."""
    found = [
        (
            clock.resolve(datetime.combine(day, NIGHT_FROM), zone),
            clock.resolve(datetime.combine(day + DAY, NIGHT_TO), zone),
        )
        for day in _days(zone, start - DAY, end)
    ]
    return [(a, b) for a, b in found if a < end and b > start]


def weekends(zone: ZoneInfo, start: datetime, end: datetime) -> list[Span]:
    """Saturday and Sunday of each week that reach into a time, whole."""
    saturdays = (day for day in _days(zone, start - 2 * DAY, end) if day.weekday() == 5)
    found = [(_midnight(day, zone), _midnight(day + 2 * DAY, zone)) for day in saturdays]
    return [(a, b) for a, b in found if a < end and b > start]


def holidays(days: Iterable[date], zone: ZoneInfo) -> list[Span]:
    """These days on the clock of ``zone``."""
    return spans.union((_midnight(day, zone), _midnight(day + DAY, zone)) for day in set(days))


def by_schedule(duties: Iterable[Duty]) -> dict[int, list[Span]]:
    """When one person is on call on each schedule, by the schedules' numbers."""
    found: dict[int, list[Span]] = defaultdict(list)
    for duty in duties:
        found[duty.schedule].append((duty.start, duty.end))
    return {pk: spans.union(found[pk]) for pk in sorted(found)}


def _counting_nights(on_call: Sequence[Span], nights: Sequence[Span], since: datetime) -> list[datetime]:
    """When the nights begin of which at least half was on call; one under way at ``since`` begins there."""
    halves = ((begins, (ends - begins) / 2) for begins, ends in nights)
    known = zip(halves, spans.lengths(on_call, nights), strict=True)
    return [max(begins, since) for (begins, half), long in known if long >= half]


def _by_month(
    measured: dict[str, Sequence[Span]], counted: dict[str, Sequence[datetime]], months: Sequence[Month]
) -> list[Figures]:
    parts = [(month.start, month.end) for month in months]
    columns: dict[str, Sequence] = {name: spans.lengths(found, parts) for name, found in measured.items()}
    borders = [month.start for month in months]
    for name, found in counted.items():
        columns[name] = [0] * len(months)
        for at in found:
            columns[name][bisect_right(borders, at) - 1] += 1
    return [Figures(**{name: column[n] for name, column in columns.items()}) for n in range(len(months))]


def _days(zone: ZoneInfo, start: datetime, end: datetime) -> list[date]:
    first, last = clock.wall(start, zone).date(), clock.wall(end, zone).date()
    return [first + n * DAY for n in range((last - first).days + 1)]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return clock.resolve(datetime.combine(day, time()), zone)
