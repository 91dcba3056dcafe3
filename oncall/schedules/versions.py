"""A schedule's version: what tells stored and remembered answers that they no longer hold.

It grows, in the transaction of the change, with every change of what an answer is made of: the form (``saving``),
imported calendars, holidays, absences, and what its people are called.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from oncall.models import Schedule, User
from oncall.schedules.loading import naming


def touch(schedule: Schedule, *, by: User | None, at: datetime, why: str = "") -> Schedule:
    """Note that a part of the schedule has changed, so that stored answers are computed anew."""
    row = Schedule.objects.select_for_update().get(pk=schedule.pk)
    row.version += 1
    row._history_user, row._history_date, row._change_reason = by, at, why or None
    row.save()
    return row


class _NamedMeanwhile(Exception):
    """Between the two locks somebody put one of the people on another schedule."""


def hold_naming(*users: User) -> list[Schedule]:
    """Lock every schedule on which one of these people may be on call, then the people, to the transaction's end.

    Always in this order, and before anything of theirs is written: whoever puts one of them on a schedule holds
    that schedule, and wants the person's row at the end, for the foreign key. Whoever went the other way round
    could meet her. A schedule that names one of them meanwhile makes us let go and start again.
    """
    while True:
        try:
            with transaction.atomic():
                return _hold_once(users)
        except _NamedMeanwhile:
            continue


def _hold_once(users: Iterable[User]) -> list[Schedule]:
    named = [schedule.pk for schedule in naming(*users)]
    held = list(Schedule.objects.select_for_update().filter(pk__in=named).order_by("pk"))
    list(User.objects.select_for_update().filter(pk__in=[user.pk for user in users]).order_by("pk"))
    if not {schedule.pk for schedule in naming(*users)} <= set(named):
        raise _NamedMeanwhile
    return held


@transaction.atomic
def touch_naming(*users: User, by: User | None, at: datetime, why: str = "") -> None:
    """Note the same for every schedule on which one of these people may be on call.

    Whoever writes rows of theirs before calls ``hold_naming`` first.
    """
    for schedule in hold_naming(*users):
        touch(schedule, by=by, at=at, why=why)


def hold_all() -> None:
    """Lock every schedule until the transaction ends: before a file is applied that writes whatever it names."""
    list(Schedule.objects.select_for_update().order_by("pk").values_list("pk", flat=True))
