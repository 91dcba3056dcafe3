"""When in the week a layer covers: restriction windows, laid out once and then asked often.

Everything here is naive local time; ``oncall.clock`` turns the borders into instants.
Source: field/oncall.md section 3.1; the words of the form: contract.md section 4.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Restriction:
    """One line of a layer's ``restrictions``.

    ``days`` are the weekdays on which a window starts, 0 is Monday. ``end_day`` is the weekday on which a
    weekly window ends and None for a daily one. A daily window that does not end after its start ends on
    the next day, a weekly one in the next week.
    """

    days: tuple[int, ...]
    start: time
    end: time
    end_day: int | None = None

    def spans(self) -> Iterator[tuple[timedelta, timedelta]]:
        """(start, end) of every window as time since Monday 00:00; the end may lie in the next week."""
        for day in self.days:
            start = day * DAY + _since_midnight(self.start)
            if self.end_day is None:
                end, again = day * DAY + _since_midnight(self.end), DAY
            else:
                end, again = self.end_day * DAY + _since_midnight(self.end), WEEK
            yield start, end if end > start else end + again


@dataclass(frozen=True)
class Week:
    """The union of a layer's windows in one week, as (start, end) since Monday 00:00.

    ``spans`` are in order, do not touch, and lie within the week: a window over the week's end is two.
    """

    spans: tuple[tuple[timedelta, timedelta], ...]

    @classmethod
    def of(cls, restrictions: tuple[Restriction, ...]) -> "Week":
        """Merge the windows of all restrictions, those over the week's end included."""
        pieces = []
        for restriction in restrictions:
            for start, end in restriction.spans():
                pieces.append((start, min(end, WEEK)))
                if end > WEEK:
                    pieces.append((timedelta(0), end - WEEK))
        return cls(tuple(_merged(sorted(pieces))))

    def covers(self, wall: datetime) -> bool:
        """Whether ``wall`` lies in a window."""
        since_monday = wall - monday(wall)
        nearest = bisect_right(self.spans, (since_monday, WEEK)) - 1
        return nearest >= 0 and since_monday < self.spans[nearest][1]

    def between(self, start: datetime, end: datetime) -> Iterator[Span]:
        """The windows inside ``start`` to ``end``, in order, those that touch as one."""
        return _merged(self._pieces(start, end))

    def meets(self, start: datetime, end: datetime) -> bool:
        """Whether a window lies, at least in part, between ``start`` and ``end``."""
        return next(self._pieces(start, end), None) is not None

    def _pieces(self, start: datetime, end: datetime) -> Iterator[Span]:
        week = monday(start)
        while week < end:
            for opens, closes in self.spans:
                left, right = max(week + opens, start), min(week + closes, end)
                if left < right:
                    yield left, right
            week += WEEK


def monday(wall: datetime) -> datetime:
    """Midnight at the start of the week of ``wall``."""
    return datetime.combine(wall.date(), time()) - wall.weekday() * DAY


def without_dates(spans: Iterator[Span], dates: tuple) -> Iterator[Span]:
    """Cut whole local days out of ``spans``; ``dates`` are in order."""
    holes = [datetime.combine(date, time()) for date in dates]
    for start, end in spans:
        for midnight in holes[max(bisect_right(holes, start) - 1, 0) :]:
            if midnight >= end:
                break
            if start < midnight:
                yield start, midnight
            start = max(start, min(midnight + DAY, end))
        if start < end:
            yield start, end


def _merged(spans: Iterator) -> Iterator:
    """Join neighbours that touch or overlap; ``spans`` come in order."""
    current = None
    for start, end in spans:
        if current is None or start > current[1]:
            if current:
                yield current
            current = (start, end)
        elif end > current[1]:
            current = (current[0], end)
    if current:
        yield current


def _since_midnight(value: time) -> timedelta:
    return timedelta(
        hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
    )
