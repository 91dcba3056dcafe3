"""Who is on call, asked of rows. Everything is computed by ``oncall.rotation``; nothing here decides."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from oncall import rotation
from oncall.models import OnDuty, Schedule, User
from oncall.schedules.loading import load, with_what_is_derived, written_many
from oncall.schedules.recording import renew
from oncall.schedules.saving import read_form


@dataclass(frozen=True)
class OnCall:
    """Who is on call until when; ``until`` is None if it never changes.

    ``users`` holds deactivated people too: whoever pages skips them and says so. ``reasons`` is empty where
    the answer came from the store of ``on_call_now``.
    """

    users: tuple[User, ...]
    until: datetime | None
    reasons: tuple[rotation.Reason, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What an edited schedule would say, and the stretches that would change hands."""

    segments: list[rotation.Segment]
    changes: list[rotation.Handover]


def on_call(schedule: Schedule, at: datetime) -> OnCall:
    """Who is on call at an instant, until when, and why. Ten queries."""
    plan = load(schedule, since=at)
    duty = rotation.on_call_at(plan, at)
    users = _users(duty.people)
    return OnCall(_in_order(duty.people, users), rotation.next_change(plan, at), duty.reasons)


def on_call_now(schedules: Iterable[Schedule], at: datetime) -> dict[int, OnCall]:
    """Who is on call at the present instant ``at``, for many schedules by their ids.

    Two queries while the stored answers hold: each holds until its next hand-over or the schedule's next
    change, so it is never stale (field/oncall.md section 3.2). What does not hold is computed and stored, and
    what it replaces goes into the log.
    """
    schedules = list(schedules)
    stored = {row.schedule_id: row for row in OnDuty.objects.filter(schedule__in=[s.pk for s in schedules])}
    duties = {s.pk: stored[s.pk] for s in schedules if s.pk in stored and _holds(stored[s.pk], s, at)}
    users = _users(name for duty in duties.values() for name in duty.usernames)
    outdated = [s for s in schedules if s.pk not in duties or not users.keys() >= {*duties[s.pk].usernames}]
    if outdated:
        renewed = renew(outdated, at)
        users |= _users(name for duty in renewed for name in duty.usernames)
        duties |= {duty.schedule_id: duty for duty in renewed}
    return {pk: OnCall(_in_order(duty.usernames, users), duty.until_at) for pk, duty in duties.items()}


def final(schedule: Schedule, start: datetime, end: datetime) -> list[rotation.Segment]:
    """The whole of ``start`` to ``end`` as maximal segments of usernames, gaps included."""
    return rotation.final(load(schedule, since=start), start, end)


def gaps(schedule: Schedule, start: datetime, end: datetime) -> list[rotation.Segment]:
    """The stretches in which nobody is on call."""
    return rotation.gaps(load(schedule, since=start), start, end)


def explain(schedule: Schedule, at: datetime) -> rotation.Explanation:
    """Layer by layer, why these people are on call at an instant."""
    return rotation.explain(load(schedule, since=at), at)


def preview(schedule: Schedule, form: dict[str, Any], start: datetime, end: datetime) -> Preview:
    """What the schedule would say if it were ``form``; DomainError where the form is at fault. Writes nothing."""
    before = load(schedule, since=start)
    edited = replace(read_form(schedule, form)[0], fixed=before.fixed)  # no form holds them
    edited = with_what_is_derived({schedule.pk: edited}, since=start)[schedule.pk]
    return Preview(
        rotation.final(edited, start, end),
        rotation.changes(before, edited, start, end),
    )


def to_form(schedule: Schedule) -> dict[str, Any]:
    """The schedule in the form of contract.md section 4."""
    return to_forms([schedule])[schedule.pk]


def to_forms(schedules: Iterable[Schedule]) -> dict[int, dict[str, Any]]:
    """The forms of many schedules by their ids, in six queries or seven."""
    return {pk: rotation.dump(plan) for pk, plan in written_many(schedules).items()}


def _holds(duty: OnDuty, schedule: Schedule, at: datetime) -> bool:
    return (
        duty.version == schedule.version
        and duty.from_at <= at
        and (duty.until_at is None or at < duty.until_at)
    )


def _users(names: Iterable[str]) -> dict[str, User]:
    names = set(names)
    return {user.username: user for user in User.objects.filter(username__in=names)} if names else {}


def _in_order(names: Iterable[str], users: dict[str, User]) -> tuple[User, ...]:
    return tuple(users[name] for name in names if name in users)
