"""Rows of schedules -> the plain values of ``oncall.rotation``, in a constant number of queries.

``load`` is what answers are computed from: as written, but without holidays and without those who are absent.
``written`` is what forms are made of.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from oncall import clock, rotation
from oncall.models import (
    Absence,
    CalendarImport,
    HolidayCalendar,
    Layer,
    LayerEdit,
    Schedule,
    ScheduleException,
    Slot,
    User,
)

Slots = tuple[tuple[str, ...], ...]


def load(schedule: Schedule, *, since: datetime | None = None) -> rotation.Schedule:
    """The schedule as plain values; people are usernames and the keys of exceptions are the rows' ids.

    With ``since``, exceptions that were over by then are left out, so that ten years of them cost nothing.
    """
    return load_many([schedule], since=since)[schedule.pk]


def load_many(
    schedules: Iterable[Schedule], *, since: datetime | None = None
) -> dict[int, rotation.Schedule]:
    """The same for many schedules by their ids: nine queries, with imported calendars ten, however many."""
    return with_what_is_derived(written_many(schedules, since=since), since=since)


def written(schedule: Schedule) -> rotation.Schedule:
    """The schedule as it is written down, whoever is absent."""
    return written_many([schedule])[schedule.pk]


def written_many(
    schedules: Iterable[Schedule], *, since: datetime | None = None
) -> dict[int, rotation.Schedule]:
    """The same for many schedules by their ids: seven queries, or eight."""
    schedules = list(schedules)
    ids = [schedule.pk for schedule in schedules]
    zones = {schedule.pk: ZoneInfo(schedule.time_zone) for schedule in schedules}
    layers = _layers(ids, zones)
    exceptions = _exceptions(ids, since)
    fixed = _imported(ids, since)
    return {
        pk: rotation.Schedule(zones[pk], tuple(layers[pk]), tuple(exceptions[pk]), tuple(fixed[pk]))
        for pk in ids
    }


def with_what_is_derived(
    plans: dict[int, rotation.Schedule], *, since: datetime | None = None
) -> dict[int, rotation.Schedule]:
    """Plans by their schedules' ids, with holidays left out of layers and everybody taken off who is absent."""
    return _with_absences(_with_holidays(plans), since)


def _with_holidays(plans: dict[int, rotation.Schedule]) -> dict[int, rotation.Schedule]:
    attached = HolidayCalendar.layers.through.objects.filter(layer__schedule__in=plans)
    days: dict[tuple[int, str], set[date]] = defaultdict(set)
    for pk, name, dated in attached.values_list("layer__schedule_id", "layer__name", "holidaycalendar__days"):
        days[pk, name] |= {date.fromisoformat(day) for day in dated}
    found = dict(plans)
    for pk in {pk for pk, _ in days}:
        layers = (_without_days(layer, days.get((pk, layer.name), set())) for layer in plans[pk].layers)
        found[pk] = replace(plans[pk], layers=tuple(layers))
    return found


def _without_days(layer: rotation.Layer, days: set[date]) -> rotation.Layer:
    return replace(layer, exclude_dates=tuple(sorted({*layer.exclude_dates, *days}))) if days else layer


def _with_absences(
    plans: dict[int, rotation.Schedule], since: datetime | None
) -> dict[int, rotation.Schedule]:
    """The plans with everybody taken off who is absent; the keys of these exceptions are below zero.

    They come last, so that who is absent is covered by a replacement, and covers for nobody.
    """
    named = {pk: rotation.people_named(plan) for pk, plan in plans.items()}
    rows = Absence.objects.filter(user__username__in={name for names in named.values() for name in names})
    if since is not None:
        rows = rows.filter(end__gt=since)
    away = [
        rotation.ScheduleException(
            -pk, rotation.REMOVE, start.astimezone(UTC), end.astimezone(UTC), user=name
        )
        for pk, name, start, end in rows.order_by("pk").values_list("pk", "user__username", "start", "end")
    ]
    if not away:
        return plans
    return {
        pk: replace(plan, exceptions=(*plan.exceptions, *(e for e in away if e.user in named[pk])))
        for pk, plan in plans.items()
    }


def naming(*users: User) -> list[Schedule]:
    """The schedules on which one of these people may be on call; an imported calendar may name anybody."""
    named = Q(layers__slots__users__in=users) | Q(exceptions__by__in=users) | Q(exceptions__user__in=users)
    named |= Q(exceptions__users__in=users) | Q(imports__isnull=False)
    return list(Schedule.objects.filter(named).distinct().order_by("pk"))


def _layers(ids: list[int], zones: dict[int, ZoneInfo]) -> dict[int, list[rotation.Layer]]:
    rosters = _rosters(ids)
    edits: dict[int, list[LayerEdit]] = defaultdict(list)
    for edit in LayerEdit.objects.filter(layer__schedule__in=ids).order_by("at"):
        edits[edit.layer_id].append(edit)
    found: dict[int, list[rotation.Layer]] = defaultdict(list)
    for row in Layer.objects.filter(schedule__in=ids).order_by("pk"):
        found[row.schedule_id].append(_layer(row, edits[row.pk], rosters, zones[row.schedule_id]))
    return found


def _layer(
    row: Layer, edits: list[LayerEdit], rosters: dict[tuple[int, int | None], Slots], zone: ZoneInfo
) -> rotation.Layer:
    return rotation.Layer(
        name=row.name,
        priority=row.priority,
        rotation=rotation.Rotation(row.unit, row.length, row.anchor),
        slots=rosters.get((row.pk, None), ()),
        start=row.start or row.anchor,
        end=row.end,
        restrictions=tuple(
            rotation.restriction(item, f"restrictions[{index}]")
            for index, item in enumerate(row.restrictions)
        ),
        exclude_dates=tuple(sorted(date.fromisoformat(day) for day in row.exclude_dates)),
        advance=row.advance,
        edits=tuple(
            rotation.Edit(
                edit.at.astimezone(UTC),
                clock.high_water(edit.at, zone),
                rosters.get((row.pk, edit.pk), ()),
            )
            for edit in edits
        ),
    )


def _rosters(ids: list[int]) -> dict[tuple[int, int | None], Slots]:
    """Turns in order, by (layer, edit); the edit is None for the roster that a layer began with."""
    members: dict[int, list[str]] = defaultdict(list)
    of_slots = Slot.users.through.objects.filter(slot__layer__schedule__in=ids).order_by("pk")
    for slot, username in of_slots.values_list("slot_id", "user__username"):
        members[slot].append(username)
    slots = Slot.objects.filter(layer__schedule__in=ids).order_by("position", "pk")
    rosters: dict[tuple[int, int | None], list[tuple[str, ...]]] = defaultdict(list)
    for pk, layer, edit in slots.values_list("pk", "layer_id", "edit_id"):
        rosters[layer, edit].append(tuple(members[pk]))
    return {key: tuple(turns) for key, turns in rosters.items()}


def _exceptions(ids: list[int], since: datetime | None) -> dict[int, list[rotation.ScheduleException]]:
    rows = ScheduleException.objects.filter(schedule__in=ids)
    if since is not None:
        rows = rows.filter(end__gt=since)
    columns = ("pk", "schedule_id", "kind", "start", "end", "user__username", "by__username")
    told = list(rows.order_by("pk").values_list(*columns, "layer__name", "reason"))
    users = _named(rows) if any(kind == rotation.SET for _, _, kind, *_ in told) else {}
    found: dict[int, list[rotation.ScheduleException]] = defaultdict(list)
    for pk, schedule, kind, start, end, user, by, layer, reason in told:
        found[schedule].append(
            rotation.ScheduleException(
                key=pk,
                kind=kind,
                start=start.astimezone(UTC),
                end=end.astimezone(UTC),
                users=tuple(users.get(pk, ())),
                user=user or "",
                by=by or "",
                layer=layer or "",
                reason=reason,
            )
        )
    return found


def _imported(ids: list[int], since: datetime | None) -> dict[int, list[rotation.FixedLayer]]:
    """The last good copies of imported calendars."""
    rows = CalendarImport.objects.filter(schedule__in=ids, refreshed_at__isnull=False).order_by("pk")
    rows = list(rows.values_list("schedule_id", "name", "priority", "events"))
    named = {pk for *_, events in rows for _, _, people in events for pk in people}
    names = dict(User.objects.filter(pk__in=named).values_list("pk", "username")) if named else {}
    oldest = since.timestamp() if since else float("-inf")
    found: dict[int, list[rotation.FixedLayer]] = defaultdict(list)
    for schedule, name, priority, events in rows:
        stretches = [
            rotation.Stretch(
                datetime.fromtimestamp(start, UTC),
                datetime.fromtimestamp(end, UTC),
                tuple(sorted(names[pk] for pk in people if pk in names)),
            )
            for start, end, people in events
            if end > oldest
        ]
        found[schedule].append(rotation.FixedLayer(f"{name} (imported)", priority, tuple(stretches)))
    return found


def _named(rows: QuerySet) -> dict[int, list[str]]:
    """Whom each exception of kind ``set`` puts on call; the other kinds name nobody here."""
    users: dict[int, list[str]] = defaultdict(list)
    named = ScheduleException.users.through.objects.filter(scheduleexception__in=rows).order_by("pk")
    for row, username in named.values_list("scheduleexception_id", "user__username"):
        users[row].append(username)
    return users
