"""Single values of a form: each reader takes a value and its place and gives it typed or raises FormError.

YAML turns unquoted dates into date objects; both they and the text are read.
"""

import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from oncall import clock

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FIRST_YEAR, LAST_YEAR = 1970, 2199
LONGEST_TEXT = 150
MOST_CHOICES_SHOWN = 12
TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")
NOT_IANA = ("right/", "posix/", "posixrules", "localtime", "Factory")


class FormError(ValueError):
    """What is wrong with a form and where: ``place`` (``layers[0].slots``) and ``reason``."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.place = place
        self.reason = reason


def mapping(value: Any, place: str, keys: str) -> dict:
    """An object with no other keys than ``keys`` (names parted by spaces)."""
    if not isinstance(value, dict):
        raise FormError(place, "is missing" if value is None else "must be an object")
    for key in value:
        if key not in keys.split():
            unknown = key if isinstance(key, str) and key.isprintable() and len(key) <= 60 else shown(key)
            raise FormError(f"{place}.{unknown}", f"is not known here; known are {', '.join(keys.split())}")
    return value


def given(form: dict, key: str) -> Any:
    """What may be left out: None where it is missing, null or empty text, and never anything else."""
    value = form.get(key)
    return None if value == "" else value


def each(
    form: dict, key: str, place: str, read: Callable[[Any, str], Any], *, most: int, default: Collection = ()
) -> list:
    """Every item of the list ``form[key]``, read; an absent list is ``default``."""
    where = f"{place}.{key}" if place else key
    items = form.get(key)
    items = list(default) if items is None else items
    if not isinstance(items, list | tuple):
        raise FormError(where, "must be a list")
    if len(items) > most:
        raise FormError(where, f"has {len(items)} entries; at most {most} are allowed")
    return [read(item, f"{where}[{index}]") for index, item in enumerate(items)]


def text(value: Any, place: str, longest: int = LONGEST_TEXT) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise FormError(place, "is missing" if value in (None, "") else "must be text")
    if len(value) > longest or not value.isprintable():
        raise FormError(place, f"must be at most {longest} printable characters")
    return value


def integer(value: Any, place: str, least: int, most: int) -> int:
    """A whole number in bounds; true is not one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise FormError(place, "must be a whole number")
    if value < least:
        raise FormError(place, f"must be at least {least}")
    if value > most:
        raise FormError(place, f"must be at most {most}")
    return value


def choice(value: Any, place: str, choices: Collection[str]) -> str:
    """One of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        named = ", ".join([*choices][:MOST_CHOICES_SHOWN]) + (
            ", …" if len(choices) > MOST_CHOICES_SHOWN else ""
        )
        raise FormError(place, f"must be one of {named}, not {shown(value)}")
    return value


def weekday(value: Any, place: str) -> int:
    """A weekday's number, 0 is Monday, from MO TU WE TH FR SA SU."""
    return WEEKDAYS.index(choice(value, place, WEEKDAYS))


def time_of_day(value: Any, place: str) -> time:
    """A local time such as 22:00."""
    try:
        return time.fromisoformat(value if TIME.fullmatch(value) else "")
    except (TypeError, ValueError):
        raise FormError(place, f'must be a time of day in quotes, like "22:00", not {shown(value)}') from None


def day(value: Any, place: str) -> date:
    """A date such as 2026-12-25."""
    if isinstance(value, datetime) or not isinstance(value, date):
        try:
            value = date.fromisoformat(value)
        except (TypeError, ValueError):
            raise FormError(place, f"must be a date like 2026-12-25, not {shown(value)}") from None
    return in_calendar(value, place)


def date_time(value: Any, place: str) -> datetime:
    """A date and time, naive or aware as written."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        try:
            value = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            wanted = "a date and time like 2026-03-02T09:00"
            raise FormError(place, f"is missing; write {wanted}" if value is None
                            else f"must be {wanted}, not {shown(value)}") from None  # fmt: skip
    return in_calendar(value, place)


def local(value: Any, place: str) -> datetime:
    """A local date and time, naive."""
    parsed = date_time(value, place)
    if parsed.tzinfo is not None:
        raise FormError(place, "is local time; write it without Z or offset")
    return parsed


def instant(value: Any, place: str, zone: ZoneInfo) -> datetime:
    """An instant: with Z or an offset as it says, without one on the clock of ``zone``."""
    parsed = date_time(value, place)
    found = clock.resolve(parsed, zone) if parsed.tzinfo is None else parsed.astimezone(UTC)
    return in_calendar(found, place)


def zone(name: Any, place: str) -> ZoneInfo:
    """The zone with this IANA name; what only this machine calls a zone is none."""
    try:
        if not text(name, place).startswith(NOT_IANA):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        pass
    except ValueError as error:
        if isinstance(error, FormError):
            raise
    raise FormError(place, f"{shown(name)} is not a time zone; write one like Europe/Berlin")


def in_calendar(value: Any, place: str) -> Any:
    """A date or date and time in a year that a calendar of ours reaches."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise FormError(place, f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value


def shown(value: Any) -> str:
    """A value as a message may repeat it, in one line; some that are too large or too deep have no words."""
    try:
        words = repr(value)
    except (ValueError, RecursionError):
        return f"this {type(value).__name__}"
    return words if len(words) <= 60 else words[:57] + "..."
