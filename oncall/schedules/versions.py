"""A schedule's version: what tells stored and remembered answers that they no longer hold.

It grows, in the transaction of the change, with every change of what an answer is made of: the form (``saving``),
imported calendars, holidays, absences, and what its people are called.
"""

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


@transaction.atomic
def touch_naming(*users: User, by: User | None, at: datetime, why: str = "") -> None:
    """The same for every schedule on which one of these people may be on call.

    Whoever puts one of them on another schedule at the same moment holds that schedule, and wants the person's row
    at the end, for the foreign key. So schedules are taken first, then people: from then on everybody who was
    before us is seen, and everybody else sees us.
    """
    touched = naming(*users)
    for schedule in touched:
        touch(schedule, by=by, at=at, why=why)
    list(User.objects.select_for_update().filter(pk__in=[user.pk for user in users]).order_by("pk"))
    for schedule in naming(*users):
        if schedule not in touched:
            touch(schedule, by=by, at=at, why=why)
