"""Hand-over notes: what those who go off call tell those who come on, delivered when they do.

Each schedule has one coming note. It is worked at its hand-over, or when the schedule has changed, which may move
the hand-over; keys make every mail once, however late or often the pulse beats.
Source: field/oncall.md section 1.1 "Handoff notes".
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache

from django.db import transaction
from django.db.models import Exists, OuterRef

from oncall import clock, handover_mail, relief, rotation, schedules, standing_pages
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_text
from oncall.models import HandOverNote, Page, Schedule, User
from oncall.models.handover import LONGEST_TEXT
from oncall.relief import Relief

logger = logging.getLogger(__name__)

MANAGES = "oncall.change_schedule"
#: A shift taken "from now on" begins before the pulse sees it; so far back a change still hands over.
NEWS = timedelta(hours=1)
LOOKS_AGAIN = timedelta(days=7)
MOST = 200

Pages = dict[str, list[Page]]


def hand_over(*, now: Callable[[], datetime]) -> int:
    """Pulse line: deliver the notes whose hand-over has come, and find the next one; the number of mails."""
    settled = HandOverNote.objects.settled(now()).filter(schedule=OuterRef("pk"))
    due = list(Schedule.objects.filter(~Exists(settled)).order_by("pk")[:MOST])
    pages = cache(standing_pages.load)  # once for all of them, and only if one is handed over
    return sum(_alone(schedule, pages, now()) for schedule in due)


@transaction.atomic
def write(note: HandOverNote, *, text: str, by: User | None, at: datetime) -> HandOverNote:
    """Say what the next person should know; an empty text takes it back. The same again changes nothing.

    DomainError ``forbidden`` for others than those on call and managers, ``handed_over`` once it is delivered,
    ``text`` where it is too long.
    """
    note = HandOverNote.objects.select_for_update(of=("self",)).select_related("schedule").get(pk=note.pk)
    if by is not None and not may_write(note, by):
        raise DomainError("forbidden", f"Those on call on {note.schedule} write this note.")
    text = clean_text(text).strip()
    if len(text) > LONGEST_TEXT:
        raise DomainError("text", f"At most {LONGEST_TEXT} characters; this has {len(text)}.")
    if text == note.text:
        return note
    if note.sent_at is not None:
        raise DomainError(
            "handed_over",
            "This note was handed over meanwhile, without what you have just typed. "
            "Tell the person now on call yourself.",
        )
    note.text, note.written_by, note.written_at = text, by, at
    note.version += 1
    note._history_user, note._history_date = by, at
    note.save()
    return note


def may_write(note: HandOverNote, user: User) -> bool:
    """Whether it is this person's to write: on call until the hand-over, or a manager of schedules."""
    return user.has_perm(MANAGES) or note.outgoing.filter(pk=user.pk).exists()


def current(schedule: Schedule) -> HandOverNote | None:
    """The note of the schedule's next hand-over; None before the pulse has looked at it."""
    return schedule.hand_over_notes.coming().first()


def draft(note: HandOverNote, *, at: datetime) -> Pages:
    """The pages that the note would name if it were handed over now."""
    people = note.outgoing.values_list("pk", flat=True)
    return standing_pages.of(_target(note.schedule, people), standing_pages.load(), at=at)


def _alone(schedule: Schedule, pages: Callable[[], list[Page]], at: datetime) -> int:
    """One schedule in a transaction of its own; what fails is tried again with the next run."""
    try:
        with transaction.atomic():
            return _work(Schedule.objects.select_for_update().get(pk=schedule.pk), pages, at)
    except Exception:
        logger.exception("The hand-over of schedule %s failed", schedule.pk)
        return 0


def _work(schedule: Schedule, pages: Callable[[], list[Page]], at: datetime) -> int:
    """Hand over what has come; then let the coming note wait for the next hand-over."""
    rows = schedule.hand_over_notes.coming().select_for_update(of=("self",))
    note = rows.first()
    if note and note.due_at > at and note.schedule_version == schedule.version:
        return 0  # another engine was faster
    first = _from_when(note, at) if note else at
    plan = schedules.load(schedule, since=first - relief.LOOKS_BACK)
    come = relief.between(plan, first, at) if note else None
    told = 0
    if come:
        told, note = _deliver(note, schedule, come, pages(), at)
    since = come.at if come else note.since if note else at
    _wait(note, schedule, plan, since=since, at=at)
    return told


def _from_when(note: HandOverNote, at: datetime) -> datetime:
    """After when hand-overs count: the planned one however late we are, and what a change put just behind us."""
    planned = note.at - clock.TICK if note.at else at
    return max(note.since, min(planned, at - NEWS))


def _deliver(
    note: HandOverNote, schedule: Schedule, come: Relief, pages: list[Page], at: datetime
) -> tuple[int, HandOverNote | None]:
    """Mail the note to those who come on; the number of mails, and the note where it is still to come.

    A note that says nothing is no mail, and waits for the next hand-over.
    """
    people = _people([*come.before, *come.coming])
    goes_off = [people[name] for name in come.before if name in people]
    comes_on = [people[name] for name in come.coming if name in people]
    found = standing_pages.of(_target(schedule, {user.pk for user in goes_off}), pages, at=at)
    if not (found or note.text):
        return 0, note
    note.schedule = schedule
    told = sum(handover_mail.send(note, user, goes_off, found, come.at, at=at) for user in comes_on)
    listed = {key: [page.pk for page in rows] for key, rows in found.items()}
    HandOverNote.objects.filter(pk=note.pk).update(
        at=come.at, sent_at=at, due_at=None, schedule_version=schedule.version, pages=listed
    )
    note.outgoing.set(goes_off)
    note.incoming.set(comes_on)
    return told, None


def _wait(
    note: HandOverNote | None, schedule: Schedule, plan: rotation.Schedule, *, since: datetime, at: datetime
) -> None:
    """The coming note belongs to the next hand-over, wherever that has moved, of those on call since ``since``."""
    ahead = relief.after(plan, at)
    before, coming = (ahead.before, ahead.coming) if ahead else ((), ())
    before = before or relief.holding(plan, at)
    facts = {
        "at": ahead and ahead.at,
        "due_at": min(ahead.at, at + LOOKS_AGAIN) if ahead else at + LOOKS_AGAIN,
        "schedule_version": schedule.version,
        "since": since,
    }
    if note is None:
        note = HandOverNote.objects.create(schedule=schedule, **facts)
    else:
        facts["version"] = note.version + (note.since != since)
        HandOverNote.objects.filter(pk=note.pk).update(**facts)
    people = _people([*before, *coming])
    note.outgoing.set(people[name] for name in before if name in people)
    note.incoming.set(people[name] for name in coming if name in people)


def _people(names: Iterable[str]) -> dict[str, User]:
    return {user.username: user for user in User.objects.filter(username__in=set(names)).order_by("pk")}


def _target(schedule: Schedule, people: Iterable[int]) -> standing_pages.Target:
    return standing_pages.Target(schedule.pk, frozenset(people))
