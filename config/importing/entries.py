"""Reading JSON of others so that every fault and every remark can be told with its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from oncall.rotation import FIRST_YEAR, LAST_YEAR

MOST_ENTRIES = 100_000
DEEPEST = 4  # lists of lists of wrappers; no API of theirs answers deeper


class ImportFault(Exception):
    """Why the files cannot be taken over, in a sentence that begins with the place."""


@dataclass(frozen=True)
class Document:
    """One file: its name, for messages, and what its JSON says."""

    name: str
    content: Any


class Entry:
    """One object of an answer. ``kind`` is the wrapper's key above it (``schedules``), or empty."""

    def __init__(self, value: Any, place: str, kind: str = "") -> None:
        self.value, self.place, self.kind = value, place, kind
        if not isinstance(value, dict):
            raise self.fault("must be an object")

    def fault(self, reason: str, key: str = "") -> ImportFault:
        return ImportFault(f"{self.place}{'.' + key if key else ''}: {reason}.")

    def has(self, *keys: str) -> bool:
        return all(key in self.value for key in keys)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.value.get(key)
        if value is None or value == "":
            if default is None:
                raise self.fault("is missing", key)
            return default
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.fault("must be text", key)
        return str(value).strip()

    def number(self, key: str, default: int | None = None) -> int:
        value = self.value.get(key)
        value = default if value is None else value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 10**11:
            raise self.fault("is missing" if value is None else "must be a whole number", key)
        return value

    def items(self, key: str) -> list[Any]:
        value = self.value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fault("must be a list", key)
        return value

    def texts(self, key: str) -> list[str]:
        return [
            Entry({"it": item}, f"{self.place}.{key}[{i}]").text("it")
            for i, item in enumerate(self.items(key))
        ]

    def entries(self, key: str) -> list["Entry"]:
        return [Entry(item, f"{self.place}.{key}[{i}]", key) for i, item in enumerate(self.items(key))]

    def entry(self, key: str) -> "Entry":
        """The object under ``key``; an empty one where there is none."""
        return Entry(self.value.get(key) or {}, f"{self.place}.{key}")

    def zone(self, key: str) -> ZoneInfo:
        return zone(self.text(key), self, key)

    def local(self, key: str, zone: ZoneInfo) -> datetime:
        """A time as the clock of ``zone`` shows it; without an offset it is that already."""
        return (
            self._time(key).astimezone(zone).replace(tzinfo=None)
            if self._time(key).tzinfo
            else self._time(key)
        )

    def instant(self, key: str, zone: ZoneInfo) -> str:
        """A time as an exception writes it: UTC with Z, or local where it has no offset."""
        time = self._time(key)
        return written(time.astimezone(UTC).replace(tzinfo=None)) + "Z" if time.tzinfo else written(time)

    def aware(self, key: str, zone: ZoneInfo | None = None) -> datetime:
        """An instant in UTC; a time without an offset is of ``zone``, or UTC already."""
        time = self._time(key)
        return (time if time.tzinfo else time.replace(tzinfo=zone or UTC)).astimezone(UTC)

    def _time(self, key: str) -> datetime:
        try:
            time = datetime.fromisoformat(self.text(key))
        except ValueError:
            raise self.fault("must be a date and time like 2026-03-02T09:00:00Z", key) from None
        if not FIRST_YEAR <= time.year <= LAST_YEAR:
            raise self.fault(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}", key)
        return time


def zone(name: str, entry: Entry, key: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise entry.fault(f"{name!r} is not a time zone; write one like Europe/Berlin", key) from None


def written(time: datetime) -> str:
    return time.isoformat(timespec="seconds" if time.second else "minutes")


def unwrap(documents: list[Document], wrappers: set[str]) -> Iterator[Entry]:
    """Every object of the files, out of lists and out of an API's wrappers (``{"schedules": [...]}``)."""
    for document in documents:
        found = _unwrap(document.content, document.name, "", wrappers, DEEPEST)
        for number, entry in enumerate(found):
            if number == MOST_ENTRIES:
                raise ImportFault(f"{document.name}: holds more than {MOST_ENTRIES:,} objects.")
            yield entry


def _unwrap(value: Any, place: str, kind: str, wrappers: set[str], depth: int) -> Iterator[Entry]:
    if depth < 0 or not isinstance(value, dict | list):
        raise ImportFault(f"{place}: must be an object, or a list of objects.")
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unwrap(item, f"{place}[{index}]", kind, wrappers, depth - 1)
        return
    # an object of its own has an id or a name; a wrapper has neither
    found = [] if "id" in value or "name" in value else [key for key in value if key in wrappers]
    if not found:
        yield Entry(value, place, kind)
    for key in found:
        yield from _unwrap(value[key], f"{place}: {key}", key, wrappers, depth - 1)
