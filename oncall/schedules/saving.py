"""The form of contract.md section 4 -> rows, and exceptions one at a time. The only writer of schedules' parts.

Rows that stay as they are keep their ids and their history; ``version`` grows with every change.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models, transaction

from oncall import clock, rotation
from oncall.messaging.errors import DomainError
from oncall.models import Layer, LayerEdit, Schedule, ScheduleException, Slot, User
from oncall.schedules.loading import written
from oncall.schedules.versions import touch

People = dict[str, User]
LONGEST_WHY = 100  # of a history's change reason


@transaction.atomic
def replace(schedule: Schedule, form: dict[str, Any], *, by: User | None, at: datetime) -> bool:
    """Make the schedule what ``form`` says; whether anything was different.

    ``time_zone`` may be left out and stays. DomainError ``bad_schedule`` names the place of a fault, also of
    a username that nobody has. Repeating it changes nothing.
    """
    plan, people = read_form(schedule, form)
    row = Schedule.objects.select_for_update().get(pk=schedule.pk)
    before = written(row)
    if _settled(before) == _settled(plan):
        return False
    row.time_zone = plan.zone.key
    row.version += 1
    _save(row, by, at)
    layers = _write_layers(row, before, plan, people, by, at)
    _write_exceptions(row, before.exceptions, plan.exceptions, layers, people, by, at)
    schedule.refresh_from_db()
    return True


def add_exception(schedule: Schedule, *, by: User | None, at: datetime, **said: Any) -> Schedule:
    """``make_exception`` for callers who go on with the schedule."""
    return make_exception(schedule, **said, by=by, at=at).schedule


@transaction.atomic
def make_exception(
    schedule: Schedule,
    *,
    kind: str,
    start: datetime,
    end: datetime,
    user: User | None = None,
    cover: User | None = None,
    users: tuple[User, ...] = (),
    layer: Layer | None = None,
    reason: str = "",
    by: User | None,
    at: datetime,
) -> ScheduleException:
    """Depart from the layers for a while: remove ``user``, replace by ``cover``, set ``users`` or add ``user``.

    Adding the same exception again changes nothing. DomainError ``bad_schedule`` where it is at fault.
    """
    form = {
        "kind": kind,
        "start": start,
        "end": end,
        "user": user and user.username,
        "by": cover and cover.username,
        "users": [each.username for each in users] if kind == rotation.SET else None,
        "layer": layer and layer.name,
        "reason": reason,
    }
    row = Schedule.objects.select_for_update().get(pk=schedule.pk)
    plan = written(row)
    wanted = _read_exception(form, plan)
    for exception in plan.exceptions:
        if _same(wanted, exception):
            return row.exceptions.get(pk=exception.key)
    people = {each.username: each for each in (user, cover, *users) if each}
    [made] = _create_exceptions(row, (wanted,), {layer.name: layer} if layer else {}, people, by, at)
    made.schedule = touch(row, by=by, at=at)
    return made


@transaction.atomic
def end_exception(exception: ScheduleException, *, by: User | None, at: datetime) -> None:
    """Let an exception hold no longer: one to come is deleted, one under way ends now, the past stays."""
    row = Schedule.objects.select_for_update().get(pk=exception.schedule_id)
    current = row.exceptions.filter(pk=exception.pk).first()
    if current is None or current.end <= at:
        return
    if current.start < at:
        current.end = at
        _save(current, by, at)
    else:
        _delete(current, by, at)
    touch(row, by=by, at=at)


@transaction.atomic
def change_roster(layer: Layer, slots: list[list[str]], *, by: User | None, at: datetime) -> Layer:
    """From ``at`` on the layer's turns go through ``slots`` (usernames); the past stays as it was.

    A layer that has not begun, or has had nobody so far, simply gets the roster. The caller bumps the
    schedule's version. The roster it has already changes nothing.
    """
    if slots == roster(layer):
        return layer
    people = {user.username: user for user in User.objects.filter(username__in=sum(slots, []))}
    zone = ZoneInfo(layer.schedule.time_zone)
    has_begun = clock.resolve(layer.start or layer.anchor, zone) <= at
    edit = None
    if has_begun and layer.slots.exists():
        edit = _save(LayerEdit(layer=layer, at=at), by, at, _roster_words(slots))
    else:
        layer.slots.all().delete()
    _create_slots(layer, [(edit, slots)], people)
    return layer


def roster(layer: Layer) -> list[list[str]]:
    """Who takes turns after the last change, as usernames. No query where slots and edits are prefetched."""
    last = max(layer.edits.all(), key=lambda edit: edit.at, default=None)
    slots = [slot for slot in layer.slots.all() if slot.edit_id == (last and last.pk)]
    return [[user.username for user in slot.users.all()] for slot in sorted(slots, key=lambda s: s.position)]


def read_form(schedule: Schedule, form: dict[str, Any]) -> tuple[rotation.Schedule, People]:
    """A form as plain values with the people it names; DomainError ``bad_schedule`` where it is at fault."""
    if isinstance(form, dict) and form.get("time_zone") is None:
        form = {**form, "time_zone": schedule.time_zone}
    try:
        plan = rotation.parse(form)
    except rotation.FormError as error:
        raise DomainError("bad_schedule", f"{error}.") from None
    places = rotation.people_named(plan)
    people = {user.username: user for user in User.objects.filter(username__in=places)}
    for name, place in places.items():
        if name not in people:
            raise DomainError("bad_schedule", f"{place}: there is nobody called {name!r}.")
    return plan, people


def _settled(plan: rotation.Schedule) -> dict[str, Any]:
    """The form with its layers by name, since their order means nothing."""
    form = rotation.dump(plan)
    return {**form, "layers": sorted(form["layers"], key=lambda layer: layer["name"])}


def _read_exception(form: dict[str, Any], plan: rotation.Schedule) -> rotation.ScheduleException:
    names = {layer.name for layer in plan.layers}
    given = {key: value for key, value in form.items() if value not in (None, "")}
    try:
        return rotation.exception(given, "exception", zone=plan.zone, layers=names)
    except rotation.FormError as error:
        raise DomainError("bad_schedule", f"{error}.") from None


def _write_layers(
    row: Schedule,
    before: rotation.Schedule,
    plan: rotation.Schedule,
    people: People,
    by: User | None,
    at: datetime,
) -> dict[str, Layer]:
    """Layers by name: new ones are made, missing ones deleted, unchanged ones left alone."""
    old = {layer.name: layer for layer in before.layers}
    rows = {layer.name: layer for layer in row.layers.all()}
    for name in rows.keys() - {layer.name for layer in plan.layers}:
        _delete(rows.pop(name), by, at)
    for layer in plan.layers:
        if old.get(layer.name) == layer:
            continue
        rows.setdefault(layer.name, Layer(schedule=row, name=layer.name))
        was = old.get(layer.name)
        new_roster = was is None or (was.slots, was.edits) != (layer.slots, layer.edits)
        _write_layer(rows[layer.name], layer, by, at, _roster_words(layer.slots) if new_roster else "")
        if new_roster:
            _write_rosters(rows[layer.name], layer, people, by, at)
    return rows


def _write_layer(row: Layer, layer: rotation.Layer, by: User | None, at: datetime, why: str) -> None:
    form = rotation.dump_layer(layer)
    row.priority = layer.priority
    row.unit, row.length = layer.rotation.unit, layer.rotation.length
    row.anchor = layer.rotation.anchor
    row.start = None if layer.start == layer.rotation.anchor else layer.start
    row.end = layer.end
    row.restrictions, row.exclude_dates = form["restrictions"], form["exclude_dates"]
    row.advance = layer.advance
    _save(row, by, at, why)


def _write_rosters(row: Layer, layer: rotation.Layer, people: People, by: User | None, at: datetime) -> None:
    """Slots anew; an edit at the same instant stays the same row."""
    row.slots.all().delete()
    edits = {edit.at: edit for edit in row.edits.all()}
    for instant in edits.keys() - {edit.at for edit in layer.edits}:
        _delete(edits.pop(instant), by, at)
    rosters: list[tuple[LayerEdit | None, tuple]] = [(None, layer.slots)]
    for edit in layer.edits:
        if edit.at not in edits:
            edits[edit.at] = _save(LayerEdit(layer=row, at=edit.at), by, at, _roster_words(edit.slots))
        rosters.append((edits[edit.at], edit.slots))
    _create_slots(row, rosters, people)


def _create_slots(row: Layer, rosters: list[tuple[LayerEdit | None, Any]], people: People) -> None:
    slots = [
        (Slot(layer=row, edit=edit, position=position), names)
        for edit, turns in rosters
        for position, names in enumerate(turns)
    ]
    Slot.objects.bulk_create([slot for slot, _ in slots])
    member = Slot.users.through
    member.objects.bulk_create(
        [member(slot=slot, user=people[name]) for slot, names in slots for name in names]
    )


def _write_exceptions(
    row: Schedule,
    before: tuple[rotation.ScheduleException, ...],
    wanted: tuple[rotation.ScheduleException, ...],
    layers: dict[str, Layer],
    people: People,
    by: User | None,
    at: datetime,
) -> None:
    """Their order is that of creation: keep the rows that still stand in it, then add the rest."""
    kept, gone = 0, []
    still_there = set(row.exceptions.values_list("pk", flat=True))  # those of a deleted layer went with it
    for exception in before:
        if exception.key in still_there and kept < len(wanted) and _same(exception, wanted[kept]):
            kept += 1
        else:
            gone.append(exception.key)
    for stale in row.exceptions.filter(pk__in=gone):
        _delete(stale, by, at)
    _create_exceptions(row, wanted[kept:], layers, people, by, at)


def _create_exceptions(
    row: Schedule,
    wanted: tuple[rotation.ScheduleException, ...],
    layers: dict[str, Layer],
    people: People,
    by: User | None,
    at: datetime,
) -> list[ScheduleException]:
    named, rows = ScheduleException.users.through, []
    for exception in wanted:
        created = ScheduleException(
            schedule=row,
            layer=layers.get(exception.layer),
            kind=exception.kind,
            user=people.get(exception.user),
            by=people.get(exception.by),
            start=exception.start,
            end=exception.end,
            reason=exception.reason,
        )
        _save(created, by, at)
        named.objects.bulk_create(
            [named(scheduleexception=created, user=people[name]) for name in exception.users]
        )
        rows.append(created)
    return rows


def _same(one: rotation.ScheduleException, other: rotation.ScheduleException) -> bool:
    return rotation.dump_exception(one) == rotation.dump_exception(other)


def _roster_words(slots: Any) -> str:
    """``Roster: alice; bob, carol`` for the history, which keeps no slots, as long as its column allows."""
    words = "Roster: " + ("; ".join(", ".join(slot) or "nobody" for slot in slots) or "empty")
    return words if len(words) <= LONGEST_WHY else words[: LONGEST_WHY - 1] + "…"


def _save(row: models.Model, by: User | None, at: datetime, why: str = "") -> Any:
    row._history_user, row._history_date, row._change_reason = by, at, why or None
    row.save()
    return row


def _delete(row: models.Model, by: User | None, at: datetime) -> None:
    row._history_user, row._history_date = by, at
    row.delete()
