"""A person's duty over all schedules: her shifts and why they are hers, what collides, what she misses while away.

Source: field/oncall.md section 1.1 "Double booking across schedules", "Explain view".
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime

from oncall import rotation, schedules, shifts, spans
from oncall.models import Absence, Schedule, Swap, User
from oncall.shifts import Shift


@dataclass(frozen=True)
class Reason:
    """Why a shift is hers: a layer's turns, numbered from one, and the exceptions and swaps that acted, in order.

    Without ``layer`` an exception of the whole schedule names her.
    """

    layer: str
    first_turn: int | None
    last_turn: int | None
    exceptions: tuple[rotation.ScheduleException, ...]
    swaps: tuple[Swap, ...]


@dataclass(frozen=True)
class Booking:
    """A stretch on another schedule at the same time."""

    schedule: Schedule
    start: datetime
    end: datetime


@dataclass(frozen=True)
class OwnShift:
    """A shift with what stands against it: other shifts and absences at the time, a swap that is asked for."""

    shift: Shift
    reasons: tuple[Reason, ...]
    doubles: tuple[Booking, ...]
    absences: tuple[Absence, ...]
    asked: Swap | None


@dataclass(frozen=True)
class Missed:
    """What she would have on call were she not away; ``instead`` are the usernames of those who have it now."""

    schedule: Schedule
    start: datetime
    end: datetime
    absence: Absence
    instead: tuple[str, ...]
    uncovered: bool


def of(user: User, start: datetime, end: datetime) -> tuple[list[OwnShift], list[Missed]]:
    """Her shifts between two instants and those that she misses. Constant in the number of queries."""
    rows = {row.pk: row for row in schedules.naming(user)}
    plans = schedules.load_many(rows.values(), since=start)
    segments = {pk: rotation.final(plan, start, end) for pk, plan in plans.items()}
    mine = [
        shift
        for pk, plan in plans.items()
        for shift in shifts.in_segments(rows[pk], plan, segments[pk], user.username)
    ]
    mine.sort(key=lambda shift: (shift.start, shift.schedule.pk))
    absences = list(user.absences.filter(start__lt=end, end__gt=start).order_by("start"))
    asked = list(user_swaps(user, end).filter(requester=user, state=Swap.State.ASKED, end__gt=start))
    taken = {swap.exception_id: swap for swap in user_swaps(user, end).filter(exception__isnull=False)}
    return [
        OwnShift(
            shift,
            _reasons(
                plans[shift.schedule.pk], _within(segments[shift.schedule.pk], shift), user.username, taken
            ),
            tuple(_doubles(shift, mine)),
            tuple(a for a in absences if a.start < shift.end and a.end > shift.start),
            next((s for s in asked if _meets(s, shift)), None),
        )
        for shift in mine
    ], _missed(user, rows, plans, absences, start, end)


def user_swaps(user: User, until: datetime):
    """Swaps that she asked for or took, that begin before ``until``."""
    own = Swap.objects.filter(start__lt=until).select_related("requester", "taker")
    return own.filter(requester=user) | own.filter(taker=user)


def _meets(swap: Swap, shift: Shift) -> bool:
    return swap.schedule_id == shift.schedule.pk and swap.start < shift.end and swap.end > shift.start


def _doubles(shift: Shift, all_of_hers: list[Shift]) -> list[Booking]:
    begun = all_of_hers[: bisect_left(all_of_hers, shift.end, key=lambda other: other.start)]
    return [
        Booking(other.schedule, max(other.start, shift.start), min(other.end, shift.end))
        for other in begun
        if other.end > shift.start and other.schedule.pk != shift.schedule.pk
    ]


def _within(segments: list[rotation.Segment], shift: Shift) -> list[rotation.Segment]:
    return [segment for segment in segments if segment.start < shift.end and segment.end > shift.start]


def _reasons(
    plan: rotation.Schedule, segments: list[rotation.Segment], username: str, taken: dict[int, Swap]
) -> tuple[Reason, ...]:
    by_key = {exception.key: exception for exception in plan.exceptions}
    found: dict[tuple, Reason] = {}
    for segment in segments:
        for reason in (r for r in segment.reasons if r.user == username):
            known = found.get((reason.layer, reason.exceptions))
            found[reason.layer, reason.exceptions] = Reason(
                reason.layer or "",
                known.first_turn if known else _number(reason.turn),
                _number(reason.last_turn if reason.last_turn is not None else reason.turn),
                tuple(by_key[key] for key in reason.exceptions if key not in taken),
                tuple(taken[key] for key in reason.exceptions if key in taken),
            )
    return tuple(found.values())


def _number(turn: int | None) -> int | None:
    return None if turn is None else turn + 1


def _missed(
    user: User,
    rows: dict[int, Schedule],
    plans: dict[int, rotation.Schedule],
    absences: list[Absence],
    start: datetime,
    end: datetime,
) -> list[Missed]:
    """What an absence costs: her shifts as if present, cut to her absences, without those she has all the same."""
    if not absences:
        return []
    found = []
    for shift in shifts.of(user, rows.values(), start, end, though_absent=True):
        plan = plans[shift.schedule.pk]
        for absence in absences:
            for left, right in spans.clip([(shift.start, shift.end)], absence.start, absence.end):
                segments = rotation.final(plan, left, right)
                instead = dict.fromkeys(name for segment in segments for name in segment.people)
                if user.username not in instead:
                    empty = any(not segment.people for segment in segments)
                    found.append(Missed(shift.schedule, left, right, absence, tuple(instead), empty))
    return found
