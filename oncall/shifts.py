"""A person's shifts: the stretches on each schedule in which she is on call."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from oncall import rotation, schedules
from oncall.models import Schedule, User


@dataclass(frozen=True)
class Shift:
    """An unbroken stretch of one person on one schedule, whoever is on call with her.

    ``turn`` says whether a layer gives it throughout, so that a replacement can take it over; a ``set`` or ``add``
    goes over that.
    """

    schedule: Schedule
    start: datetime
    end: datetime
    turn: bool = True


def of(
    user: User, on: Iterable[Schedule], start: datetime, end: datetime, *, though_absent: bool = False
) -> list[Shift]:
    """The person's shifts on these schedules, cut to ``start`` and ``end``, in order of time. Ten queries.

    ``though_absent``: those that she would have if she were not away.
    """
    by_id = {schedule.pk: schedule for schedule in on}
    plans = schedules.load_many(by_id.values(), since=start)
    found = []
    for pk, plan in plans.items():
        plan = as_if_present(plan, user.username) if though_absent else plan
        found += in_plan(by_id[pk], plan, user.username, start, end)
    return sorted(found, key=lambda shift: (shift.start, shift.schedule.pk))


def in_plan(
    schedule: Schedule, plan: rotation.Schedule, username: str, start: datetime, end: datetime
) -> list[Shift]:
    """A person's shifts between two instants."""
    return in_segments(schedule, plan, rotation.final(plan, start, end), username)


def in_segments(
    schedule: Schedule, plan: rotation.Schedule, segments: Iterable[rotation.Segment], username: str
) -> list[Shift]:
    """A person's shifts in the final schedule of ``plan``: neighbouring segments with her are one."""
    named = {e.key for e in plan.exceptions if e.kind in (rotation.SET, rotation.ADD)}
    found: list[Shift] = []
    for segment in segments:
        if username not in segment.people:
            continue
        reasons = [reason for reason in segment.reasons if reason.user == username]
        turn = not any(named.intersection(reason.exceptions) for reason in reasons)
        if found and found[-1].end == segment.start:
            found[-1] = replace(found[-1], end=segment.end, turn=found[-1].turn and turn)
        else:
            found.append(Shift(schedule, segment.start, segment.end, turn))
    return found


def as_if_present(plan: rotation.Schedule, username: str) -> rotation.Schedule:
    """The plan without this person's absences."""
    kept = tuple(e for e in plan.exceptions if e.key >= 0 or e.user != username)
    return replace(plan, exceptions=kept)
