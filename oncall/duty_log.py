"""The log of who was on call: kept whole though nobody asks, and read.

The past is recorded fact, the future is computed. ``oncall.schedules.recording`` writes an entry whenever a stored
answer is renewed; the pulse line here renews those that nobody reads. Source: field/oncall.md section 3.2.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from oncall import schedules
from oncall.models import DutyLog, DutyLogPerson, Schedule, User

logger = logging.getLogger(__name__)

MOST, AT_ONCE = 500, 50


def record(*, now: Callable[[], datetime]) -> int:
    """Pulse line: write down who is on call wherever that has changed; the number of schedules."""
    at = now()
    outdated = list(_outdated(at)[:MOST])
    done = sum(_together(outdated[first : first + AT_ONCE], at) for first in range(0, len(outdated), AT_ONCE))
    return done + _end_deleted(at)


def entries(start: datetime, end: datetime, *, user: User | None = None) -> QuerySet[DutyLog]:
    """The entries that reach into a range, in order of time, each with its ``people``; with a user only hers.

    Schedules and people stand there by the names of that time.
    """
    found = DutyLog.objects.between(start, end).prefetch_related("people")
    if user:
        found = found.filter(people__user=user, people__from_at__lt=end)
    return found.order_by("from_at", "schedule_id")


def _outdated(at: datetime) -> QuerySet[Schedule]:
    """Schedules without a running entry of their present version that has time left and names living people."""
    gone = DutyLogPerson.objects.filter(entry=OuterRef("pk")).exclude(
        Exists(User.objects.filter(pk=OuterRef("user_id")))
    )
    holding = DutyLog.objects.running().filter(schedule=OuterRef("pk"), version=OuterRef("version"))
    holding = holding.filter(Q(due_at__isnull=True) | Q(due_at__gt=at)).exclude(Exists(gone))
    return Schedule.objects.exclude(Exists(holding)).order_by("pk")


def _together(outdated: list[Schedule], at: datetime) -> int:
    """Many at once; where that fails each alone, so that one at fault holds up no other."""
    try:
        with transaction.atomic():
            return len(schedules.renew(outdated, at))
    except (OperationalError, InterfaceError):
        raise  # the database is away: nothing here is at fault
    except Exception:
        if len(outdated) > 1:
            return sum(_together([schedule], at) for schedule in outdated)
        logger.exception("Who is on call on schedule %s could not be written down", outdated[0].pk)
        return 0


def _end_deleted(at: datetime) -> int:
    """End the entries of schedules that are gone: when they went, or when the duty ended if that came first."""
    left = DutyLog.objects.running().exclude(Exists(Schedule.objects.filter(pk=OuterRef("schedule_id"))))
    left = {entry.schedule_id: entry for entry in left}
    if not left:
        return 0
    deletions = Schedule.history.filter(id__in=left, history_type="-")
    deleted_at = dict(deletions.values_list("id", "history_date"))
    for pk, entry in left.items():
        end = min(deleted_at.get(pk, at), entry.due_at or at, at)
        row = DutyLog.objects.running().filter(pk=entry.pk)
        if end > entry.from_at:
            row.update(until_at=end)
        else:
            row.delete()
    return len(left)
