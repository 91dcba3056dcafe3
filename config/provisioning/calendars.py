"""Sections ``holidays`` and ``absences``, and the ``calendars`` of a schedule: what else says who is on call."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Prefetch

from config.provisioning.reading import Item, Mapping, Sequence, refuse_twice
from config.provisioning.run import Run
from oncall import absences, calendars, holidays
from oncall.messaging.errors import DomainError
from oncall.models import Absence, CalendarImport, HolidayCalendar, Layer, Schedule, User
from oncall.rotation import FIRST_YEAR, LAST_YEAR, fields
from oncall.rotation.form import HIGHEST_PRIORITY

Form = dict[str, Any]
LAYERS = Layer.objects.select_related("schedule").order_by("schedule__slug", "name")


def imported(run: Run, item: Item, schedule: Schedule) -> None:
    """The calendars elsewhere that are layers of a schedule; each is read with the pulse's next beat."""
    wanted = item.items("calendars", "A calendar")
    refuse_twice(wanted, "name", what="calendar")
    names = {_imported(run, entry, schedule) for entry in wanted}
    for stale in schedule.imports.exclude(name__in=names):
        run.note("remove", f"calendar {stale} of schedule {schedule.slug}")
        calendars.remove(stale, by=run.by, at=run.at)


def _imported(run: Run, item: Item, schedule: Schedule) -> str:
    name, priority = item.text("name", most=80), item.whole("priority", 1, most=HIGHEST_PRIORITY)
    try:
        url = calendars.check_address(item.text("url", most=1000))
    except DomainError as error:
        raise item.fault(error.detail, "url") from None
    item.done()
    what, before = f"calendar {name} of schedule {schedule.slug}", len(run.changes)
    lookup, values = {"schedule": schedule, "name": name}, {"priority": priority, "url": url}
    row = run.write(item, CalendarImport, lookup, values, what=what)
    if len(run.changes) > before:
        calendars.settle(row, by=run.by, at=run.at)
    return name


def holiday(run: Run, item: Item) -> None:
    """A calendar of days, and the layers that do not cover on them."""
    name = item.text("name", most=100)
    days, layers = _days(item), [_layer(entry) for entry in item.items("layers", "A layer")]
    item.done()
    row = HolidayCalendar.objects.filter(name=name).first()
    run.named.setdefault(HolidayCalendar, set()).add(name)
    if row and row.days == days and set(row.layers.all()) == set(layers):
        return
    run.note("change" if row else "create", f"holiday calendar {name}")
    holidays.write(row or HolidayCalendar(name=name), days=days, layers=layers, by=run.by, at=run.at)


def _days(item: Item) -> dict[str, str]:
    """Dates with their names, or a list of dates alone."""
    value = item.get("days")
    if isinstance(value, Sequence):
        value = dict.fromkeys(map(str, value), "")
    if not isinstance(value, dict) or len(value) > holidays.MOST_DAYS:
        raise item.fault(f"'days' must be at most {holidays.MOST_DAYS} dates with names.", "days")
    lines = value.lines if isinstance(value, Mapping) else {}
    for day in value:
        try:
            known = FIRST_YEAR <= date.fromisoformat(day).year <= LAST_YEAR
        except ValueError:
            known = False
        if not known:
            fault = item.fault(f"{day!r} is not a date such as 2026-12-25.", "days")
            fault.line = lines.get(day, fault.line)
            raise fault
    named = {date.fromisoformat(day).isoformat(): str(name or "").strip() for day, name in value.items()}
    return dict(sorted((day, name[: holidays.LONGEST_NAME]) for day, name in named.items()))


def _layer(item: Item) -> Layer:
    schedule, name = item.text("schedule"), item.text("layer")
    item.done()
    layer = Layer.objects.filter(schedule__slug=schedule, name=name).first()
    if layer is None:
        raise item.fault(f"There is no layer called {name!r} on a schedule {schedule!r}.", "layer")
    return layer


def absence(run: Run, item: Item) -> None:
    """A time in which a person is away from every schedule; also one that is over."""
    username = item.text("user")
    person = run.find(User, username, line=item.line, what="user", by="username")
    start, end = (_instant(item, key, person) for key in ("start", "end"))
    note = item.text("note", "", most=200)
    item.done()
    if end <= start:
        raise item.fault("An absence ends after it starts.", "end")
    row = Absence.objects.filter(user=person, start=start, end=end).first()
    if row is None or row.note != note:
        run.note("change" if row else "create", f"absence of {username} from {start:%Y-%m-%d}")
        row = row or Absence(user=person, start=start, end=end)
        row.note = note
        absences.record(row, by=run.by, at=run.at)
    run.named.setdefault(Absence, set()).add(row.pk)


def _instant(item: Item, key: str, person: User) -> datetime:
    """With Z or an offset as it says, without one on the person's clock."""
    try:
        return fields.instant(item.get(key), key, ZoneInfo(person.time_zone))
    except fields.FormError as error:
        raise item.fault(f"{error}.", key) from None


def exported_imports(rows: Iterable[CalendarImport]) -> list[Form]:
    return [{"name": row.name, "priority": row.priority, "url": row.url} for row in rows]


def exported_holidays() -> list[Form]:
    """Every calendar with its days and layers, in three queries."""
    rows = HolidayCalendar.objects.prefetch_related(Prefetch("layers", LAYERS)).order_by("name")
    return [
        {
            "name": row.name,
            "days": row.days,
            "layers": [{"schedule": layer.schedule.slug, "layer": layer.name} for layer in row.layers.all()],
        }
        for row in rows
    ]


def exported_absences() -> list[Form]:
    """Every absence, those that are over too, since schedules tell of the past as well."""
    rows = Absence.objects.select_related("user").order_by("user__username", "start", "pk")
    return [
        {"user": row.user.username, "start": _written(row.start), "end": _written(row.end)}
        | ({"note": row.note} if row.note else {})
        for row in rows
    ]


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
