"""People away: one entry takes a person off every schedule, and shows which shifts need somebody else.

A person enters her own; who may change schedules also those of others. The past stays as it was.
Source: field/oncall.md section 1.1 "Unavailability before override", section 2.1 row 11.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from oncall import rotation, schedules, shifts, swaps
from oncall.free import Free
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
    schedules.hold_naming(user)
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
    schedules.hold_naming(absence.user)
    row = Absence.objects.select_for_update().filter(pk=absence.pk).first()
    _check_person(absence.user, by)
    if row is None or row.end <= at:
        return row
    if row.start < at:
        row.end = at
        return _save(row, by, at)
    row._history_user, row._history_date = by, at
    row.delete()
    schedules.touch_naming(absence.user, by=by, at=at)
    return None


@transaction.atomic
def record(absence: Absence, *, by: User | None, at: datetime) -> Absence:
    """Enter an absence as a file tells of it, also one that is over: a set-up that moves house keeps its past."""
    schedules.hold_naming(absence.user)
    return _save(absence, by, at)


@transaction.atomic
def forget(absence: Absence, *, by: User | None, at: datetime) -> None:
    """Take out an absence that a file no longer tells of, whenever it was."""
    schedules.hold_naming(absence.user)
    absence._history_user, absence._history_date = by, at
    absence.delete()
    schedules.touch_naming(absence.user, by=by, at=at)


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
    free = Free(touched, start, absence.end, besides=[absence.user])
    return [
        conflict(shift, plans[shift.schedule.pk], free.between(shift.schedule, shift.start, shift.end))
        for shift in missed
    ]


def conflict(shift: shifts.Shift, plan: rotation.Schedule, free: Iterable[User] = ()) -> Conflict:
    """A missed shift with who is on call in that time as things stand; ``free`` is passed on."""
    segments = rotation.final(plan, shift.start, shift.end)
    instead = dict.fromkeys(name for segment in segments for name in segment.people)
    return Conflict(
        schedule=shift.schedule,
        start=shift.start,
        end=shift.end,
        free=tuple(free),
        instead=tuple(instead),
        uncovered=any(not segment.people for segment in segments),
        turn=shift.turn,
    )


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
    schedules.hold_naming(absence.user)
    return Absence.objects.select_for_update(of=("self",)).select_related("user").get(pk=absence.pk)


def _save(absence: Absence, by: User | None, at: datetime) -> Absence:
    absence._history_user, absence._history_date = by, at
    absence.save()
    schedules.touch_naming(absence.user, by=by, at=at)
    return absence
