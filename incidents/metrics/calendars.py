"""Business hours and business days, on the wall clock of a zone, so that daylight saving is right.

Source: field/incidents.md section 3, rule 8.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from incidents.metrics.spans import Span, total, within
from oncall.clock import resolve

WEEKDAYS = frozenset(range(5))


@dataclass(frozen=True)
class BusinessHours:
    """When an office works: a zone, weekdays (Monday is 0), opening hours and holidays.

    ``closes`` at or before ``opens`` means the next day; midnight to midnight is the whole day.
    """

    zone: str
    days: frozenset[int] = WEEKDAYS
    opens: time = time(9)
    closes: time = time(17)
    holidays: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays

    def windows(self, first: date, last: date) -> Iterator[Span]:
        """Opening spans of the working days from ``first`` to ``last``, both included."""
        zone = ZoneInfo(self.zone)
        overnight = timedelta(days=1 if self.closes <= self.opens else 0)
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            if self.works_on(day):
                yield Span(
                    resolve(datetime.combine(day, self.opens), zone),
                    resolve(datetime.combine(day, self.closes) + overnight, zone),
                )


def business_seconds(start: datetime, end: datetime, hours: BusinessHours) -> int:
    """Seconds of ``[start, end)`` that fall into business hours (B01)."""
    zone = ZoneInfo(hours.zone)
    # The window before may still be open after midnight.
    first = start.astimezone(zone).date() - timedelta(days=1)
    windows = hours.windows(first, end.astimezone(zone).date())
    return int(total(within(windows, Span(start, end))))


def due_date(
    start: datetime,
    *,
    zone: str,
    business_days: int = 0,
    days: int = 0,
    working: frozenset[int] = WEEKDAYS,
    holidays: frozenset[date] = frozenset(),
) -> date:
    """The date that lies ``days`` calendar days and then ``business_days`` working days after an instant.

    Counted from the local date of the zone; the day itself is not counted (P01, P04).
    """
    day = start.astimezone(ZoneInfo(zone)).date() + timedelta(days=days)
    if business_days and not working:
        raise ValueError("a week without working days never reaches a business day")
    left = business_days
    while left > 0:
        day += timedelta(days=1)
        left -= day.weekday() in working and day not in holidays
    return day
