"""Pure: on which local days a rule of maintenance begins one. No ORM, no clock, no zone.

Wall clock values in, wall clock values out; ``oncall.clock.resolve`` makes instants of them, so that daylight
saving moves no maintenance.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WEEK = timedelta(days=7)
LAST_YEAR = 2100


@dataclass(frozen=True)
class Rule:
    """Every ``interval`` weeks on ``weekdays`` (0 is Monday), or every ``interval`` months by date or weekday."""

    first: date
    at: time
    unit: str = "week"
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    month_by: str = "date"
    until: date | None = None
    count: int | None = None


def starts(rule: Rule) -> Iterator[datetime]:
    """Every start on the wall, naive, in order; from the first on, to ``until`` or ``count``."""
    days = _weekly(rule) if rule.unit == "week" else _monthly(rule)
    for number, day in enumerate(days, start=1):
        if (rule.until and day > rule.until) or (rule.count and number > rule.count) or day.year > LAST_YEAR:
            return
        yield datetime.combine(day, rule.at)


def _weekly(rule: Rule) -> Iterator[date]:
    weekdays = sorted(set(rule.weekdays)) or [rule.first.weekday()]
    monday = rule.first - timedelta(days=rule.first.weekday())
    while True:
        for weekday in weekdays:
            day = monday + timedelta(days=weekday)
            if day >= rule.first:
                yield day
        monday += rule.interval * WEEK


def _monthly(rule: Rule) -> Iterator[date]:
    months = rule.first.year * 12 + rule.first.month - 1
    while True:
        year, month = divmod(months, 12)
        day = _day_in(rule, year, month + 1)
        if day >= rule.first:
            yield day
        months += rule.interval


def _day_in(rule: Rule, year: int, month: int) -> date:
    """The rule's day in a month: a date that it lacks is its last one, a fifth weekday its last one."""
    length = monthrange(year, month)[1]
    if rule.month_by == "date":
        return date(year, month, min(rule.first.day, length))
    offset = (rule.first.weekday() - date(year, month, 1).weekday()) % 7
    nth = 4 if rule.month_by == "last_weekday" else (rule.first.day - 1) // 7
    day = 1 + offset + 7 * nth
    return date(year, month, day if day <= length else day - 7)
