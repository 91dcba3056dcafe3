"""Mails about one's own shifts: before going on call, after going off, when one changes hands, every week.

Each schedule has one row that says when somebody on it must be told next; it is worked when that time comes or the
schedule has changed. Keys make every mail once, however late or often the pulse beats.
Source: field/oncall.md section 1 "Shift notices", section 2.1 row 24.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q

from oncall import clock, letters, rotation, schedules, shifts
from oncall.models import NoticePreference, Schedule, ShiftWatch, Swap, User
from oncall.spans import Span, Spans, by_person, clip, without

logger = logging.getLogger(__name__)

#: After so long a notice is no news any more.
STALE = timedelta(hours=1)
LOOKS_BACK = 2 * STALE
HORIZON = timedelta(days=14)
LOOKS_AGAIN = timedelta(days=1)
MORNING = time(9)
MOST = 200


def tell(*, now: Callable[[], datetime]) -> int:
    """Pulse line: tell people what is due about their shifts; the number of mails."""
    out_of_date = Q(watch__isnull=True) | ~Q(watch__version=F("version")) | Q(watch__next_at__lte=now())
    told = sum(_alone(_look, schedule, now()) for schedule in Schedule.objects.filter(out_of_date)[:MOST])
    due = NoticePreference.objects.filter(digest_at__lte=now()).select_related("user")
    return told + sum(_alone(_digest, preference, now()) for preference in due[:MOST])


def choose(preference: NoticePreference, *, by: User | None, at: datetime) -> NoticePreference:
    """Save what a person wants to be told. Schedules that name her are looked at anew."""
    preference.digest_at = _next_monday(preference.user, at) if preference.digest else None
    preference._history_user, preference._history_date = by, at
    preference.save()
    ShiftWatch.objects.filter(schedule__in=schedules.naming(preference.user)).update(next_at=at)
    return preference


def listening(names: Iterable[str]) -> set[str]:
    """Who of these people has a mail when a shift of hers in the next ``HORIZON`` changes hands."""
    return {name for name, user in _people(names).items() if _choice(user).changed}


def _alone(work: Callable[..., int], row: Schedule | NoticePreference, at: datetime) -> int:
    """One row in a transaction of its own; what fails is tried again with the next run."""
    try:
        with transaction.atomic():
            return work(row, at)
    except Exception:
        logger.exception("Notices about %s %s failed", type(row).__name__, row.pk)
        return 0


def _look(schedule: Schedule, at: datetime) -> int:
    """Tell what is due on a schedule, and note when to look next."""
    schedule = Schedule.objects.select_for_update().get(pk=schedule.pk)
    watch = ShiftWatch.objects.filter(schedule=schedule).first()
    plan = schedules.load(schedule, since=at - LOOKS_BACK)
    spans = by_person(rotation.final(plan, at - LOOKS_BACK, at + HORIZON))
    before = _read(watch.known) if watch and watch.version != schedule.version else {}
    people = _people({*spans, *before})
    told = sum(_tell_changed(people[name], watch, schedule, before, spans, at) for name in people if watch)
    next_at = at + LOOKS_AGAIN
    for name, user in people.items():
        for notice_at, send in _turning(user, schedule, spans.get(name, ())):
            if notice_at > at:
                next_at = min(next_at, notice_at)
            elif at < notice_at + send.until:
                told += send(at)
    _note(schedule, spans, next_at, at)
    return told


class _Mail:
    """A mail about a beginning or an end, which is news for the time ``until`` after it is due."""

    def __init__(self, user: User, until: timedelta, **said: str) -> None:
        self.user, self.until, self.said = user, until, said

    def __call__(self, at: datetime) -> int:
        return letters.write(self.user, **self.said, topic=f"shifts:{self.user.pk}", at=at)


def _turning(user: User, schedule: Schedule, spans: Iterable[Span]) -> Iterable[tuple[datetime, _Mail]]:
    """When to tell the person of the beginning and the end of her shifts, as she chose."""
    choice = _choice(user)
    for start, end in spans:
        named = {"path": f"/admin/oncall/schedule/{schedule.pk}/change/"}
        when = letters.span(start, end, user)
        if choice.going_on:
            said = f"You go on call: {schedule}, {letters.moment(start, user)}"
            text = f"You are on call on {schedule}:\n{when}"
            key = f"shift:on:{schedule.pk}:{user.pk}:{start:%Y%m%dT%H%M%S}"
            yield (
                start - choice.lead,
                _Mail(user, choice.lead + STALE, subject=said, text=text, key=key, **named),
            )
        if choice.going_off:
            said = f"You are off call: {schedule}"
            text = f"Your shift on {schedule} is over:\n{when}"
            key = f"shift:off:{schedule.pk}:{user.pk}:{end:%Y%m%dT%H%M%S}"
            yield end, _Mail(user, STALE, subject=said, text=text, key=key, **named)


def _tell_changed(
    user: User, watch: ShiftWatch, schedule: Schedule, before: Spans, after: Spans, at: datetime
) -> int:
    """Tell a person which hours are hers no longer, or hers now. What a swap has told is not told again."""
    if watch.version == schedule.version or not _choice(user).changed:
        return 0
    old = clip(before.get(user.username, ()), at, watch.known_until)
    new = clip(after.get(user.username, ()), at, watch.known_until)
    swapped = _swapped(user, schedule, watch.looked_at)
    lost, gained = without(without(old, new), swapped), without(without(new, old), swapped)
    lines = [f"No longer yours: {letters.span(*span, user)}" for span in lost]
    lines += [f"Now yours: {letters.span(*span, user)}" for span in gained]
    if not lines:
        return 0
    return letters.write(
        user,
        subject=f"Your shifts have changed: {schedule}",
        text="\n".join([f"On {schedule}:", *lines]),
        path=f"/admin/oncall/schedule/{schedule.pk}/change/",
        key=f"shift:changed:{schedule.pk}:{schedule.version}:{user.pk}",
        topic=f"shifts:{user.pk}",
        at=at,
    )


def _swapped(user: User, schedule: Schedule, since: datetime) -> list[Span]:
    """The hours of swaps that were taken or taken back since then; their mails are out."""
    known = Swap.history.filter(schedule_id=schedule.pk, history_date__gte=since)
    known = known.filter(Q(requester_id=user.pk) | Q(taker_id=user.pk))
    return list(known.filter(state__in=[Swap.State.TAKEN, Swap.State.TAKEN_BACK]).values_list("start", "end"))


def _note(schedule: Schedule, spans: Spans, next_at: datetime, at: datetime) -> None:
    known = [
        [name, start.isoformat(), end.isoformat()] for name, rows in spans.items() for start, end in rows
    ]
    found = {
        "version": schedule.version,
        "next_at": next_at,
        "looked_at": at,
        "known_until": at + HORIZON,
        "known": known,
    }
    ShiftWatch.objects.update_or_create(schedule=schedule, defaults=found)


def _digest(preference: NoticePreference, at: datetime) -> int:
    """The coming two weeks, once; the next is due on the Monday after ``at``, however late this one is."""
    due_at = preference.digest_at
    row = NoticePreference.objects.filter(pk=preference.pk, digest_at=due_at)
    if not row.update(digest_at=_next_monday(preference.user, at)):
        return 0
    user = preference.user
    coming = shifts.of(user, schedules.naming(user), at, at + HORIZON)
    lines = [f"{letters.span(shift.start, shift.end, user)}: {shift.schedule}" for shift in coming]
    return letters.write(
        user,
        subject=f"Your shifts in the coming two weeks: {len(coming) or 'none'}",
        text="\n".join(lines) or "You have no shift in the coming two weeks.",
        path="/admin/",
        key=f"shift:digest:{user.pk}:{due_at:%Y%m%d}",
        topic=f"shifts:{user.pk}",
        at=at,
    )


def _next_monday(user: User, at: datetime) -> datetime:
    zone = ZoneInfo(user.time_zone)
    today = clock.wall(at, zone).date()
    for days in range(-today.weekday(), 15, 7):
        monday = clock.resolve(datetime.combine(today + timedelta(days=days), MORNING), zone)
        if monday > at:
            return monday
    raise AssertionError("there is a Monday in two weeks")


def _choice(user: User) -> NoticePreference:
    return getattr(user, "notice_preference", None) or NoticePreference(user=user)


def _people(names: Iterable[str]) -> dict[str, User]:
    found = User.objects.filter(username__in=names, is_active=True).select_related("notice_preference")
    return {user.username: user for user in found.order_by("pk")}


def _read(known: list[list[str]]) -> Spans:
    found: Spans = defaultdict(list)
    for name, start, end in known:
        found[name].append((datetime.fromisoformat(start), datetime.fromisoformat(end)))
    return found
