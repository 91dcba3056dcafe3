"""Turns and windows counted in seconds, as a layer of ours."""

from datetime import datetime, timedelta
from math import gcd
from typing import Any

from oncall.rotation.fields import WEEKDAYS

HOUR, DAY, WEEK = 3600, 86_400, 604_800
UNITS = (("week", WEEK), ("day", DAY), ("hour", HOUR))
LONGEST_TURN, MOST_SLOTS = 1000, 200

Slots = list[list[str]]
Form = dict[str, Any]


def period(seconds: int) -> tuple[str, int] | None:
    """The unit and number of units of a turn; None where it is no whole number of hours."""
    for unit, length in UNITS:
        if seconds > 0 and seconds % length == 0 and seconds // length <= LONGEST_TURN:
            return unit, seconds // length
    return None


def pieces(whole: int, covered: list[tuple[int, int]], slots: Slots) -> tuple[str, int, Slots] | None:
    """Turns of ``whole`` seconds of which only ``covered`` (offset, length) have somebody.

    Written as shorter turns with empty ones between: unit, length and slots. None where that takes too many.
    """
    step = whole
    for offset, length in covered:
        step = gcd(step, gcd(offset, length))
    found = period(step)
    if found is None or not slots or whole // step * len(slots) > MOST_SLOTS:
        return None
    times = range(0, whole, step)
    taken = [any(offset <= time < offset + length for offset, length in covered) for time in times]
    return *found, [slot if is_taken else [] for slot in slots for is_taken in taken]


def daily(start: str, seconds: int, days: list[str] | None = None) -> Form:
    """A window on each of ``days`` (all when None) of at most a day from ``start`` (``09:00``)."""
    end = _clock(start) + timedelta(seconds=seconds)
    form: Form = {"type": "daily", "days": days} if days else {"type": "daily"}
    return form | {"from": start, "to": clock_time(end)}


def weekly(day: int, start: str, seconds: int) -> Form:
    """A window of less than a week from weekday ``day`` (0 is Monday) at ``start``."""
    end = _clock(start) + timedelta(seconds=seconds)
    to_day = (day + (end.date() - _clock("00:00").date()).days) % 7
    return {
        "type": "weekly",
        "from_day": WEEKDAYS[day],
        "from": start,
        "to_day": WEEKDAYS[to_day],
        "to": clock_time(end),
    }


def clock_time(moment: datetime) -> str:
    """Its time of day, to the minute where nothing is lost."""
    return moment.time().isoformat(timespec="seconds" if moment.second else "minutes")


def _clock(time: str) -> datetime:
    return datetime.fromisoformat(f"2024-01-01T{time}")
