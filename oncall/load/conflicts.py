"""Who is on call twice at once, and who is on call though away: by person.

Source: field/oncall.md section 1.1, "Double booking across schedules": simple interval intersection.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from oncall import absences, rotation, shifts
from oncall.load import counting, spans
from oncall.load.counting import Duty
from oncall.load.duties import Duties, Named, Person, Scope, gather
from oncall.models import Absence, Schedule


@dataclass(frozen=True)
class DoubleBooking:
    """A stretch in which one person is on call on several schedules."""

    start: datetime
    end: datetime
    schedules: tuple[Named, ...]


@dataclass(frozen=True)
class Missed:
    """A shift that a person has though she is away; ``conflict`` says who is on call instead."""

    absence: Absence
    conflict: absences.Conflict


@dataclass(frozen=True)
class Conflicts:
    """Everything that stands against each other in one person's duties, in order of time."""

    person: Person
    double: tuple[DoubleBooking, ...]
    missed: tuple[Missed, ...]


def conflicts(scope: Scope, start: datetime, end: datetime, *, at: datetime) -> list[Conflicts]:
    """What stands against each other between two instants, by person in order of name.

    A double booking counts when one of its schedules is in ``scope``; what is past comes from the log. Absences
    count from ``at`` on. As many queries for one person as for many.
    """
    found = gather(Scope(), start, end, at=at)
    own = {schedule.pk for schedule in scope.schedules()} if not scope.is_all else found.schedules.keys()
    double = {
        pk: [each for each in _double(found, duties) if any(named.pk in own for named in each.schedules)]
        for pk, duties in found.of_each().items()
    }
    missed = _missed(found, own, max(start, at), end)
    people = sorted({*double, *missed}, key=lambda pk: (found.people[pk].name.lower(), pk))
    return [
        Conflicts(found.people[pk], tuple(double.get(pk, ())), tuple(missed.get(pk, ())))
        for pk in people
        if double.get(pk) or missed.get(pk)
    ]


def _double(found: Duties, duties: Iterable[Duty]) -> list[DoubleBooking]:
    return [
        DoubleBooking(each.start, each.end, tuple(found.schedules[pk] for pk in each.keys))
        for each in spans.overlaps(counting.by_schedule(duties))
    ]


def _missed(found: Duties, own: Iterable[int], start: datetime, end: datetime) -> dict[int, list[Missed]]:
    """The shifts of everybody who is away, by the people's numbers."""
    if start >= end:
        return {}
    rows = Absence.objects.filter(start__lt=end, end__gt=start).select_related("user").order_by("start", "pk")
    by_id = {schedule.pk: schedule for schedule in Schedule.objects.filter(pk__in=own)}
    naming = {pk: rotation.people_named(found.plans[pk]) for pk in by_id if pk in found.plans}
    missed: dict[int, list[Missed]] = {}
    for absence in rows:
        span = max(absence.start, start), min(absence.end, end)
        for pk in (pk for pk, names in naming.items() if absence.user.username in names):
            plan, name = found.plans[pk], absence.user.username
            for shift in shifts.in_plan(by_id[pk], shifts.as_if_present(plan, name), name, *span):
                missed.setdefault(absence.user_id, []).append(Missed(absence, absences.conflict(shift, plan)))
    return missed
