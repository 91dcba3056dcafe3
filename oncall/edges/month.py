"""A schedule's month: a cell for each day, a line for each hand-over. Pure. Source: look/admin.md section 5.4."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from oncall import clock, rotation
from oncall.edges import schedule_words as words
from oncall.edges.schedule_words import Face

DAY = timedelta(days=1)
CARRIED_FROM = timedelta(hours=9)


@dataclass(frozen=True)
class Line:
    """Who takes over and at what o'clock; without an hour the person was on call before midnight already.

    ``is_torn`` tells a gap that an exception has torn from one that no layer covers.
    """

    hour: str
    name: str
    title: str
    tone: int
    is_gap: bool
    is_torn: bool
    is_exception: bool


@dataclass(frozen=True)
class Cell:
    """A day. ``outside`` of the month are the days that fill its first and last week."""

    weekday: str
    number: int
    outside: bool
    past: bool
    today: bool
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Month:
    """Weeks from Monday to Sunday."""

    heading: str
    weeks: tuple[tuple[Cell, ...], ...]


def span(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants between which the whole weeks of the month of ``day`` lie."""
    first, last = _bounds(day)
    return (
        clock.resolve(datetime.combine(first, time()), zone),
        clock.resolve(datetime.combine(last, time()), zone),
    )


def draw(
    day: date, segments: Iterable[rotation.Segment], zone: ZoneInfo, faces: dict[str, Face], today: date
) -> Month:
    """Lay out the month of ``day``; ``segments`` are the final schedule over its ``span``."""
    first, last = _bounds(day)
    lines: dict[date, list[Line]] = {}
    for segment in segments:
        for on, line in _lines(segment, zone, faces, first, last):
            lines.setdefault(on, []).append(line)
    cells = []
    for n in range((last - first).days):
        on = first + n * DAY
        outside = on.month != day.month
        cells.append(Cell(f"{on:%a}", on.day, outside, on < today, on == today, tuple(lines.get(on, ()))))
    weeks = tuple(tuple(cells[n : n + 7]) for n in range(0, len(cells), 7))
    return Month(f"{day:%B %Y}", weeks)


def _bounds(day: date) -> tuple[date, date]:
    """The Monday before the month begins and the one after it ends."""
    first = day.replace(day=1)
    after = (first + 31 * DAY).replace(day=1)
    return first - first.weekday() * DAY, after + (-after.weekday() % 7) * DAY


def _lines(
    segment: rotation.Segment, zone: ZoneInfo, faces: dict[str, Face], first: date, last: date
) -> Iterable[tuple[date, Line]]:
    """The hand-over, then each later day that the stretch fills or reaches far into."""
    starts, ends = clock.wall(segment.start, zone), clock.wall(segment.end, zone)
    hour = f"{starts:%H}" if not starts.minute else f"{starts:%H:%M}"
    takes_over = starts > datetime.combine(first, time())
    on = starts.date()
    if takes_over or ends >= starts + CARRIED_FROM:
        yield on, _line(segment, hour if takes_over else "", faces)
    while (on := on + DAY) < last:
        if ends < datetime.combine(on, time()) + CARRIED_FROM:
            return
        yield on, _line(segment, "", faces)


def _line(segment: rotation.Segment, hour: str, faces: dict[str, Face]) -> Line:
    people = [faces[user] for user in segment.people]
    return Line(
        hour=hour,
        name=words.together([face.first for face in people]),
        title=words.together([face.name for face in people]),
        tone=people[0].tone if people else 0,
        is_gap=not people,
        is_torn=words.is_torn(segment),
        is_exception=any(reason.exceptions for reason in segment.reasons),
    )
