"""Fair load: what each person carried, month by month, and how far from the mean."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from oncall import clock, rotation
from oncall.load import counting, spans
from oncall.load.counting import Calendar, Carried, Duty, Figures, Month
from oncall.load.duties import Duties, Named, Person, Scope, gather
from oncall.models import HolidayCalendar, Notified, Page, Swap, User


@dataclass(frozen=True)
class Row:
    """One person: her figures for each month and in all, her hours on each schedule.

    ``differences`` are her hours on call less the mean of everybody, for each month; ``difference`` in all.
    """

    person: Person
    months: tuple[Figures, ...]
    total: Figures
    schedules: tuple[tuple[Named, timedelta], ...]
    differences: tuple[timedelta, ...]
    difference: timedelta


@dataclass(frozen=True)
class Report:
    """Everybody's load between two instants, who carried most first. ``means`` are of hours on call, by month.

    ``tells_pages``: whether the reader may see pages; without it they are counted as none.
    """

    months: tuple[Month, ...]
    rows: tuple[Row, ...]
    means: tuple[timedelta, ...]
    mean: timedelta
    schedules: tuple[Named, ...]
    tells_pages: bool


def report(
    scope: Scope, start: datetime, end: datetime, *, zone: ZoneInfo, reader: User, at: datetime
) -> Report:
    """The load on the schedules of ``scope``, with months on the clock of ``zone``, as known at ``at``.

    In it is everybody who was on call or stood on a roster. Of pages those are counted that the reader may see;
    in a narrower scope those that came while the person was on call there. As many queries for one as for many.
    """
    found = gather(scope, start, end, at=at)
    calendar = Calendar(counting.months(zone, start, end), at, _holidays(found))
    duties, pages, swaps = found.of_each(), _pages(start, end, reader), _swaps(found, start, end)
    counted = {}
    for pk in {*duties, *_on_rosters(found, start, end)}:
        own = duties.get(pk, [])
        carried = Carried(
            zone=ZoneInfo(found.people[pk].time_zone),
            duties=own,
            pages=pages[pk] if scope.is_all else _while_on_call(pages[pk], own),
            given=swaps[pk, "given"],
            taken=swaps[pk, "taken"],
        )
        counted[pk] = counting.count(carried, calendar)
    means = [_mean(figures) for figures in zip(*counted.values(), strict=True)]
    rows = [_row(found, pk, duties.get(pk, []), counted[pk], means) for pk in counted]
    return Report(
        months=tuple(calendar.months),
        rows=tuple(
            sorted(rows, key=lambda row: (-row.total.on_call, row.person.name.lower(), row.person.pk))
        ),
        means=tuple(means),
        mean=sum(means, timedelta()),
        schedules=tuple(sorted(found.schedules.values(), key=lambda named: (named.name.lower(), named.pk))),
        tells_pages=reader.has_perm("oncall.view_page"),
    )


def _mean(figures: Sequence[Figures]) -> timedelta:
    return sum((each.on_call for each in figures), timedelta()) / len(figures)


def _row(
    found: Duties, pk: int, duties: Iterable[Duty], months: list[Figures], means: list[timedelta]
) -> Row:
    hours: dict[int, timedelta] = defaultdict(timedelta)
    for duty in duties:
        hours[duty.schedule] += duty.end - duty.start
    total = sum(months[1:], months[0])
    return Row(
        person=found.people[pk],
        months=tuple(months),
        total=total,
        schedules=tuple((found.schedules[schedule], hours[schedule]) for schedule in sorted(hours)),
        differences=tuple(month.on_call - mean for month, mean in zip(months, means, strict=True)),
        difference=total.on_call - sum(means, timedelta()),
    )


# -- what is counted besides hours -------------------------------------------------------------------------
def _on_rosters(found: Duties, start: datetime, end: datetime) -> set[int]:
    """Everybody active who stood on a roster in that time, whether or not a turn of hers came."""
    named = {name for plan in found.plans.values() for name in _named_by_rosters(plan, start, end)}
    people = {found.by_username[name] for name in named if name in found.by_username}
    return {pk for pk in people if found.people[pk].is_active}


def _named_by_rosters(plan: rotation.Schedule, start: datetime, end: datetime) -> Iterable[str]:
    for layer in plan.layers:
        begins = clock.resolve(layer.start, plan.zone)
        ends = clock.resolve(layer.end, plan.zone) if layer.end else end
        rosters = [(begins, layer.slots), *((edit.at, edit.slots) for edit in layer.edits)]
        for (since, slots), until in zip(rosters, [*(at for at, _ in rosters[1:]), ends], strict=True):
            if max(since, begins) < end and min(until, ends) > start:
                yield from (name for slot in slots for name in slot)


def _holidays(found: Duties) -> dict[int, list[spans.Span]]:
    """The holidays of each schedule: of calendars attached to a layer of it, and of those attached to none.

    A round-the-clock rotation must not stop on a holiday, so its calendar hangs on no layer and counts for all.
    """
    days: dict[int, set[date]] = defaultdict(set)
    for dated, schedule in HolidayCalendar.objects.values_list("days", "layers__schedule_id").order_by():
        for pk in found.plans if schedule is None else {schedule} & found.plans.keys():
            days[pk].update(date.fromisoformat(day) for day in dated)
    return {pk: counting.holidays(dates, found.plans[pk].zone) for pk, dates in days.items()}


def _pages(start: datetime, end: datetime, reader: User) -> dict[int, list[datetime]]:
    """When a page reached whom, as far as the reader may know."""
    found: dict[int, list[datetime]] = defaultdict(list)
    if reader.has_perm("oncall.view_page"):
        seen = Notified.objects.filter(page__in=Page.objects.visible_to(reader), at__gte=start, at__lt=end)
        for user, at in seen.values_list("user_id", "at").order_by():
            found[user].append(at)
    return found


def _while_on_call(times: Iterable[datetime], duties: Iterable[Duty]) -> list[datetime]:
    own = spans.union((duty.start, duty.end) for duty in duties)
    return [at for at in times if spans.is_in(at, own)]


def _swaps(found: Duties, start: datetime, end: datetime) -> dict[tuple[int, str], list[datetime]]:
    """When the shifts begin that changed hands by a swap: by whose it was and by who took it."""
    rows = Swap.objects.filter(
        schedule__in=found.plans, state=Swap.State.TAKEN, start__gte=start, start__lt=end
    )
    swaps: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    for requester, taker, begins in rows.values_list("requester_id", "taker_id", "start").order_by():
        swaps[requester, "given"].append(begins)
        swaps[taker, "taken"].append(begins)
    return swaps
