"""A schedule's timeline: layers above, exceptions, and what is paged below, as places in percent. Pure.

Every day is equally wide, also one of 23 or 25 hours; a place inside it is the share of the day that has
passed. Each row is a drawing of its own, so that its name beside it is as high as the row.
Source: look/admin.md section 5.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from oncall import clock, rotation
from oncall.edges import schedule_words as words
from oncall.edges.schedule_words import Face

DAY = timedelta(days=1)
WIDTH = 1030  # of the picture on a schedule's page, in pixels
LETTER, MARGIN = 7.8, 14  # pixels: a letter of a wide font, and what stays free beside a label
NOBODY, NOBODY_FROM = "Nobody", 50
LANE, PADDING, LAYER_PADDING = 34, 14, 22


@dataclass(frozen=True)
class Scale:
    """``days`` local days from ``first`` on, as a width of 100; ``pixels`` is what that usually comes to."""

    zone: ZoneInfo
    first: date
    days: int
    pixels: int = WIDTH

    @cached_property
    def midnights(self) -> list[datetime]:
        """The instants at which the days begin, and the end of the last."""
        start = datetime.combine(self.first, time())
        return [clock.resolve(start + n * DAY, self.zone) for n in range(self.days + 1)]

    @property
    def start(self) -> datetime:
        return self.midnights[0]

    @property
    def end(self) -> datetime:
        return self.midnights[-1]

    def place(self, at: datetime) -> float:
        """How far from the left ``at`` stands, in percent."""
        at = min(max(at, self.start), self.end)
        index = min((clock.high_water(at, self.zone).date() - self.first).days, self.days - 1)
        begins, ends = self.midnights[index], self.midnights[index + 1]
        passed = (at - begins) / (ends - begins) if ends > begins else 0
        return round(100 * (index + min(max(passed, 0), 1)) / self.days, 3)

    def shows(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True)
class Bar:
    """A stretch with its name. ``tone`` is the person's fill.

    ``look`` is shift, duty, away, cover, or for nobody: gap where an exception has torn it, bare where no
    layer covers, which may well be meant.
    """

    x: float
    width: float
    label: str
    title: str
    look: str
    tone: int = 0
    y: int = 0
    is_narrow: bool = False  # there is room for initials only, which then stand in the middle


@dataclass(frozen=True)
class Row:
    """A row of bars, its name and a small line under it."""

    name: str
    note: str
    height: int
    bars: tuple[Bar, ...]
    look: str


@dataclass(frozen=True)
class Day:
    """A day's column."""

    x: float
    width: float
    label: str
    weekend: bool
    today: bool


@dataclass(frozen=True)
class Timeline:
    """All of the picture. ``now`` is a place in percent, None outside of it; ``clock`` what the flag says."""

    heading: str
    days: tuple[Day, ...]
    rows: tuple[Row, ...]
    legend: tuple[Face, ...]
    now: float | None
    clock: str

    @property
    def flag(self) -> int:
        """How far left of the now-line its flag begins, in pixels, so that it stays inside the picture."""
        if self.now is None or 3 < self.now < 97:
            return -21
        return -1 if self.now <= 3 else -41

    @property
    def flag_middle(self) -> int:
        return self.flag + 21


def draw(
    plan: rotation.Schedule,
    segments: Iterable[rotation.Segment],
    scale: Scale,
    faces: dict[str, Face],
    now: datetime,
    *,
    before: Iterable[rotation.Segment] | None = None,
) -> Timeline:
    """Lay out ``segments`` (the final schedule over ``scale``) below the layers and exceptions of ``plan``.

    ``before`` is the final schedule without an edit, for a row that shows what the edit changes.
    """
    today = clock.wall(now, scale.zone).date()
    ordered = [plan.all_layers[index] for level in plan.levels for index in level]
    exceptions = [e for e in plan.exceptions if e.start < scale.end and e.end > scale.start]
    rows = [_layer_row(plan, layer, scale, faces) for layer in ordered]
    rows += [_exceptions_row(exceptions, scale, faces)] if exceptions else []
    if before is not None:
        rows.append(_final_row(before, scale, faces, "As it is", "without the edit", "was"))
    rows.append(_final_row(segments, scale, faces, "On call", "what is paged", "final"))
    return Timeline(
        heading=heading(scale.first, scale.first + (scale.days - 1) * DAY),
        days=tuple(_days(scale, today)),
        rows=tuple(rows),
        legend=tuple(faces.values()),
        now=scale.place(now) if scale.shows(now) else None,
        clock=f"{clock.wall(now, scale.zone):%H:%M}",
    )


def heading(first: date, last: date) -> str:
    """``9 to 22 March``, ``30 March to 12 April``, with the years where they differ."""
    if first.year != last.year:
        return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"
    month = "" if first.month == last.month else f" {first:%B}"
    return f"{first.day}{month} to {last.day} {last:%B}"


def spell(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """``Wed 11 March 08:00 to 20:00``, or with the second day where it is another."""
    left, right = clock.wall(start, zone), clock.wall(end, zone)
    until = words.day_and_time(right, left.date())
    return f"{left:%a} {left.day} {left:%B %H:%M} to {until}"


def _days(scale: Scale, today: date) -> Iterable[Day]:
    for n in range(scale.days):
        day = scale.first + n * DAY
        weekday = f"{day:%a}"[: 3 if scale.pixels / scale.days > 60 else 2]
        label = f"{weekday} {day.day}" if scale.days <= 14 else str(day.day)
        width = round(100 / scale.days, 3)
        yield Day(round(100 * n / scale.days, 3), width, label, day.weekday() > 4, day == today)


def _bar(scale: Scale, start: datetime, end: datetime, **rest) -> Bar:
    x = scale.place(start)
    return Bar(x=x, width=round(scale.place(end) - x, 3), **rest)


def _layer_row(
    plan: rotation.Schedule, layer: rotation.Layer | rotation.FixedLayer, scale: Scale, faces: dict[str, Face]
) -> Row:
    bars = []
    for shift in rotation.shifts(plan, layer, scale.start, scale.end):
        people = shift.seat.people
        if not people:
            continue
        names = words.together([faces[user].name for user in people])
        bar = _bar(
            scale,
            shift.start,
            shift.end,
            label="",
            title=f"{names}, {spell(shift.start, shift.end, scale.zone)}",
            look="shift",
            tone=faces[people[0]].tone,
        )
        bars.append(_named(bar, people, faces, scale))
    return Row(layer.name, words.layer(layer), LANE + LAYER_PADDING, tuple(bars), "layer")


def _exceptions_row(
    exceptions: list[rotation.ScheduleException], scale: Scale, faces: dict[str, Face]
) -> Row:
    """One lane each for exceptions that overlap."""
    lanes: list[datetime] = []
    bars = []
    for exception in sorted(exceptions, key=lambda e: (e.start, e.key)):
        lane = next((n for n, ends in enumerate(lanes) if ends <= exception.start), len(lanes))
        lanes[lane : lane + 1] = [exception.end]
        stands_in = exception.by or (exception.user if exception.kind == rotation.ADD else "")
        stands_in = stands_in or next(iter(exception.users), "")
        said = words.exception(exception, faces)
        why = f" ({exception.reason})" if exception.reason else ""
        bar = _bar(
            scale,
            exception.start,
            exception.end,
            label="",
            title=f"{said}, {spell(exception.start, exception.end, scale.zone)}{why}",
            look="cover" if stands_in else "away",
            tone=faces[stands_in].tone if stands_in else 0,
            y=lane * LANE,
        )
        short = words.exception(exception, faces, initials=True)
        label = next((label for label in (said, short) if _fits(label, bar, scale)), "")
        bars.append(replace(bar, label=label))
    return Row("Exceptions", "", len(lanes) * LANE + PADDING, tuple(bars), "exceptions")


def _final_row(
    segments: Iterable[rotation.Segment],
    scale: Scale,
    faces: dict[str, Face],
    name: str,
    note: str,
    look: str,
) -> Row:
    bars = []
    for segment in segments:
        names = words.together([faces[user].name for user in segment.people])
        bar = _bar(
            scale,
            segment.start,
            segment.end,
            label="",
            title=f"{names}, {spell(segment.start, segment.end, scale.zone)}",
            look="duty" if segment.people else "gap" if words.is_torn(segment) else "bare",
            tone=faces[segment.people[0]].tone if segment.people else 0,
        )
        gap = NOBODY if bar.width * scale.pixels / 100 >= NOBODY_FROM else ""
        bars.append(_named(bar, segment.people, faces, scale) if segment.people else replace(bar, label=gap))
    return Row(name, note, 72, tuple(bars), look)


def _named(bar: Bar, people: Iterable[str], faces: dict[str, Face], scale: Scale) -> Bar:
    """First names where they have room, else initials, else nothing; the title always has the full names."""
    names = " + ".join(faces[user].first for user in people)
    if _fits(names, bar, scale):
        return replace(bar, label=names)
    initials = " + ".join(faces[user].initials for user in people)
    fits = len(initials) * LETTER <= bar.width * scale.pixels / 100
    return replace(bar, label=initials if fits else "", is_narrow=True)


def _fits(label: str, bar: Bar, scale: Scale) -> bool:
    return len(label) * LETTER + MARGIN <= bar.width * scale.pixels / 100
