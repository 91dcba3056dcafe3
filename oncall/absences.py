"""People away: one entry takes a person off every schedule, and shows which shifts need somebody else.

A person enters her own; who may change schedules also those of others. The past stays as it was.
Source: field/oncall.md section 1.1 "Unavailability before override", section 2.1 row 11.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from oncall import rotation, schedules, shifts, swaps
from oncall.messaging.errors import DomainError
from oncall.models import Absence, Schedule, Swap, User

LONGEST = timedelta(days=731)


@dataclass(frozen=True)
class Conflict:
    """A shift of somebody who is away. ``free`` could cover it; ``instead`` is on call as things stand.

    ``uncovered``: for a part of it nobody is on call. Without ``turn`` an exception names the person, and only a
    change of that helps.
    """

    schedule: Schedule
    start: datetime
    end: datetime
    free: tuple[User, ...]
    instead: tuple[str, ...]
    uncovered: bool
    turn: bool


@transaction.atomic
def add(
    user: User, *, start: datetime, end: datetime, note: str = "", by: User | None, at: datetime
) -> Absence:
    """Take a person off every schedule for a while. The same once more returns the entry that stands.

    Begun before now, it counts from now on. DomainError ``forbidden``, ``past`` or ``bad_span``.
    """
    check(user, start, end, by=by, at=at)
    start = max(start, at)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    same = user.absences.filter(start__lte=start, end=end, note=note).first()
    return same or _save(Absence(user=user, start=start, end=end, note=note), by, at)


@transaction.atomic
def change(
    absence: Absence, *, start: datetime, end: datetime, note: str = "", by: User | None, at: datetime
) -> Absence:
    """Other times or another note. What has begun keeps its beginning, and ends at the earliest now."""
    absence = _locked(absence)
    check(absence.user, start, end, by=by, at=at)
    _check_open(absence, at)
    absence.start = absence.start if absence.start <= at else max(start, at)
    absence.end, absence.note = end, note
    return _save(absence, by, at)


@transaction.atomic
def cancel(absence: Absence, *, by: User | None, at: datetime) -> Absence | None:
    """She is there after all: what was to come goes, what is under way ends now. Again changes nothing."""
    row = Absence.objects.select_for_update().filter(pk=absence.pk).first()
    _check_person(absence.user, by)
    if row is None or row.end <= at:
        return row
    if row.start < at:
        row.end = at
        return _save(row, by, at)
    row._history_user, row._history_date = by, at
    row.delete()
    _touch(absence.user, by, at)
    return None


@transaction.atomic
def record(absence: Absence, *, by: User | None, at: datetime) -> Absence:
    """Enter an absence as a file tells of it, also one that is over: a set-up that moves house keeps its past."""
    return _save(absence, by, at)


@transaction.atomic
def forget(absence: Absence, *, by: User | None, at: datetime) -> None:
    """Take out an absence that a file no longer tells of, whenever it was."""
    absence._history_user, absence._history_date = by, at
    absence.delete()
    for schedule in schedules.naming(absence.user):
        schedules.touch(schedule, by=by, at=at)


def cover(
    absence: Absence,
    *,
    schedule: Schedule,
    start: datetime,
    end: datetime,
    cover: User,
    by: User | None,
    at: datetime,
) -> Swap:
    """Put ``cover`` in the place of who is away: a shift taken at once, which both are told and may take back."""
    return swaps.take_at_once(
        schedule, requester=absence.user, taker=cover, start=start, end=end, by=by, at=at
    )


def conflicts(absence: Absence, *, at: datetime) -> list[Conflict]:
    """The shifts from ``at`` on that the absent person would have, each with who is free then."""
    start = max(absence.start, at)
    touched = schedules.naming(absence.user)
    if start >= absence.end or not touched:
        return []
    missed = shifts.of(absence.user, touched, start, absence.end, though_absent=True)
    plans = schedules.load_many(touched, since=start)
    free = _Free(touched, absence, start)
    return [_conflict(shift, plans[shift.schedule.pk], free) for shift in missed]


def _conflict(shift: shifts.Shift, plan: rotation.Schedule, free: "_Free") -> Conflict:
    segments = rotation.final(plan, shift.start, shift.end)
    instead = dict.fromkeys(name for segment in segments for name in segment.people)
    return Conflict(
        schedule=shift.schedule,
        start=shift.start,
        end=shift.end,
        free=tuple(free.between(shift)),
        instead=tuple(instead),
        uncovered=any(not segment.people for segment in segments),
        turn=shift.turn,
    )


class _Free:
    """Who of a schedule's people and its team is neither away nor on call anywhere, in a few queries."""

    def __init__(self, touched: Iterable[Schedule], absence: Absence, start: datetime) -> None:
        self.candidates = {schedule.pk: _candidates(schedule, absence.user) for schedule in touched}
        people = {user for users in self.candidates.values() for user in users}
        self.away = list(
            Absence.objects.filter(user__in=people, start__lt=absence.end, end__gt=start).values_list(
                "user_id", "start", "end"
            )
        )
        plans = schedules.load_many(schedules.naming(*people), since=start)
        self.segments = [
            segment for plan in plans.values() for segment in rotation.final(plan, start, absence.end)
        ]

    def between(self, shift: shifts.Shift) -> list[User]:
        away = {user for user, start, end in self.away if start < shift.end and end > shift.start}
        busy = {
            name
            for segment in self.segments
            if segment.start < shift.end and segment.end > shift.start
            for name in segment.people
        }
        return [
            user
            for user in self.candidates[shift.schedule.pk]
            if user.pk not in away and user.username not in busy
        ]


def _candidates(schedule: Schedule, absent: User) -> list[User]:
    slots = Q(slots__layer__schedule=schedule)
    team = Q(teams=schedule.team_id) if schedule.team_id else Q()
    found = User.objects.filter(slots | team, is_active=True).exclude(pk=absent.pk)
    return list(found.distinct().order_by("first_name", "last_name", "username"))


def check(user: User, start: datetime, end: datetime, *, by: User | None, at: datetime) -> None:
    """Raise the DomainError with which an absence would be refused."""
    _check_person(user, by)
    if not start < end <= at + LONGEST:
        raise DomainError("bad_span", "End after the start, and within two years from now.")
    if end <= at:
        raise DomainError("past", "That time is over; the past stays as it was.")


def _check_person(user: User, by: User | None) -> None:
    if by is not None and not swaps.speaks_for(by, user):
        raise DomainError("forbidden", "You can enter your own absences only.")


def _check_open(absence: Absence, at: datetime) -> None:
    if absence.end <= at:
        raise DomainError("past", "This absence is over; the past stays as it was.")


def _locked(absence: Absence) -> Absence:
    return Absence.objects.select_for_update(of=("self",)).select_related("user").get(pk=absence.pk)


def _save(absence: Absence, by: User | None, at: datetime) -> Absence:
    absence._history_user, absence._history_date = by, at
    absence.save()
    _touch(absence.user, by, at)
    return absence


def _touch(user: User, by: User | None, at: datetime) -> None:
    for schedule in schedules.naming(user):
        schedules.touch(schedule, by=by, at=at)
