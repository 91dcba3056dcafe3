"""Who could stand in: people of a schedule and its team who are neither away nor on call anywhere then.

Away is also whom an exception takes off a schedule at the time.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from oncall import rotation, schedules
from oncall.models import Absence, Schedule, User


class Free:
    """Who is free on some schedules between two instants, looked up in a few queries for all of them.

    ``besides`` are people who do not count.
    """

    def __init__(
        self, on: Iterable[Schedule], start: datetime, end: datetime, *, besides: Iterable[User] = ()
    ) -> None:
        self.candidates = {schedule.pk: _candidates(schedule, besides) for schedule in on}
        people = {user for users in self.candidates.values() for user in users}
        self.away = list(
            Absence.objects.filter(user__in=people, start__lt=end, end__gt=start).values_list(
                "user_id", "start", "end"
            )
        )
        plans = schedules.load_many(schedules.naming(*people), since=start)
        self.segments = [segment for plan in plans.values() for segment in rotation.final(plan, start, end)]
        self.removed = [e for plan in plans.values() for e in plan.exceptions if e.kind == rotation.REMOVE]

    def between(self, schedule: Schedule, start: datetime, end: datetime) -> list[User]:
        """Those of one of the schedules who are free all of that time, in order of name."""
        away = {user for user, left, right in self.away if left < end and right > start}
        absent = {e.user for e in self.removed if e.start < end and e.end > start}
        busy = absent | {
            name
            for segment in self.segments
            if segment.start < end and segment.end > start
            for name in segment.people
        }
        return [
            user for user in self.candidates[schedule.pk] if user.pk not in away and user.username not in busy
        ]


def on(schedule: Schedule, start: datetime, end: datetime) -> list[User]:
    """Who of one schedule is free all of that time."""
    return Free([schedule], start, end).between(schedule, start, end)


def _candidates(schedule: Schedule, besides: Iterable[User]) -> list[User]:
    slots = Q(slots__layer__schedule=schedule)
    team = Q(teams=schedule.team_id) if schedule.team_id else Q()
    found = User.objects.filter(slots | team, is_active=True).exclude(pk__in=[user.pk for user in besides])
    return list(found.distinct().order_by("first_name", "last_name", "username"))
