"""The schedule form (contract.md section 4) and plain values: ``parse`` and its inverse ``dump``.

A fault is a ``FormError`` that names the place and says what to do:
``layers[0].rotation.length: must be at least 1``.
"""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from oncall import clock
from oncall.rotation import fields
from oncall.rotation.fields import WEEKDAYS, FormError
from oncall.rotation.plan import (
    ADVANCES,
    CALENDAR,
    KINDS,
    REPLACE,
    SET,
    Edit,
    Layer,
    Schedule,
    ScheduleException,
)
from oncall.rotation.turns import UNITS, Rotation, Slot
from oncall.rotation.windows import Restriction

LONGEST_EXCEPTION = timedelta(days=731)
A_YEAR = timedelta(days=366)
LONGEST_ROTATION = 1000
LONGEST_LAYER_NAME, LONGEST_REASON = 100, 200
HIGHEST_PRIORITY = 1000
MOST_LAYERS, MOST_SLOTS, MOST_PEOPLE, MOST_WINDOWS = 50, 200, 50, 100
MOST_EDITS, MOST_DATES, MOST_EXCEPTIONS, MOST_AT_ONCE = 1000, 2000, 10_000, 200
MOST_BORDERS_A_YEAR = 40_000
WEEKS_A_YEAR = 53

LAYER_KEYS = "name priority rotation slots start end restrictions exclude_dates advance edits"


def parse(form: Any) -> Schedule:
    """Turn a form (a dict as read from JSON or YAML) into a ``Schedule``; FormError at the first fault.

    Other keys beside ``time_zone``, ``layers`` and ``exceptions`` (or ``overrides``) are the caller's.
    """
    if not isinstance(form, dict):
        raise FormError("", "a schedule must be an object with time_zone and layers")
    if "exceptions" in form and "overrides" in form:
        raise FormError("overrides", "give either exceptions or overrides")
    zone = fields.zone(form.get("time_zone"), "time_zone")
    layers = tuple(fields.each(form, "layers", "", partial(layer, zone=zone), most=MOST_LAYERS))
    _refuse_two_of_a_name(layers)
    _refuse_endless_work(layers)
    read = partial(exception, zone=zone, layers={each.name for each in layers})
    key = "overrides" if "overrides" in form else "exceptions"
    exceptions = fields.each(form, key, "", read, most=MOST_EXCEPTIONS)
    _refuse_a_crowd(exceptions, key)
    return Schedule(zone, layers, tuple(replace(e, key=index) for index, e in enumerate(exceptions)))


def dump(schedule: Schedule) -> dict[str, Any]:
    """The form of ``schedule``; ``parse`` of it gives the same answers. Instants are written with Z."""
    return {
        "time_zone": schedule.zone.key,
        "layers": [dump_layer(each) for each in schedule.layers],
        "exceptions": [dump_exception(each) for each in schedule.exceptions],
    }


def people_named(schedule: Schedule) -> dict[str, str]:
    """Every username that the schedule names, with the first place that does: in the form, or a fixed layer."""
    places: dict[str, str] = {}
    for index, each in enumerate(schedule.layers):
        rosters = [(f"layers[{index}].slots", each.slots)]
        rosters += [(f"layers[{index}].edits[{i}].slots", edit.slots) for i, edit in enumerate(each.edits)]
        for place, slots in rosters:
            for i, slot in enumerate(slots):
                for j, name in enumerate(slot):
                    places.setdefault(name, f"{place}[{i}][{j}]")
    for index, each in enumerate(schedule.exceptions):
        for name in filter(None, (each.user, each.by, *each.users)):
            places.setdefault(name, f"exceptions[{index}]")
    for each in schedule.fixed:
        for name in (name for stretch in each.stretches for name in stretch.people):
            places.setdefault(name, each.name)
    return places


def layer(item: Any, place: str, *, zone: ZoneInfo) -> Layer:
    """One layer."""
    form = fields.mapping(item, place, LAYER_KEYS)
    rotation = _rotation(form.get("rotation"), f"{place}.rotation")
    start, end = fields.given(form, "start"), fields.given(form, "end")
    start = rotation.anchor if start is None else fields.local(start, f"{place}.start")
    end = None if end is None else fields.local(end, f"{place}.end")
    if end is not None and end <= start:
        raise FormError(f"{place}.end", "must be after the start")
    dates = fields.each(form, "exclude_dates", place, fields.day, most=MOST_DATES)
    advance = fields.given(form, "advance")
    return Layer(
        name=fields.text(form.get("name"), f"{place}.name", longest=LONGEST_LAYER_NAME),
        priority=fields.integer(form.get("priority", 1), f"{place}.priority", 0, HIGHEST_PRIORITY),
        rotation=rotation,
        slots=_slots(form, place),
        start=start,
        end=end,
        restrictions=tuple(fields.each(form, "restrictions", place, restriction, most=MOST_WINDOWS)),
        exclude_dates=tuple(sorted(set(dates))),
        advance=CALENDAR if advance is None else fields.choice(advance, f"{place}.advance", ADVANCES),
        edits=_edits(form, place, zone),
    )


def _rotation(item: Any, place: str) -> Rotation:
    form = fields.mapping(item, place, "unit length anchor")
    return Rotation(
        unit=fields.choice(form.get("unit"), f"{place}.unit", UNITS),
        length=fields.integer(form.get("length", 1), f"{place}.length", 1, LONGEST_ROTATION),
        anchor=fields.local(form.get("anchor"), f"{place}.anchor"),
    )


def _slots(form: dict, place: str) -> tuple[Slot, ...]:
    if form.get("slots") is None:
        raise FormError(f"{place}.slots", "is missing; write the turns in order, like [[alice], [bob]]")
    return tuple(fields.each(form, "slots", place, _people, most=MOST_SLOTS))


def _people(item: Any, place: str) -> Slot:
    """A list of usernames, each once."""
    if not isinstance(item, list | tuple):
        raise FormError(place, "must be a list of usernames; [] is nobody")
    if len(item) > MOST_PEOPLE:
        raise FormError(place, f"names {len(item)} people; at most {MOST_PEOPLE} are allowed")
    return tuple(dict.fromkeys(fields.text(name, f"{place}[{i}]") for i, name in enumerate(item)))


def _edits(form: dict, place: str, zone: ZoneInfo) -> tuple[Edit, ...]:
    """Roster changes in order of time, no two at one instant."""
    edits = fields.each(form, "edits", place, partial(_edit, zone=zone), most=MOST_EDITS)
    for index, edit in enumerate(edits):
        if edit.at in {earlier.at for earlier in edits[:index]}:
            raise FormError(f"{place}.edits[{index}].at", "another edit has the same instant")
    return tuple(sorted(edits, key=lambda edit: edit.at))


def _edit(item: Any, place: str, zone: ZoneInfo) -> Edit:
    form = fields.mapping(item, place, "at slots")
    at = fields.instant(form.get("at"), f"{place}.at", zone)
    return Edit(at, clock.high_water(at, zone), _slots(form, place))


def restriction(item: Any, place: str) -> Restriction:
    """One restriction window, daily or weekly."""
    form = fields.mapping(item, place, "type days from to from_day to_day")
    opens, closes, end_day = form.get("from"), form.get("to"), None
    if fields.choice(form.get("type"), f"{place}.type", ("daily", "weekly")) == "weekly":
        days = [fields.weekday(form.get("from_day"), f"{place}.from_day")]
        end_day = fields.weekday(form.get("to_day"), f"{place}.to_day")
    else:
        days = fields.each(form, "days", place, fields.weekday, most=len(WEEKDAYS), default=WEEKDAYS)
        closes = "00:00" if closes == "24:00" else closes
    if not days:
        raise FormError(f"{place}.days", "must name a day, like MO")
    start, end = fields.time_of_day(opens, f"{place}.from"), fields.time_of_day(closes, f"{place}.to")
    return Restriction(tuple(sorted(set(days))), start, end, end_day)


def exception(item: Any, place: str, *, zone: ZoneInfo, layers: set[str]) -> ScheduleException:
    """One exception; ``layers`` are the names it may refer to. Its key is 0."""
    form = fields.mapping(item, place, "kind user users by start end layer reason")
    kind = fields.choice(form.get("kind"), f"{place}.kind", KINDS)
    start = fields.instant(form.get("start"), f"{place}.start", zone)
    end = fields.instant(form.get("end"), f"{place}.end", zone)
    if end <= start:
        raise FormError(f"{place}.end", "must be after the start")
    if end - start > LONGEST_EXCEPTION:
        raise FormError(f"{place}.end", "is more than two years after the start; change the layer instead")
    inside, reason = fields.given(form, "layer"), fields.given(form, "reason")
    return ScheduleException(
        0,
        kind,
        start,
        end,
        layer="" if inside is None else _layer_named(inside, f"{place}.layer", layers),
        reason="" if reason is None else fields.text(reason, f"{place}.reason", longest=LONGEST_REASON),
        **_who(form, kind, place),
    )


def _layer_named(name: Any, place: str, layers: set[str]) -> str:
    if not layers:
        raise FormError(place, f"there is no layer at all, so none called {fields.shown(name)}")
    return fields.choice(name, place, sorted(layers))


def _who(form: dict, kind: str, place: str) -> dict[str, Any]:
    """The people that an exception of ``kind`` names; naming others is a fault."""
    needed = {SET: ("users",), REPLACE: ("user", "by")}.get(kind, ("user",))
    for key in ("user", "users", "by"):
        if form.get(key) not in (None, "", []) and key not in needed:
            raise FormError(f"{place}.{key}", f"does not belong to {kind}")
    if kind == SET:
        return {"users": _people(form.get("users"), f"{place}.users")}
    return {key: fields.text(form.get(key), f"{place}.{key}") for key in needed}


def _refuse_two_of_a_name(layers: tuple[Layer, ...]) -> None:
    seen: set[str] = set()
    for index, each in enumerate(layers):
        if each.name in seen:
            raise FormError(f"layers[{index}].name", f"there is another layer {each.name!r}")
        seen.add(each.name)


def _refuse_endless_work(layers: tuple[Layer, ...]) -> None:
    """Turns and windows together are work for every answer; beyond any use of people, refuse them."""
    borders = 0
    for each in layers:
        borders += A_YEAR // each.rotation.step if each.rotation.step else 12
        borders += WEEKS_A_YEAR * len(each.week.spans) if each.week else 0
    if borders > MOST_BORDERS_A_YEAR:
        raise FormError(
            "layers", f"change hands some {borders} times a year; make turns longer or fewer windows"
        )


def _refuse_a_crowd(exceptions: list[ScheduleException], key: str) -> None:
    """Each that holds is asked about every change of hands; so many at once are a mistake of some program."""
    borders = sorted([(e.start, 1) for e in exceptions] + [(e.end, -1) for e in exceptions])
    most = max(accumulate(step for _, step in borders), default=0)
    if most > MOST_AT_ONCE:
        raise FormError(key, f"{most} of them hold at one time; at most {MOST_AT_ONCE} can")


def dump_layer(layer: Layer) -> dict[str, Any]:
    """The form of one layer."""
    rotation = layer.rotation
    return {
        "name": layer.name,
        "priority": layer.priority,
        "rotation": {
            "unit": rotation.unit,
            "length": rotation.length,
            "anchor": _written(rotation.anchor),
        },
        "slots": _lists(layer.slots),
        "start": _written(layer.start),
        "end": _written(layer.end) if layer.end else None,
        "restrictions": [dump_restriction(each) for each in layer.restrictions],
        "exclude_dates": [date.isoformat() for date in layer.exclude_dates],
        "advance": layer.advance,
        "edits": [{"at": _written(edit.at), "slots": _lists(edit.slots)} for edit in layer.edits],
    }


def dump_restriction(restriction: Restriction) -> dict[str, Any]:
    """The form of one window."""
    days = [WEEKDAYS[day] for day in restriction.days]
    start, end = _written(restriction.start), _written(restriction.end)
    if restriction.end_day is None:
        return {"type": "daily", "days": days, "from": start, "to": end}
    to_day = WEEKDAYS[restriction.end_day]
    return {"type": "weekly", "from_day": days[0], "from": start, "to_day": to_day, "to": end}


def dump_exception(exception: ScheduleException) -> dict[str, Any]:
    """The form of one exception."""
    form: dict[str, Any] = {"kind": exception.kind}
    if exception.kind == SET:
        form["users"] = list(exception.users)
    else:
        form["user"] = exception.user
    if exception.kind == REPLACE:
        form["by"] = exception.by
    form |= {"start": _written(exception.start), "end": _written(exception.end)}
    form |= {"layer": exception.layer} if exception.layer else {}
    return form | ({"reason": exception.reason} if exception.reason else {})


def _lists(slots: tuple[Slot, ...]) -> list[list[str]]:
    return [list(slot) for slot in slots]


def _written(value: datetime | time) -> str:
    """To the minute where nothing is lost; instants with Z."""
    exact = "auto" if value.second or value.microsecond else "minutes"
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=exact) + "Z"
    return value.isoformat(timespec=exact)
