"""A recurrence rule (RFC 5545 section 3.3.10) -> local times, in bounded work. Pure.

``dateutil`` follows a rule for as long as it takes: one that is met on no day is followed to the year 9999, second
by second if it says so. So every period that it looks at is paid from a ``Budget``, also those that hold nothing.
"""

import re
from collections.abc import Iterable
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import rrule

from oncall import clock

#: What all events of one calendar may cost together: about two seconds of work.
BUDGET = 5_000_000
#: What looking at one period costs, by the rule's frequency.
COSTS = {"YEARLY": 400, "MONTHLY": 40, "WEEKLY": 16, "DAILY": 8, "HOURLY": 8, "MINUTELY": 8, "SECONDLY": 8}
LONGEST_INTERVAL = 1000
MOST_VALUES = 400
NUMBERS = ("BYSETPOS", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYHOUR", "BYMINUTE", "BYSECOND")
KNOWN = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *NUMBERS}
WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


class CalendarError(ValueError):
    """A calendar that cannot be used at all: a sentence about where and why."""


class EventFault(ValueError):
    """An event that cannot be used, and why: words that follow its name, such as "has no end"."""


class Budget:
    """What reading one calendar may still cost."""

    def __init__(self, units: int = BUDGET) -> None:
        self.left = units

    def spend(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise CalendarError("The recurrences of this calendar never end or are too many to follow.")


class _Counted(int):
    """An interval that pays for each step: ``dateutil`` adds or multiplies it for every period it looks at."""

    budget: Budget
    cost: int

    def __radd__(self, other: int) -> int:
        self.budget.spend(self.cost)
        return int(other) + int(self)

    def __mul__(self, other: int) -> int:
        self.budget.spend(self.cost)
        return int(self) * int(other)


def occurrences(
    rule: dict[str, list], begin: datetime, *, zone: ZoneInfo, first: datetime, last: datetime, budget: Budget
) -> list[datetime]:
    """The local times from ``first`` to ``last`` at which ``rule``, beginning at ``begin``, lets an event begin.

    All naive, on the clock of ``zone``. EventFault where the rule is at fault, CalendarError when the budget ends.
    """
    if unknown := sorted({key.upper() for key in rule} - KNOWN):
        raise EventFault(f"has a recurrence rule with {unknown[0]}, which is not understood")
    if any(len(values) > MOST_VALUES for values in _lists(rule)):
        raise EventFault(f"has a recurrence rule with more than {MOST_VALUES} values")
    found = []
    for moment in _followed(rule, begin, zone, budget):
        budget.spend(1)
        if moment > last:
            break
        if moment >= first:
            found.append(moment)
    return found


def _followed(rule: dict[str, list], begin: datetime, zone: ZoneInfo, budget: Budget) -> Iterable[datetime]:
    frequency = str(_one(rule, "FREQ", "")).upper()
    if frequency not in COSTS:
        raise EventFault("has a recurrence rule without a frequency such as FREQ=WEEKLY")
    times = 1
    for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        times *= max(len(rule.get(part, ())), 1)
    budget.spend(times)  # dateutil makes them all before it begins
    interval = _Counted(_interval(rule))
    interval.budget = budget
    interval.cost = COSTS[frequency] * (1 + len(rule.get("BYSETPOS", ()))) + times
    try:
        return rrule.rrule(
            getattr(rrule, frequency),
            dtstart=begin,
            interval=interval,
            count=_one(rule, "COUNT", None),
            until=_until(_one(rule, "UNTIL", None), zone),
            wkst=_weekday(str(_one(rule, "WKST", "MO"))),
            byweekday=[_weekday(str(day)) for day in rule.get("BYDAY", ())] or None,
            **{part.lower(): [int(n) for n in rule[part]] for part in NUMBERS if rule.get(part)},
        )
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, EventFault | CalendarError):
            raise
        raise EventFault(f"has a recurrence rule that cannot be followed: {error}") from None


def _interval(rule: dict[str, list]) -> int:
    interval = _one(rule, "INTERVAL", 1)
    if not isinstance(interval, int) or not 1 <= interval <= LONGEST_INTERVAL:
        raise EventFault(f"has a recurrence rule whose interval is not between 1 and {LONGEST_INTERVAL}")
    return interval


def _until(value: Any, zone: ZoneInfo) -> datetime | None:
    """The last local time; of a date its whole day."""
    if value is None or (isinstance(value, datetime) and value.tzinfo is None):
        return value
    if isinstance(value, datetime):
        return clock.wall(value, zone)
    return datetime.combine(value, time.max)


def _weekday(text: str) -> rrule.weekday:
    match = WEEKDAY.fullmatch(text.upper())
    if not match or match[1] in ("0", "00", "+0", "-0"):
        raise EventFault(f"has a recurrence rule with the weekday {text[:20]!r}, which is not understood")
    day = getattr(rrule, match[2])
    return day(int(match[1])) if match[1] else day


def _one(rule: dict[str, list], part: str, default: Any) -> Any:
    values = _listed(rule.get(part, default))
    return values[0] if values else default


def _lists(rule: dict[str, list]) -> Iterable[list]:
    return (_listed(values) for values in rule.values())


def _listed(value: Any) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]
