"""What an edit of a schedule does to the people on it, said before it is saved.

An edit is tried out: made as saving makes it, looked at, and undone with its transaction. So what is shown is
what saving does, whichever way the edit is made.
Source: field/oncall.md section 1.1 "Diff before save" and "Double booking across schedules".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from oncall import notices, rotation, schedules, spans
from oncall.models import Schedule, User

HORIZON = timedelta(weeks=8)
LOOKS_BACK = timedelta(weeks=1)  # so that a picture can begin with the week of ``at``


@dataclass(frozen=True)
class Change:
    """A stretch that is in other hands than before; ``told`` are those who have a mail about it (usernames)."""

    start: datetime
    end: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]
    told: tuple[str, ...]


@dataclass(frozen=True)
class Double:
    """A stretch that the edit gives to a person who is then on call on another schedule as well."""

    username: str
    start: datetime
    end: datetime
    elsewhere: Schedule


@dataclass(frozen=True)
class Effect:
    """The schedule before (None: there was none) and after an edit, and what differs from ``start`` to ``end``.

    ``gaps`` are the stretches in which nobody is on call any more; of a new schedule, all without anybody.
    """

    before: rotation.Schedule | None
    after: rotation.Schedule
    start: datetime
    end: datetime
    changes: tuple[Change, ...]
    gaps: tuple[spans.Span, ...]
    doubles: tuple[Double, ...]


def trial(
    schedule: Schedule | None,
    edit: Callable[[], Schedule],
    *,
    at: datetime,
    until: datetime | None = None,
) -> Effect:
    """What ``edit`` does to ``schedule`` (None: a new one) from ``at`` on: it is made and undone.

    What the edit raises goes through.
    """
    before = as_it_is(schedule, at=at) if schedule else None
    with transaction.atomic():
        effect = compare(edit(), before, at=at, until=until)
        transaction.set_rollback(True)
    return effect


def as_it_is(schedule: Schedule, *, at: datetime) -> rotation.Schedule:
    """The schedule as it is stored, for ``compare`` after the edit."""
    return schedules.load(schedule, since=at - LOOKS_BACK)


def compare(
    schedule: Schedule, before: rotation.Schedule | None, *, at: datetime, until: datetime | None = None
) -> Effect:
    """How ``schedule``, as it is stored now, differs from ``before``. Constant in the number of queries."""
    end = until or at + HORIZON
    after = as_it_is(schedule, at=at)
    old = rotation.final(before, at, end) if before else []
    new = rotation.final(after, at, end)
    handovers = rotation.changes(before or rotation.Schedule(after.zone), after, at, end)
    return Effect(
        before,
        after,
        at,
        end,
        _with_mails(handovers, at) if before else _unannounced(handovers),
        tuple(spans.without(_empty(new), _empty(old))),
        tuple(_doubles(schedule, spans.by_person(old), spans.by_person(new), at, end)),
    )


def _with_mails(handovers: list[rotation.Handover], at: datetime) -> tuple[Change, ...]:
    soon = at + notices.HORIZON
    concerned = {name for h in handovers if h.start < soon for name in (*h.before, *h.after)}
    listening = notices.listening(concerned) if concerned else set()
    return tuple(
        Change(h.start, h.end, h.before, h.after, _moved(h, listening) if h.start < soon else ())
        for h in handovers
    )


def _unannounced(handovers: list[rotation.Handover]) -> tuple[Change, ...]:
    """Of a new schedule nobody knows any shifts that could change."""
    return tuple(Change(h.start, h.end, h.before, h.after, ()) for h in handovers)


def _moved(handover: rotation.Handover, listening: set[str]) -> tuple[str, ...]:
    """Those of them who are on call in one of the two only."""
    return tuple(sorted(({*handover.before} ^ {*handover.after}) & listening))


def _empty(segments: Iterable[rotation.Segment]) -> list[spans.Span]:
    """Where nobody is on call; neighbours are one."""
    found: list[spans.Span] = []
    for segment in segments:
        if not segment.people:
            spans.add(found, (segment.start, segment.end))
    return found


def _doubles(
    schedule: Schedule, old: spans.Spans, new: spans.Spans, start: datetime, end: datetime
) -> list[Double]:
    gained = {name: spans.without(mine, old.get(name, ())) for name, mine in new.items()}
    gained = {name: mine for name, mine in gained.items() if mine}
    people = User.objects.filter(username__in=gained)
    others = {other.pk: other for other in schedules.naming(*people) if other.pk != schedule.pk}
    found = []
    for pk, plan in schedules.load_many(others.values(), since=start).items():
        theirs = spans.by_person(rotation.final(plan, start, end))
        found += [
            Double(name, *both, others[pk])
            for name, mine in gained.items()
            for both in spans.common(mine, theirs.get(name, []))
        ]
    return sorted(found, key=lambda double: (double.start, double.username, double.elsewhere.pk))
