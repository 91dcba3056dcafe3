"""A shift of Grafana OnCall as a layer or an exception. Its recurrence is that of RFC 5545."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.importing import turns
from config.importing.draft import Draft
from config.importing.entries import Entry, written, zone
from oncall.rotation.fields import WEEKDAYS

PERIODS = {"hourly": turns.HOUR, "daily": turns.DAY, "weekly": turns.WEEK}
SHORTEST_MONTH = 28 * turns.DAY

Form = dict[str, Any]
Turns = tuple[str, int, list[list[str]]]


def read(draft: Draft, entry: Entry, clock: str) -> tuple[Form | None, Form | None]:
    """The layer or the exception that the shift becomes; neither, with a remark, where there is none."""
    entry = _on_clock_of(draft, entry, clock)
    start = entry.local("start", ZoneInfo(clock))
    seconds = entry.number("duration")
    if seconds <= 0:
        raise entry.fault("must be more than 0", "duration")
    kind, end = entry.text("type"), start + timedelta(seconds=seconds)
    people = _people(draft, entry, entry.texts("users"))
    if kind == "override":
        return None, {"kind": "set", "users": people, "start": written(start), "end": written(end)}
    form = {"name": entry.text("name", "Shift"), "priority": max(entry.number("level", 0), 0)}
    if kind == "single_event":
        return form | _single(start, end, people), None
    if kind not in ("recurrent_event", "rolling_users"):
        draft.remark(entry, f"a shift of the type {kind!r} has no counterpart; left out.")
        return None, None
    slots = _slots(draft, entry) if kind == "rolling_users" else [people]
    if entry.items("by_month") or entry.items("by_monthday"):
        recurring = None
    else:
        recurring = _recurring(draft, entry, start, seconds, slots)
    if recurring is None:
        draft.remark(entry, "its recurrence has no counterpart; the shift is left out.")
        return None, None
    if entry.value.get("until"):
        recurring["end"] = written(entry.local("until", ZoneInfo(clock)))
        draft.remark(entry, "ends at its until here; there the shift under way runs to its end.")
    return form | recurring, None


def _on_clock_of(draft: Draft, entry: Entry, clock: str) -> Entry:
    """The shift with its times, and the weekdays they fall on, as the schedule's clock shows them."""
    own = entry.text("time_zone", clock)
    if own == clock:
        return entry
    there, here = zone(own, entry, "time_zone"), ZoneInfo(clock)
    draft.remark(
        entry,
        f"its times in {own} became those in {clock}; they part where the two change clocks on different days.",
    )
    told, moved = dict(entry.value), {}
    for key in ("start", "until"):
        if entry.value.get(key):
            before = entry.local(key, there)
            after = before.replace(tzinfo=there).astimezone(here).replace(tzinfo=None)
            moved[key] = (after.date() - before.date()).days
            told[key] = written(after)
    days = entry.texts("by_day")
    if days and moved.get("start"):
        first = entry.text("week_start", "SU")
        if not {*days, first} <= set(WEEKDAYS):
            raise entry.fault("must name weekdays such as MO", "by_day")
        told["by_day"] = [_weekday_after(day, moved["start"]) for day in days]
        told["week_start"] = _weekday_after(first, moved["start"])
    return Entry(told, entry.place, entry.kind)


def _weekday_after(day: str, days: int) -> str:
    return WEEKDAYS[(WEEKDAYS.index(day) + days) % 7]


def _single(start: datetime, end: datetime, people: list[str]) -> Form:
    """Once: a layer of one turn that begins and ends with it."""
    rotation = {"unit": "day", "length": 1, "anchor": written(start)}
    return {"rotation": rotation, "slots": [people], "end": written(end)}


def _slots(draft: Draft, entry: Entry) -> list[list[str]]:
    """Groups in order, the one that begins first."""
    groups = [
        _people(draft, entry, Entry({"group": group}, f"{entry.place}.rolling_users[{i}]").texts("group"))
        for i, group in enumerate(entry.items("rolling_users"))
    ]
    first = entry.number("start_rotation_from_user_index", 0)
    if groups and not 0 <= first < len(groups):
        raise entry.fault("must be the index of one of rolling_users", "start_rotation_from_user_index")
    return groups[first:] + groups[:first]


def _people(draft: Draft, entry: Entry, idents: list[str]) -> list[str]:
    return [draft.person(entry, ident, "") for ident in idents]


def _recurring(draft: Draft, entry: Entry, start: datetime, seconds: int, slots: list) -> Form | None:
    frequency, days = entry.text("frequency", ""), entry.texts("by_day")
    interval = entry.number("interval", 1)
    if not 1 <= interval <= turns.LONGEST_TURN:
        raise entry.fault("must be from 1 to 1000", "interval")
    if any(day not in WEEKDAYS for day in days):
        raise entry.fault("must name weekdays such as MO", "by_day")
    if frequency == "monthly":
        return _monthly(start, seconds, slots, interval) if not days else None
    if frequency not in PERIODS:
        raise entry.fault("must be hourly, daily, weekly or monthly", "frequency")
    if days and frequency == "weekly":
        return _week_of_days(entry, start, seconds, slots, interval)
    if days:
        return (
            _days_counted(draft, entry, start, seconds, slots, days)
            if (frequency, interval) == ("daily", 1)
            else None
        )
    period = PERIODS[frequency] * interval
    if seconds > period:
        draft.remark(entry, "a shift lasts longer than its turn; here the next one relieves it.")
    return _plain(start, min(seconds, period), slots, period)


def _monthly(start: datetime, seconds: int, slots: list, interval: int) -> Form | None:
    """Whole months only: a part of each has no counterpart."""
    if seconds < SHORTEST_MONTH * interval:
        return None
    return _layer("month", interval, start, slots)


def _plain(start: datetime, seconds: int, slots: list, period: int) -> Form | None:
    """A shift at the beginning of every turn: whole turns, a window in each, or turns with empty ones between."""
    unit, length = turns.period(period) or ("", 0)
    if unit and seconds == period:
        return _layer(unit, length, start, slots)
    time = turns.clock_time(start)
    if period == turns.DAY:
        return _layer("day", 1, start, slots) | {"restrictions": [turns.daily(time, seconds)]}
    if period == turns.WEEK:
        return _layer("week", 1, start, slots) | {
            "restrictions": [turns.weekly(start.weekday(), time, seconds)]
        }
    found = turns.pieces(period, [(0, seconds)], slots)
    return _layer(found[0], found[1], start, found[2]) if found else None


def _week_of_days(entry: Entry, start: datetime, seconds: int, slots: list, interval: int) -> Form | None:
    """The same people on each of some days of a week. Weeks begin on ``week_start``, here at the shift's hour."""
    first, days = entry.text("week_start", "SU"), entry.texts("by_day")
    if first not in WEEKDAYS:
        raise entry.fault("must be a weekday such as MO", "week_start")
    anchor = start - timedelta(days=(start.weekday() - WEEKDAYS.index(first)) % 7)
    found = turns.pieces(turns.WEEK * interval, [(0, turns.WEEK)], slots)
    if found is None or seconds >= turns.WEEK:
        return None
    form = _layer(found[0], found[1], anchor, found[2])
    form |= {"start": written(start)} if anchor != start else {}
    time = turns.clock_time(start)
    if seconds <= turns.DAY:
        return form | {"restrictions": [turns.daily(time, seconds, days)]}
    return form | {"restrictions": [turns.weekly(WEEKDAYS.index(day), time, seconds) for day in days]}


def _days_counted(
    draft: Draft, entry: Entry, start: datetime, seconds: int, slots: list, days: list[str]
) -> Form | None:
    """A daily turn on some weekdays: days without a shift are nobody's turn."""
    if seconds > turns.DAY:
        return None
    draft.remark(entry, "days that by_day leaves out are not counted as turns (advance: active).")
    window = turns.daily(turns.clock_time(start), seconds, days)
    return _layer("day", 1, start, slots) | {"restrictions": [window], "advance": "active"}


def _layer(unit: str, length: int, anchor: datetime, slots: list) -> Form:
    return {"rotation": {"unit": unit, "length": length, "anchor": written(anchor)}, "slots": slots}
