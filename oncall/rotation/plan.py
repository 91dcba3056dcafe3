"""A schedule as plain values: what ``form.parse`` makes of a form and what every answer is computed from.

Source of the meaning: design.md section 5, contract.md section 4.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from operator import attrgetter
from zoneinfo import ZoneInfo

from oncall.rotation.turns import Roster, Rotation, Slot, ordinals
from oncall.rotation.windows import Restriction, Span, Week, without_dates

CALENDAR, ACTIVE = "calendar", "active"
ADVANCES = (CALENDAR, ACTIVE)
REMOVE, REPLACE, SET, ADD = "remove", "replace", "set", "add"
KINDS = (REMOVE, REPLACE, SET, ADD)


@dataclass(frozen=True)
class Edit:
    """A roster change: from the instant ``at`` on the layer's turns go through ``slots``.

    ``wall`` is ``clock.high_water(at)``, kept here so that turns stay naive arithmetic.
    """

    at: datetime
    wall: datetime
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Layer:
    """One rotation with its people, its bounds and its windows.

    ``start`` and ``end`` are naive local times (half-open; no end: None), ``exclude_dates`` local dates in
    order, ``edits`` in order of time.
    """

    name: str
    priority: int
    rotation: Rotation
    slots: tuple[Slot, ...]
    start: datetime
    end: datetime | None = None
    restrictions: tuple[Restriction, ...] = ()
    exclude_dates: tuple[date, ...] = ()
    advance: str = CALENDAR
    edits: tuple[Edit, ...] = ()

    @cached_property
    def week(self) -> Week | None:
        """The windows merged; None where the layer has none and covers always."""
        return Week.of(self.restrictions) if self.restrictions else None

    @cached_property
    def ordinal(self) -> Callable[[int], int]:
        """From a turn's number to how many turns before it count."""
        return ordinals(self.rotation, self.week if self.advance == ACTIVE else None)

    @cached_property
    def rosters(self) -> tuple[Roster, ...]:
        """The roster as it was written, then one after each edit.

        Before the layer starts nobody holds a turn, so an edit up to then is a plain new beginning.
        """
        rosters = [Roster(None, self.slots)]
        for edit in self.edits:
            if edit.wall < self.start:
                rosters.append(Roster(edit.at, edit.slots))
            else:
                ordinal = self.ordinal(self.rotation.turn_at(edit.wall))
                rosters.append(rosters[-1].edited(edit.at, edit.slots, ordinal))
        return tuple(rosters)

    @cached_property
    def has_one_slot(self) -> bool:
        """Whether the end of a turn changes nothing, since the same people have the next one."""
        return all(len(set(roster.slots)) <= 1 for roster in self.rosters)

    def people(self, turn: int, at: datetime) -> Slot:
        """Who has ``turn`` at the instant ``at``; a roster change may come in the middle of a turn."""
        for roster in reversed(self.rosters):
            if roster.since is None or roster.since <= at:
                return roster.slot(self.ordinal(turn))
        raise AssertionError("the first roster has no beginning")

    def covers(self, wall: datetime) -> bool:
        """Whether the layer covers the local time ``wall`` (a high-water time)."""
        if wall < self.start or (self.end is not None and wall >= self.end):
            return False
        return wall.date() not in self._excluded and (self.week is None or self.week.covers(wall))

    def coverage(self, start: datetime, end: datetime) -> Iterator[Span]:
        """The local times in which the layer covers, between two local times."""
        start = max(start, self.start)
        end = end if self.end is None else min(end, self.end)
        if start >= end:
            return iter(())
        spans = iter([(start, end)]) if self.week is None else self.week.between(start, end)
        return without_dates(spans, self.exclude_dates) if self.exclude_dates else spans

    @cached_property
    def _excluded(self) -> frozenset[date]:
        return frozenset(self.exclude_dates)


@dataclass(frozen=True)
class Stretch:
    """Who is on call between two instants (half-open), as somebody else has laid it down."""

    start: datetime
    end: datetime
    people: tuple[str, ...]


@dataclass(frozen=True)
class FixedLayer:
    """A layer without turns, such as an imported calendar: nothing of it is computed.

    ``stretches`` are in order and do not overlap. Between them the layer does not cover.
    """

    name: str
    priority: int
    stretches: tuple[Stretch, ...] = ()

    def between(self, start: datetime, end: datetime) -> list[Stretch]:
        """The stretches that reach into ``start`` to ``end``."""
        first = bisect_right(self.stretches, start, key=attrgetter("end"))
        last = bisect_left(self.stretches, end, key=attrgetter("start"))
        return list(self.stretches[first:last])

    def people(self, at: datetime) -> Slot | None:
        """Who is on call by this layer at an instant; None where it does not cover."""
        number = bisect_right(self.stretches, at, key=attrgetter("end"))
        found = self.stretches[number] if number < len(self.stretches) else None
        return found.people if found and found.start <= at else None


@dataclass(frozen=True)
class ScheduleException:
    """A departure from the layers between two instants (half-open).

    remove   ``user`` is absent
    replace  ``by`` stands in for ``user``
    set      exactly ``users`` are on call; nobody when empty
    add      ``user`` is on call in addition

    With ``layer`` it changes what this layer offers, before priorities are compared; without, remove and
    replace act in every layer, set and add on the whole schedule. ``key`` names it in reasons: its index in
    the form, the row's id, or below zero that of an absence.
    """

    key: int
    kind: str
    start: datetime
    end: datetime
    users: tuple[str, ...] = ()
    user: str = ""
    by: str = ""
    layer: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Schedule:
    """Layers and exceptions in one time zone; exceptions in order of creation.

    ``fixed`` layers take part like the others and stand in no form: they belong to whoever laid them down.
    """

    zone: ZoneInfo
    layers: tuple[Layer, ...] = ()
    exceptions: tuple[ScheduleException, ...] = ()
    fixed: tuple[FixedLayer, ...] = ()

    @cached_property
    def all_layers(self) -> tuple[Layer | FixedLayer, ...]:
        """Those with turns, then the fixed ones."""
        return (*self.layers, *self.fixed)

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Indexes into ``all_layers`` by priority, the highest first; those of one level share the duty."""
        by_priority: dict[int, list[int]] = {}
        for index, layer in enumerate(self.all_layers):
            by_priority.setdefault(layer.priority, []).append(index)
        return tuple(tuple(by_priority[priority]) for priority in sorted(by_priority, reverse=True))

    def layer(self, name: str) -> Layer:
        """The layer of this name; KeyError without one."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)
