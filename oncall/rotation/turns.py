"""Whose turn it is: counting periods from an anchor, and carrying the count over roster changes.

Turn numbers count from the anchor: turn 0 begins there, earlier turns are negative. Everything is naive
local time. Source: field/oncall.md sections 3.1 and 3.3.
"""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import gcd

from oncall.rotation.windows import WEEK, Week

Slot = tuple[str, ...]
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": WEEK}
UNITS = (*STEPS, "month")


@dataclass(frozen=True)
class Rotation:
    """Periods of ``length`` times ``unit`` (hour, day, week, month), one of which begins at ``anchor``.

    Months are counted from the anchor and clamped to their last day: 31 January, 28 February, 31 March.
    """

    unit: str
    length: int
    anchor: datetime

    @cached_property
    def step(self) -> timedelta | None:
        """How long a period is on the wall clock; None for months, which differ."""
        return self.length * STEPS[self.unit] if self.unit in STEPS else None

    def start_of(self, turn: int) -> datetime:
        """The wall clock at which ``turn`` begins."""
        if self.step is not None:
            return self.anchor + turn * self.step
        months = self.anchor.year * 12 + self.anchor.month - 1 + turn * self.length
        year, month = divmod(months, 12)
        last_day = monthrange(year, month + 1)[1]
        return self.anchor.replace(year=year, month=month + 1, day=min(self.anchor.day, last_day))

    def turn_at(self, wall: datetime) -> int:
        """The number of the turn that contains ``wall``."""
        if self.step is not None:
            return (wall - self.anchor) // self.step
        months = (wall.year - self.anchor.year) * 12 + wall.month - self.anchor.month
        turn = months // self.length
        return turn if self.start_of(turn) <= wall else turn - 1


@dataclass(frozen=True)
class Roster:
    """Who takes turns from ``since`` (an instant; None: from the beginning) on.

    The turn with ordinal ``base_ordinal`` belongs to the slot at ``base_position``.
    """

    since: datetime | None
    slots: tuple[Slot, ...]
    base_ordinal: int = 0
    base_position: int = 0

    def position(self, ordinal: int) -> int:
        """Which slot has the turn with this ordinal; the roster must not be empty."""
        return (self.base_position + ordinal - self.base_ordinal) % len(self.slots)

    def slot(self, ordinal: int) -> Slot:
        """The people who have the turn with this ordinal."""
        return self.slots[self.position(ordinal)] if self.slots else ()

    def edited(self, since: datetime, slots: tuple[Slot, ...], ordinal: int) -> "Roster":
        """The roster after a change during the turn with ``ordinal``.

        Who is on turn keeps it. Where they are not in the new list, the next of the old order who is takes
        the rest of the turn; with nobody left, the new list begins at its head. A slot has gone where the same
        people are, else to the first slot that one of them is in.
        """
        equals: dict[frozenset[str], list[int]] = {}
        first: dict[str, int] = {}
        for number, slot in enumerate(slots):
            equals.setdefault(frozenset(slot), []).append(number)
            for name in slot:
                first.setdefault(name, number)
        for after in range(len(self.slots)):
            position = self.position(ordinal + after)
            people = frozenset(self.slots[position])
            if people in equals:
                return Roster(since, slots, ordinal, self._among(equals[people], position))
            if found := [first[name] for name in people if name in first]:
                return Roster(since, slots, ordinal, min(found))
        return Roster(since, slots, ordinal, 0)

    def _among(self, equals: list[int], position: int) -> int:
        """Of several equal slots the one with the same rank, so that a person listed twice keeps the right one."""
        people = set(self.slots[position])
        rank = sum(set(slot) == people for slot in self.slots[:position])
        return equals[min(rank, len(equals) - 1)]


def ordinals(rotation: Rotation, week: Week | None) -> Callable[[int], int]:
    """The function from a turn's number to how many turns before it count.

    Without ``week`` every turn counts. With it (``advance: active``) only those that meet a window; windows
    repeat every week, so a table over the least common multiple of a period and a week answers at once.
    A period of a week or more always meets one.
    """
    if week is None or rotation.step is None or rotation.step >= WEEK:
        return lambda turn: turn
    counted = [0]
    for turn in range(_periods_until_weeks_repeat(rotation.step)):
        meets = week.meets(rotation.start_of(turn), rotation.start_of(turn + 1))
        counted.append(counted[-1] + meets)
    size, total = len(counted) - 1, counted[-1]
    return lambda turn: turn // size * total + counted[turn % size]


def _periods_until_weeks_repeat(step: timedelta) -> int:
    week_s, step_s = int(WEEK.total_seconds()), int(step.total_seconds())
    return week_s // gcd(week_s, step_s)
