"""Quiet hours: until when a message that can wait, waits. Pure.

Only low urgency waits, and only for the person whose hours they are; high urgency never does.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from oncall import clock

DAY = timedelta(days=1)


def held_until(at: datetime, start: time | None, end: time | None, zone: ZoneInfo) -> datetime | None:
    """The end of the quiet hours that ``at`` lies in, as an instant; None outside of them, or without any.

    ``start`` and ``end`` are what the wall clock of ``zone`` shows, half-open; an ``end`` not after the ``start``
    is on the next day. Each edge is the first instant at which the clock has shown it (``clock.resolve``), so
    hours that a change of clocks skips or repeats hold nothing twice.
    """
    if start is None or end is None:
        return None
    today = clock.wall(at, zone).date()
    for day in (today - DAY, today):
        begins = clock.resolve(datetime.combine(day, start), zone)
        ends = clock.resolve(datetime.combine(day + DAY if end <= start else day, end), zone)
        if begins <= at < ends:
            return ends
    return None


def in_words(start: time | None, end: time | None) -> str:
    """``22:00 to 07:00``; empty without any."""
    return f"{start:%H:%M} to {end:%H:%M}" if start and end else ""
