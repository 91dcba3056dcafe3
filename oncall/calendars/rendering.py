"""Shifts -> an iCalendar file (RFC 5545). Pure: the same shifts give the same bytes, so that an ETag holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event

READ_AGAIN_AFTER = timedelta(hours=1)
PRODUCT = "-//Muster//On-call shifts//EN"


@dataclass(frozen=True)
class Shift:
    """A stretch in which one person is on call on one schedule.

    ``uid`` stays the same while the shift does; ``sequence`` and ``changed_at`` tell a calendar program which of
    two copies is newer.
    """

    uid: str
    start: datetime
    end: datetime
    summary: str
    description: str
    url: str
    sequence: int
    changed_at: datetime


def render(name: str, shifts: Iterable[Shift], *, alarm: timedelta | None = None) -> bytes:
    """The calendar ``name`` with an event for each shift, all times in UTC.

    ``alarm`` reminds so long before each shift begins. Programs are asked to read again every hour, in both of
    the ways that they know (RFC 7986 and the older X-PUBLISHED-TTL).
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", READ_AGAIN_AFTER, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for shift in shifts:
        calendar.add_component(_event(shift, alarm))
    return calendar.to_ical()


def _event(shift: Shift, alarm: timedelta | None) -> Event:
    event = Event()
    event.add("uid", shift.uid)
    event.add("dtstamp", shift.changed_at)
    event.add("last-modified", shift.changed_at)
    event.add("sequence", shift.sequence)
    event.add("dtstart", shift.start)
    event.add("dtend", shift.end)
    event.add("summary", shift.summary)
    event.add("description", shift.description)
    event.add("url", shift.url)
    event.add("transp", "TRANSPARENT")  # on call, and yet free for meetings
    if alarm is not None:
        event.add_component(_alarm(shift, alarm))
    return event


def _alarm(shift: Shift, before: timedelta) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", shift.summary)
    alarm.add("trigger", -before)
    return alarm
