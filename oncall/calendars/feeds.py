"""Secret addresses of calendars: made, found and revoked here only; and the calendar behind one.

A token is 256 random bits. Whoever has it reads the shifts without signing in, as calendar programs must.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max, Q

from oncall import clock, rotation
from oncall.calendars.rendering import Shift, render
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_text
from oncall.models import CalendarFeed, Schedule, User
from oncall.schedules import load_many, naming

DAY = timedelta(days=1)
BACK, AHEAD = 30 * DAY, 180 * DAY
#: Shifts that reach over either end are shown whole, up to this much.
REACH = 62 * DAY
USE_IS_WRITTEN_EVERY = timedelta(minutes=10)


def create(
    *, owner: User, user: User | None, schedule: Schedule | None, alarm_minutes: int | None, at: datetime
) -> tuple[CalendarFeed, str]:
    """Make a feed of a person's or a schedule's shifts; its address is returned once and never again.

    DomainError ``bad_feed`` unless it is of exactly one of both.
    """
    if (user is None) == (schedule is None):
        raise DomainError("bad_feed", "Choose either a person or a schedule.")
    token = secrets.token_urlsafe(32)
    feed = CalendarFeed.objects.create(
        owner=owner,
        user=user,
        schedule=schedule,
        alarm_minutes=alarm_minutes,
        token_hash=_digest(token),
        created_at=at,
    )
    return feed, f"{settings.PUBLIC_URL}/calendars/{token}.ics"


def find(token: str, *, at: datetime) -> CalendarFeed | None:
    """The live feed that ``token`` opens, or None. Notes its use every ten minutes."""
    feed = (
        CalendarFeed.objects.select_related("user", "schedule")
        .filter(Q(user__isnull=True) | Q(user__is_active=True))
        .filter(token_hash=_digest(token), revoked_at__isnull=True, owner__is_active=True)
        .first()
    )
    if feed and (feed.last_used_at is None or at - feed.last_used_at > USE_IS_WRITTEN_EVERY):
        CalendarFeed.objects.filter(pk=feed.pk).update(last_used_at=at)
    return feed


def revoke(feed: CalendarFeed, *, by: User | None, at: datetime) -> CalendarFeed:
    """End a feed at once; revoking again changes nothing."""
    CalendarFeed.objects.filter(pk=feed.pk, revoked_at__isnull=True).update(revoked_at=at)
    feed.refresh_from_db()
    return feed


def document(feed: CalendarFeed, *, at: datetime) -> bytes:
    """The calendar behind a feed: 30 days back and 180 ahead. A constant number of queries."""
    alarm = None if feed.alarm_minutes is None else timedelta(minutes=feed.alarm_minutes)
    name = f"On call: {feed.user or feed.schedule}"
    schedules = [feed.schedule] if feed.schedule else naming(feed.user)
    return render(clean_text(name), _shifts(schedules, feed.user, at), alarm=alarm)


def _shifts(schedules: list[Schedule], only: User | None, at: datetime) -> list[Shift]:
    today = datetime.combine(at.date(), time(), at.tzinfo)
    first, last = today - BACK, today + DAY + AHEAD
    outer = _month(first - REACH), _month(last + REACH)
    plans = load_many(schedules, since=outer[0])
    changed = _changed_at(schedules)
    names = {name for plan in plans.values() for name in rotation.people_named(plan)}
    users = {user.username: user for user in User.objects.filter(username__in=names)}
    shifts = []
    for schedule in schedules:
        segments = rotation.final(plans[schedule.pk], *outer)
        words = _Words(schedule, plans[schedule.pk], users, changed.get(schedule.pk, at), whose=only)
        for name, run in _runs(segments, {only.username} if only else users.keys()):
            if run[0].start < last and run[-1].end > first:
                shifts.append(words.shift(users[name], run))
    return sorted(shifts, key=lambda shift: (shift.start, shift.uid))


def _runs(
    segments: list[rotation.Segment], names: Iterable[str]
) -> Iterable[tuple[str, list[rotation.Segment]]]:
    """Each person's stretches: neighbouring segments with the same person are one shift of hers."""
    for name in sorted(names):
        run: list[rotation.Segment] = []
        for segment in segments:
            if name in segment.people:
                run.append(segment)
            elif run:
                yield name, run
                run = []
        if run:
            yield name, run


class _Words:
    """What the events of one schedule say."""

    def __init__(
        self,
        schedule: Schedule,
        plan: rotation.Schedule,
        users: dict[str, User],
        changed_at: datetime,
        whose: User | None,
    ) -> None:
        self.schedule, self.plan, self.users, self.changed_at = schedule, plan, users, changed_at
        self.whose = whose
        self.exceptions = {exception.key: exception for exception in plan.exceptions}

    def shift(self, user: User, run: list[rotation.Segment]) -> Shift:
        start, end = run[0].start, run[-1].end
        reasons = [r for segment in run for r in segment.reasons if r.user == user.username]
        why = "; ".join(dict.fromkeys(self._why(reason) for reason in reasons))
        summary = str(self.schedule) if self.whose else f"{user}, {self.schedule}"
        return Shift(
            uid=f"{start:%Y%m%dT%H%M%S}-{self.schedule.pk}-{user.pk}@{urlsplit(settings.PUBLIC_URL).hostname}",
            start=start,
            end=end,
            summary=clean_text(f"On call: {summary}"),
            description=clean_text(f"{user}, {self._when(start, end)}.\nWhy: {why}."),
            url=f"{settings.PUBLIC_URL}/admin/oncall/schedule/{self.schedule.pk}/change/",
            sequence=self.schedule.version,
            changed_at=self.changed_at,
        )

    def _when(self, start: datetime, end: datetime) -> str:
        zone: ZoneInfo = self.plan.zone
        left, right = clock.wall(start, zone), clock.wall(end, zone)
        return (
            f"{left:%a} {left.day} {left:%b %H:%M} to {right:%a} {right.day} {right:%b %H:%M} in {zone.key}"
        )

    def _why(self, reason: rotation.Reason) -> str:
        """``layer primary, turn 18, covers for Ruth (dentist)``."""
        words = [f"layer {reason.layer}"] if reason.layer else []
        if reason.turn is not None:
            words.append(f"turn {reason.turn + 1}")
        words += [self._exception(self.exceptions[key]) for key in reason.exceptions]
        return ", ".join(words)

    def _exception(self, exception: rotation.ScheduleException) -> str:
        said = {
            rotation.REPLACE: f"{self._name(exception.by)} covers for {self._name(exception.user)}",
            rotation.ADD: "in addition",
            rotation.SET: "put on call by an exception",
            rotation.REMOVE: f"{self._name(exception.user)} is away",
        }[exception.kind]
        return f"{said} ({exception.reason})" if exception.reason else said

    def _name(self, username: str) -> str:
        return str(self.users.get(username, username))


def _changed_at(schedules: list[Schedule]) -> dict[int, datetime]:
    """When each schedule was last changed, as its history tells; every change of a part is one of it."""
    rows = Schedule.history.filter(id__in=[schedule.pk for schedule in schedules])
    return dict(rows.order_by().values_list("id").annotate(Max("history_date")))


def _month(at: datetime) -> datetime:
    """The first of the month: a shift longer than the whole calendar is cut where tomorrow cuts it too."""
    return at.replace(day=1)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
