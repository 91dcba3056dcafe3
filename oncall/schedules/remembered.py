"""Plans of schedules, and answers computed from them, kept in this process between questions.

Programs ask for the same schedule all day, and reading it from ten tables costs many times the answer. Nothing
kept here expires by time, and none of it can be stale: a plan is used only while the tables say, in the question's
own statement, that nothing it was made of has changed. That is the schedule's ``version``, which grows with every
change of its parts, absences, holidays and imported calendars included, in the transaction of the change; and the
names of its people, since renaming somebody changes no schedule.

What an open transaction sees may be undone, so inside one nothing is remembered or recalled.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, pairwise
from threading import Lock
from typing import Any

from django.db import connection

from oncall import clock, rotation
from oncall.models import Schedule, User
from oncall.schedules.loading import load

#: Half a kilobyte each, so some ten megabytes in each process.
MOST_PIECES = 20_000
MOST_BYTES_OF_ANSWERS = 8 * 1024 * 1024
BYTES_OF_SEGMENT = 800
BLOCK = timedelta(days=8)
_numbers = count()


@dataclass(frozen=True)
class Known:
    """A plan for questions from ``since`` on, and what must still be so for it to hold.

    ``people`` are the ``named`` usernames by their ids, a JSON object. ``number`` is no other's in this process.
    """

    number: int
    schedule: int
    version: int
    people: str
    named: int
    since: datetime
    plan: rotation.Schedule

    def holds(self, schedule: int, version: int, still_named: int, start: datetime) -> bool:
        """Whether it answers a question from ``start`` on, as the tables stand: ``still_named`` are those of
        its people who have the same names."""
        told = (schedule, version, still_named)
        return told == (self.schedule, self.version, self.named) and self.since <= start


class Shelf:
    """What was used last, as long as the weights together do not pass ``most``."""

    def __init__(self, most: int) -> None:
        self._most, self._weight = most, 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Any:
        """What was put there; None if it is gone or never was."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, value: Any, weight: int) -> None:
        """Keep a value in place of the key's old one; for that, what was not used for longest goes.

        What is heavier than all that may be kept is not, and drives nothing else out.
        """
        with self._lock:
            self._weight -= self._kept.pop(key, (None, 0))[1]
            if weight > self._most:
                return
            self._kept[key] = (value, weight)
            self._weight += weight
            while self._weight > self._most:
                self._weight -= self._kept.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._weight = 0


_plans, _answers = Shelf(MOST_PIECES), Shelf(MOST_BYTES_OF_ANSWERS)


def recall(slug: str) -> Known | None:
    """What is known of the schedule under this slug; the caller asks whether it still holds."""
    return _plans.get(slug) if _is_lasting() else None


def learn(slug: str, schedule: int, *, since: datetime) -> Known | None:
    """Read a schedule (its id) anew; None where it is gone, or changed while it was being read."""
    row = Schedule.objects.filter(pk=schedule).first()
    if row is None:
        return None
    since = _reach(slug, row, since)
    plan = load(row, since=since)
    names = rotation.people_named(plan)
    people = dict(User.objects.filter(username__in=names).values_list("pk", "username"))
    changed = not Schedule.objects.filter(pk=row.pk, version=row.version).exists()
    if changed or len(people) != len(names):
        return None
    known = Known(next(_numbers), row.pk, row.version, json.dumps(people), len(people), since, plan)
    if _is_lasting():
        _plans.put(slug, known, _pieces(plan) + len(people))
    return known


def final(
    known: Known,
    start: datetime,
    end: datetime,
    *,
    write: Callable[[list[rotation.Segment]], bytes],
    keep: bool,
) -> bytes:
    """The final schedule as ``write`` puts it; with ``keep`` the same question gets the same bytes again."""
    asked = (known.number, start, end)
    answer = _answers.get(asked)
    if answer is None:
        answer = write(_segments(known, start, end))
        if keep:
            _answers.put(asked, answer, len(answer))
    return answer


def _segments(known: Known, start: datetime, end: datetime) -> list[rotation.Segment]:
    """``rotation.final``, of which whole blocks are kept: who asks from now on asks for them again and again."""
    first = start - (start - clock.EPOCH) % BLOCK + BLOCK
    cuts = [first + number * BLOCK for number in range(-((first - end) // BLOCK))]
    return rotation.joined(_part(known, left, right) for left, right in pairwise([start, *cuts, end]))


def _part(known: Known, start: datetime, end: datetime) -> list[rotation.Segment]:
    kept = (known.number, start, None)
    segments = _answers.get(kept) if end - start == BLOCK else None
    if segments is None:
        segments = rotation.final(known.plan, start, end)
        if end - start == BLOCK:
            _answers.put(kept, segments, BYTES_OF_SEGMENT * len(segments))
    return segments


def forget() -> None:
    """Begin with nothing, as a new process does."""
    _plans.clear()
    _answers.clear()


def _is_lasting() -> bool:
    """Whether what the tables say cannot be undone."""
    return not connection.in_atomic_block


def _reach(slug: str, row: Schedule, since: datetime) -> datetime:
    """As far back as before, so that two who ask about different years do not read it anew in turns."""
    before = recall(slug)
    same = before and (before.schedule, before.version) == (row.pk, row.version)
    return min(since, before.since) if same else since


def _pieces(plan: rotation.Schedule) -> int:
    """How much there is to keep."""
    slots = [layer.slots for layer in plan.layers]
    slots += [edit.slots for layer in plan.layers for edit in layer.edits]
    days = sum(len(layer.exclude_dates) for layer in plan.layers)
    stretches = sum(len(layer.stretches) for layer in plan.fixed)
    return len(plan.exceptions) + stretches + days + sum(1 + len(each) for each in slots)
