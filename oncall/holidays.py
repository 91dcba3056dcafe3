"""Holiday calendars: written and deleted here only, so that stored answers expire.

A layer does not cover on its calendars' days; a lower layer or another one of its priority does.
Source: field/oncall.md section 1.1 "Holidays".
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction

from oncall import rotation, schedules
from oncall.messaging.errors import DomainError
from oncall.models import HolidayCalendar, Layer, Schedule, User

MOST_DAYS = 1000
LONGEST_NAME = 100


@transaction.atomic
def write(
    calendar: HolidayCalendar, *, days: dict[str, str], layers: Iterable[Layer], by: User | None, at: datetime
) -> HolidayCalendar:
    """Save a calendar, new or not, with its days and the layers it acts on."""
    before = _layers(calendar)
    calendar.days = days
    calendar._history_user, calendar._history_date = by, at
    calendar.save()
    calendar.layers.set(layers)
    _touch(before | set(calendar.layers.all()), by, at)
    return calendar


@transaction.atomic
def delete(calendar: HolidayCalendar, *, by: User | None, at: datetime) -> None:
    """Its layers cover these days again."""
    layers = _layers(calendar)
    calendar._history_user, calendar._history_date = by, at
    calendar.delete()
    _touch(layers, by, at)


def parse(text: str) -> dict[str, str]:
    """Days from lines such as ``2026-12-25 Christmas Day``, in order; DomainError ``bad_day`` names the line."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        day, _, name = line.strip().partition(" ")
        if day:
            found[_day(day, number)] = name.strip()[:LONGEST_NAME]
    if len(found) > MOST_DAYS:
        raise DomainError("bad_day", f"A calendar has at most {MOST_DAYS} days.")
    return dict(sorted(found.items()))


def spell(days: dict[str, str]) -> str:
    """The lines that ``parse`` reads."""
    return "\n".join(f"{day} {name}".strip() for day, name in sorted(days.items()))


def _day(text: str, number: int) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not rotation.FIRST_YEAR <= day.year <= rotation.LAST_YEAR:
        raise DomainError("bad_day", f"Line {number}: {text!r} is not a date such as 2026-12-25.")
    return day.isoformat()


def _layers(calendar: HolidayCalendar) -> set[Layer]:
    """Those it acts on, while nobody else attaches it to more."""
    HolidayCalendar.objects.select_for_update().filter(pk=calendar.pk).first()
    return set(calendar.layers.all()) if calendar.pk else set()


def _touch(layers: set[Layer], by: User | None, at: datetime) -> None:
    touched = {layer.schedule_id for layer in layers}
    for schedule in Schedule.objects.filter(pk__in=touched).order_by("pk"):
        schedules.touch(schedule, by=by, at=at)
