"""Schedules in words: what a layer does, what an exception says, how two zones differ. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from oncall import clock, rotation
from oncall.edges import times
from oncall.models import User

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}
TONES = 4
ZONES_LOOK_AHEAD = timedelta(days=31)


@dataclass(frozen=True)
class Face:
    """How a person looks in a drawing: ``tone`` is one of the four fills, repeated after the fourth person."""

    name: str
    first: str
    initials: str
    tone: int


def faces(users: dict[str, User], *plans: rotation.Schedule) -> dict[str, Face]:
    """Everybody that these schedules name, by username, in the order of the forms."""
    found = {}
    for index, username in enumerate(dict.fromkeys(chain(*map(rotation.people_named, plans)))):
        user = users.get(username)
        name = str(user) if user else username
        initials = user.initials if user else username[:2].upper()
        found[username] = Face(name, name.split()[0], initials, index % TONES + 1)
    return found


def together(names: list[str]) -> str:
    """``Dana``, ``Dana and Owen``, ``Dana, Owen and Ruth``; ``Nobody`` for none."""
    if not names:
        return "Nobody"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def layer(layer: rotation.Layer | rotation.FixedLayer) -> str:
    """``priority 1, weekly, Mon 08:00``; with windows ``priority 2, weekly, Mon–Fri 08–20``."""
    if isinstance(layer, rotation.FixedLayer):
        return f"priority {layer.priority}, imported calendar"
    turn = every(layer.rotation) if layer.restrictions else turns(layer.rotation)
    words = [f"priority {layer.priority}", turn]
    if len(layer.restrictions) > 2:
        words.append(f"{len(layer.restrictions)} windows")
    else:
        words += [_unbroken(window(restriction)) for restriction in layer.restrictions]
    return ", ".join(words)


def why_not(layer: rotation.Layer | rotation.FixedLayer, wall: datetime) -> str:
    """Why a layer does not cover the local time ``wall``: not begun, ended, a day left out, outside of windows."""
    if isinstance(layer, rotation.FixedLayer):
        return "has no event at this time"
    if wall < layer.start:
        return f"begins {layer.start:%a} {layer.start.day} {layer.start:%B %Y %H:%M}"
    if layer.end is not None and wall >= layer.end:
        return f"ended {layer.end:%a} {layer.end.day} {layer.end:%B %Y %H:%M}"
    if wall.date() in layer.exclude_dates:
        return f"leaves out {wall.day} {wall:%B}, as a holiday or an excluded date"
    return "does not cover this time: outside of its windows"


def is_torn(gap: rotation.Segment) -> bool:
    """Whether nobody is on call because of an exception, and not because no layer covers."""
    return not gap.people and any(reason.exceptions for reason in gap.reasons)


def turns(rotation: rotation.Rotation) -> str:
    """``weekly, Mon 08:00``, ``every 12 hours``, ``every 2 months, on day 31, 09:00``."""
    at = f"{rotation.anchor:%H:%M}"
    if rotation.unit == "hour":
        return every(rotation)
    if rotation.unit == "week":
        at = f"{WEEKDAYS[rotation.anchor.weekday()]} {at}"
    if rotation.unit == "month":
        at = f"on day {rotation.anchor.day}, {at}"
    return f"{every(rotation)}, {at}"


def every(rotation: rotation.Rotation) -> str:
    """``weekly``, ``every 2 weeks``."""
    return EVERY[rotation.unit] if rotation.length == 1 else f"every {rotation.length} {rotation.unit}s"


def window(restriction: rotation.Restriction) -> str:
    """``Mon–Fri 08–20``, ``Sat, Sun 10:30–12``, ``Fri 18 to Mon 08``."""
    start, end = _hours(restriction.start), _hours(restriction.end)
    if restriction.end_day is not None:
        return f"{WEEKDAYS[restriction.days[0]]} {start} to {WEEKDAYS[restriction.end_day]} {end}"
    return f"{_days(restriction.days)} {start}–{end}"


def exception(
    exception: rotation.ScheduleException, faces: dict[str, Face], *, initials: bool = False
) -> str:
    """``Owen away``, ``Ruth → Owen``, ``only Erin``, ``nobody``, ``with Frank``; or with initials for names."""

    def short(username: str) -> str:
        return faces[username].initials if initials else faces[username].first

    if exception.kind == rotation.REMOVE:
        return f"{short(exception.user)} away"
    if exception.kind == rotation.REPLACE:
        return f"{short(exception.user)} → {short(exception.by)}"
    if exception.kind == rotation.SET:
        return f"only {together([short(user) for user in exception.users])}" if exception.users else "nobody"
    return f"with {short(exception.user)}"


def zones(schedules: ZoneInfo, viewers: ZoneInfo, now: datetime) -> str:
    """``Times in New York (the schedule's zone). You are in Berlin: 5 h later, 6 h from 29 March.``"""
    if schedules.key == viewers.key:
        return f"Times in {times.city(schedules.key)}, the schedule's zone and yours."
    said = (
        f"Times in {times.city(schedules.key)} (the schedule's zone). You are in {times.city(viewers.key)}:"
    )
    ahead = _ahead(schedules, viewers, now)
    for days in range(1, ZONES_LOOK_AHEAD.days):
        then = now + timedelta(days=days)
        if _ahead(schedules, viewers, then) != ahead:
            day = clock.wall(then, schedules)
            return (
                f"{said} {_shift(ahead)}, {_shift(_ahead(schedules, viewers, then))} from {day.day} {day:%B}."
            )
    return f"{said} {_shift(ahead)}."


def day_and_time(wall: datetime, today: date) -> str:
    """``20:00`` today, else ``Sat 14 March 10:00``."""
    return f"{wall:%H:%M}" if wall.date() == today else f"{wall:%a} {wall.day} {wall:%B %H:%M}"


def _ahead(schedules: ZoneInfo, viewers: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(viewers).utcoffset() - at.astimezone(schedules).utcoffset()


def _shift(ahead: timedelta) -> str:
    if not ahead:
        return "the same time"
    return f"{times.span(ahead)} {'later' if ahead > timedelta(0) else 'earlier'}"


def _unbroken(words: str) -> str:
    """The same words, kept on one line."""
    return words.replace(" ", "\u00a0").replace("–", "\u2060–\u2060")


def _hours(value: time) -> str:
    return f"{value:%H}" if not value.minute else f"{value:%H:%M}"


def _days(days: tuple[int, ...]) -> str:
    if len(days) == 7:
        return "daily"
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{WEEKDAYS[days[0]]}–{WEEKDAYS[days[-1]]}"
    return ", ".join(WEEKDAYS[day] for day in days)
