"""An iCalendar file -> the times it names and the words that say whom. Pure: nobody is looked up here.

Local times are resolved by ``oncall.clock`` alone, never by the calendar library. An event at fault is left out
and told of; a file that cannot be used at all is a ``CalendarError``. Source: RFC 5545; bounds are ours.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from oncall import clock
from oncall.calendars.recurrence import Budget, CalendarError, EventFault, occurrences
from oncall.rotation import FIRST_YEAR, LAST_YEAR

LARGEST = 2 * 1024 * 1024
MOST_EVENTS = 5000
MOST_SHIFTS = 10_000
LONGEST_SHIFT = timedelta(days=731)
DAY = timedelta(days=1)
LONGEST_WORDS = 4000
SPENT = {"DECLINED", "DELEGATED"}
THINGS = {"ROOM", "RESOURCE"}

BEGINNING = re.compile(rb"^BEGIN:VCALENDAR", re.IGNORECASE | re.MULTILINE)
#: What the library lets out for a file that is no calendar.
UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Happening:
    """One time that an event takes place, and what it says about people.

    ``attendees`` and ``organizer`` are e-mail addresses in small letters; ``name`` tells the event in problems.
    """

    start: datetime
    end: datetime
    name: str
    summary: str
    description: str
    attendees: tuple[str, ...] = ()
    organizer: str = ""


@dataclass(frozen=True)
class Moment:
    """A time as written: ``naive`` on the clock of ``zone``; ``whole_day`` for a date."""

    naive: datetime
    zone: ZoneInfo
    whole_day: bool = False

    @property
    def instant(self) -> datetime:
        return clock.resolve(self.naive, self.zone)


def read(body: bytes, *, zone: ZoneInfo, start: datetime, end: datetime) -> tuple[list[Happening], list[str]]:
    """What takes place between two instants, and a sentence about each event that cannot be used.

    Times without a zone are those of ``zone``.
    """
    events = _events(body)
    reader = _Reader(zone, start, end)
    replaced = reader.replaced(events)
    for number, event in enumerate(events, start=1):
        reader.take(number, event, replaced.get(str(event.get("UID")), set()))
    return reader.found, reader.problems


def _events(body: bytes) -> list[Event]:
    """The events of all calendars in the file."""
    if len(body) > LARGEST:
        raise CalendarError("The calendar is larger than 2 MB.")
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not body[:15].upper() == b"BEGIN:VCALENDAR":
        raise CalendarError("This is not a calendar: it does not begin with BEGIN:VCALENDAR.")
    if body.upper().count(b"BEGIN:VEVENT") > MOST_EVENTS:
        raise CalendarError(f"The calendar has more than {MOST_EVENTS} events.")
    if not body.rstrip().upper().endswith(b"END:VCALENDAR"):
        raise CalendarError("This is not a whole calendar: it does not end with END:VCALENDAR.")
    try:
        calendars = Calendar.from_ical(body, multiple=True)
    except UNREADABLE as error:
        raise CalendarError(f"This is not a whole calendar: {str(error)[:150]}.") from None
    if len(calendars) != len(BEGINNING.findall(body)):
        raise CalendarError("This is not a whole calendar: one begins that does not end.")
    return [part for calendar in calendars for part in calendar.subcomponents if part.name == "VEVENT"]


class _Reader:
    """Gathers happenings and problems of one file."""

    def __init__(self, zone: ZoneInfo, start: datetime, end: datetime) -> None:
        self.zone, self.start, self.end = zone, start, end
        self.budget = Budget()
        self.found: list[Happening] = []
        self.problems: list[str] = []

    def replaced(self, events: list[Event]) -> dict[str, set[datetime]]:
        """By UID, the beginnings of occurrences that an event of their own replaces."""
        found: dict[str, set[datetime]] = {}
        for event in events:
            try:
                moment = self._moment(event, "RECURRENCE-ID")
                if moment:
                    found.setdefault(str(event.get("UID")), set()).add(moment.instant)
            except EventFault:
                continue  # it is told of when the event itself is taken
        return found

    def take(self, number: int, event: Event, replaced: set[datetime]) -> None:
        name = f"Event {number} (“{_words(event, 'SUMMARY')[:60] or 'without a title'}”)"
        try:
            if _words(event, "STATUS").upper() == "CANCELLED":
                return
            who = _who(event)
            for start, end in self._spans(event, replaced):
                self.found.append(Happening(start, end, name, **who))
        except EventFault as fault:
            self.problems.append(f"{name} {fault}.")
        if len(self.found) > MOST_SHIFTS:
            raise CalendarError(
                f"The calendar has more than {MOST_SHIFTS:,} shifts between "
                f"{self.start.date()} and {self.end.date()}."
            )

    def _spans(self, event: Event, replaced: set[datetime]) -> Iterable[tuple[datetime, datetime]]:
        begin = self._moment(event, "DTSTART")
        if begin is None:
            raise EventFault("has no beginning")
        length = self._length(event, begin)
        begins = [begin.naive]
        if event.get("RECURRENCE-ID") is not None:
            if event["RECURRENCE-ID"].params.get("RANGE"):
                raise EventFault(
                    "changes all that follow it, which is not understood; end the series instead"
                )
            replaced = set()
        elif any(event.get(part) is not None for part in ("RRULE", "RDATE", "EXRULE")):
            begins = self._repeated(event, begin, length)
        for naive in begins:
            start, end = clock.resolve(naive, begin.zone), clock.resolve(naive + length, begin.zone)
            if start < end and start < self.end and end > self.start and start not in replaced:
                yield start, end

    def _length(self, event: Event, begin: Moment) -> timedelta:
        """How long it lasts on the wall clock, so that a week stays a week when clocks change."""
        end = self._moment(event, "DTEND")
        if end is not None:
            there = end.naive if end.zone.key == begin.zone.key else clock.wall(end.instant, begin.zone)
            length = there - begin.naive
        elif event.get("DURATION") is not None:
            length = _typed(event, "DURATION", timedelta)
        elif begin.whole_day:
            length = DAY  # RFC 5545 section 3.6.1
        else:
            raise EventFault("has no end")
        if length <= timedelta(0):
            raise EventFault("ends before it begins" if length < timedelta(0) else "ends when it begins")
        if length > LONGEST_SHIFT:
            raise EventFault("lasts more than two years")
        return length

    def _repeated(self, event: Event, begin: Moment, length: timedelta) -> list[datetime]:
        """The local beginnings of a series, those outside of our range left out."""
        if event.get("EXRULE") is not None:
            raise EventFault("has an EXRULE, which is not understood; use EXDATE")
        rule = event.get("RRULE")
        if isinstance(rule, list):
            raise EventFault("has more than one recurrence rule")
        begins = {begin.naive} if rule is None else set(self._by_rule(rule, begin, length))
        more, less = self._dates(event, "RDATE"), self._dates(event, "EXDATE")
        begins |= {clock.wall(moment.instant, begin.zone) for moment in more}
        out = {moment.instant for moment in less if not moment.whole_day or begin.whole_day}
        days_out = {moment.naive.date() for moment in less if moment.whole_day and not begin.whole_day}
        return [
            naive
            for naive in sorted(begins)
            if clock.resolve(naive, begin.zone) not in out and naive.date() not in days_out
        ]

    def _by_rule(self, rule: Any, begin: Moment, length: timedelta) -> list[datetime]:
        try:
            parts = {str(key).upper(): _listed(values) for key, values in rule.items()}
        except UNREADABLE:
            raise EventFault("has a recurrence rule that cannot be read") from None
        first = clock.wall(self.start, begin.zone) - length - DAY
        last = clock.wall(self.end, begin.zone) + DAY
        return occurrences(parts, begin.naive, zone=begin.zone, first=first, last=last, budget=self.budget)

    def _dates(self, event: Event, part: str) -> list[Moment]:
        found = []
        for listed in _listed(event.get(part)):
            try:
                values = [value.dt for value in listed.dts]
            except UNREADABLE:
                raise EventFault(f"has {part} that cannot be read") from None
            if any(isinstance(value, tuple) for value in values):
                raise EventFault(f"has {part} with periods, which is not understood; use dates")
            found += [self._placed(value, listed.params.get("TZID"), part) for value in values]
        self.budget.spend(len(found))
        return found

    def _moment(self, event: Event, part: str) -> Moment | None:
        if event.get(part) is None:
            return None
        value = _typed(event, part, date)
        return self._placed(value, event[part].params.get("TZID"), part)

    def _placed(self, value: date, tzid: str | None, part: str) -> Moment:
        if not FIRST_YEAR <= value.year <= LAST_YEAR:
            raise EventFault(f"has {part} in the year {value.year}, outside of {FIRST_YEAR} to {LAST_YEAR}")
        if not isinstance(value, datetime):
            return Moment(datetime.combine(value, time()), self.zone, whole_day=True)
        if tzid:
            return Moment(value.replace(tzinfo=None), _zone(str(tzid)))
        if value.tzinfo is not None:
            return Moment(value.astimezone(UTC).replace(tzinfo=None), ZoneInfo("UTC"))
        return Moment(value, self.zone)


def _zone(tzid: str) -> ZoneInfo:
    """An IANA zone, also under its Windows name or behind a prefix such as ``/example.org/``."""
    names = [tzid, WINDOWS_TO_OLSON.get(tzid, "")]
    parts = tzid.split("/")
    names += ["/".join(parts[n:]) for n in range(1, len(parts))]
    for name in names:
        if name in clock.zone_names():
            return ZoneInfo(name)
    raise EventFault(f"is in the time zone {tzid[:60]!r}, which nobody knows; use one like Europe/Berlin")


def _typed(event: Event, part: str, kind: type) -> Any:
    value = event[part]
    if isinstance(value, list):
        raise EventFault(f"has {part} more than once")
    try:
        found = value.dt
    except UNREADABLE:
        found = None
    if not isinstance(found, kind):
        raise EventFault(f"has {part} that cannot be read")
    return found


def _who(event: Event) -> dict[str, Any]:
    """What an event says about people; who has declined, and rooms, are nobody."""
    coming = [
        who
        for who in _listed(event.get("ATTENDEE"))
        if str(_parameter(who, "PARTSTAT")).upper() not in SPENT
        and str(_parameter(who, "CUTYPE")).upper() not in THINGS
    ]
    organizers = [address for who in _listed(event.get("ORGANIZER")) if (address := _address(who))]
    return {
        "summary": _words(event, "SUMMARY"),
        "description": _words(event, "DESCRIPTION"),
        "attendees": tuple(dict.fromkeys(address for who in coming if (address := _address(who)))),
        "organizer": organizers[0] if organizers else "",
    }


def _address(who: Any) -> str:
    """``mailto:Alice@Example.com`` as ``alice@example.com``; else the EMAIL parameter (RFC 7986)."""
    text = str(who).strip().lower()
    return (
        text.removeprefix("mailto:") if text.startswith("mailto:") else str(_parameter(who, "EMAIL")).lower()
    )


def _parameter(value: Any, name: str) -> Any:
    return getattr(value, "params", {}).get(name, "")


def _words(event: Event, part: str) -> str:
    """A text; the first where there are several."""
    values = _listed(event.get(part))
    return " ".join(str(values[0])[:LONGEST_WORDS].split()) if values else ""


def _listed(value: Any) -> list:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
