"""Who is on call on many schedules now, until when, and who comes next: one computation for every list of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from oncall import rotation, schedules
from oncall.models import Schedule, User


@dataclass(frozen=True)
class Outlook:
    """One schedule at an instant; ``until`` is None if nothing ever changes.

    ``people`` and ``then`` hold deactivated people too. ``why_nobody`` tells, where nobody is on call, whether an
    ``exception`` took the last one away, or no layer covers (``uncovered``), or there is no layer (``empty``).
    """

    schedule: Schedule
    people: tuple[User, ...]
    until: datetime | None
    then: tuple[User, ...]
    why_nobody: str = ""


def of(rows: Iterable[Schedule], at: datetime) -> list[Outlook]:
    """The outlook of each schedule, in the order given. Constant in the number of queries."""
    rows = list(rows)
    plans = schedules.load_many(rows, since=at)
    found = {pk: _found(plan, at) for pk, plan in plans.items()}
    names = {name for now, _, then in found.values() for name in (*now.people, *then)}
    users = {user.username: user for user in User.objects.filter(username__in=names)}
    return [_outlook(row, plans[row.pk], *found[row.pk], users) for row in rows]


def _found(plan: rotation.Schedule, at: datetime) -> tuple[rotation.OnCall, datetime | None, tuple[str, ...]]:
    until = rotation.next_change(plan, at)
    then = rotation.on_call_at(plan, until).people if until else ()
    return rotation.on_call_at(plan, at), until, then


def _outlook(
    schedule: Schedule,
    plan: rotation.Schedule,
    now: rotation.OnCall,
    until: datetime | None,
    then: tuple[str, ...],
    users: dict[str, User],
) -> Outlook:
    torn = any(reason.exceptions for reason in now.reasons)
    why = "exception" if torn else "uncovered" if plan.all_layers else "empty"
    return Outlook(
        schedule,
        tuple(users[name] for name in now.people if name in users),
        until,
        tuple(users[name] for name in then if name in users),
        "" if now.people else why,
    )
