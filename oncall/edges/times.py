"""Times in words: how long, how long ago, at what o'clock. Pure; a zone is passed in.

Relative first, absolute beside it, zone named (the console's fifth principle).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo


def span(length: timedelta, *, exact: bool = False) -> str:
    """A length in at most two units: ``40 s``, ``12 min``, ``5 h 10 min``, ``1 d 3 h``.

    ``exact`` keeps the seconds below ten minutes (``1 min 40 s``), for countdowns.
    """
    seconds = abs(round(length.total_seconds()))
    minutes, rest = divmod(seconds, 60)
    hours, days = minutes // 60, minutes // 1440
    if not minutes:
        return f"{seconds} s"
    if exact and minutes < 10:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if not hours:
        return f"{minutes} min"
    if not days:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"


def ago(at: datetime, now: datetime) -> str:
    """``6 min ago`` for the past, ``in 12 min`` for what is to come."""
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"


def clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """The shortest that is not ambiguous: ``13:22`` today, ``Tue 10:40`` this week, else with the date."""
    there, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (there.date() - today).days
    time = f"{there:%H:%M}"
    if days == 0:
        return time
    if -6 <= days <= 6:
        return f"{there:%a} {time}"
    return date_and_time(at, now, zone)


def date_and_time(at: datetime, now: datetime, zone: tzinfo) -> str:
    """For columns, always with the date: ``11 Mar, 13:22``."""
    there = at.astimezone(zone)
    year = "" if there.year == now.astimezone(zone).year else f" {there.year}"
    return f"{there.day} {there:%b}{year}, {there:%H:%M}"


def whole(at: datetime, zone: tzinfo) -> str:
    """Date, time and place: ``Wednesday 11 March 2026, 14:02 in Berlin``."""
    there = at.astimezone(zone)
    return f"{there:%A} {there.day} {there:%B} {there.year}, {there:%H:%M} in {city(str(zone))}"


def day(on: date, today: date) -> str:
    """A day without an hour: ``18 Nov``, with the year where it is another one."""
    return f"{on.day} {on:%b}" + ("" if on.year == today.year else f" {on.year}")


def days(on: date, today: date) -> str:
    """How far a deadline is: ``3 days late``, ``today``, ``tomorrow``, ``in 12 days``."""
    left = (on - today).days
    if left < 0:
        return f"{-left} day{'s' if left < -1 else ''} late"
    return {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")


def city(zone: str) -> str:
    """The place in an IANA name: ``New York`` for America/New_York."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


@dataclass(frozen=True)
class Due:
    """A deadline as the console shows it: words, and a ring filled by the share of the interval used."""

    text: str
    tone: str  # "", soon or late
    used: int  # percent


def due(at: datetime, now: datetime, *, start: datetime | None = None, soon: timedelta) -> Due:
    """``in 34 min``; within ``soon`` of it ``4 min left``; after it ``4 min late`` with a full ring.

    ``start`` is when the interval began; without it the last hour counts as the interval.
    """
    if at <= now:
        return Due(f"{span(now - at)} late", "late", 100)
    start = start or at - timedelta(hours=1)
    whole_s = max((at - start).total_seconds(), 1)
    used = min(max(round(100 * (now - start).total_seconds() / whole_s), 0), 100)
    if at - now <= soon:
        return Due(f"{span(at - now)} left", "soon", used)
    return Due(f"in {span(at - now)}", "", used)
