"""A range of time, once from left to right: the shifts of each layer, and who is on call between two borders.

All instants are aware UTC and all intervals half-open. Source: field/oncall.md section 3.1, "Final".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
from zoneinfo import ZoneInfo

from oncall import clock
from oncall.rotation.duty import Reason, Seat, fixed_seat, on_duty, seat
from oncall.rotation.plan import FixedLayer, Layer, Schedule, ScheduleException
from oncall.rotation.windows import Span

#: From an instant on, something stands at a place: a seat or nobody's, an exception or no longer.
Border = tuple[datetime, int, Seat | ScheduleException | None]


@dataclass(frozen=True)
class Shift:
    """A stretch of one layer's turn, or of a fixed layer, before priorities and exceptions."""

    start: datetime
    end: datetime
    seat: Seat


def sweep(
    schedule: Schedule, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, tuple[Reason, ...]]]:
    """Every stretch between two neighbouring borders, with the reasons that hold in it.

    Places are the layers, in the order of ``schedule.all_layers``, then the exceptions in that of creation.
    """
    layers = len(schedule.all_layers)
    uncut = [place for place, layer in enumerate(schedule.layers) if layer.has_one_slot]
    seats: list[Seat | None] = [None] * layers
    held: dict[int, ScheduleException] = {}
    active: list[ScheduleException] = []
    left = start
    for instant, place, standing in (*_borders(schedule, start, end), (end, layers, None)):
        if instant > left:
            for number in uncut:
                seats[number] = _cut(schedule, number, seats[number], left, instant)
            yield left, instant, on_duty(schedule, seats, active)
            left = instant
        if place < layers:
            seats[place] = standing
            continue
        held.pop(place, None)
        if standing is not None:
            held[place] = standing
        active = [held[number] for number in sorted(held)]


def _cut(
    schedule: Schedule, place: int, standing: Seat | None, left: datetime, right: datetime
) -> Seat | None:
    """The seat of a layer of one slot with the turns of this stretch alone."""
    if standing is None:
        return None
    layer = schedule.layers[place]
    first, last = _turns_between(layer, schedule.zone, left, right)
    return seat(layer, first, standing.people, last)


def _borders(schedule: Schedule, start: datetime, end: datetime) -> list[Border]:
    """All of them in order of time; at one place what ends there comes before what begins."""
    borders: list[Border] = []
    for place, layer in enumerate(schedule.all_layers):
        for shift in shifts(schedule, layer, start, end):
            borders += (shift.start, place, shift.seat), (shift.end, place, None)
    for place, exception in enumerate(schedule.exceptions, start=len(schedule.all_layers)):
        if exception.start < end and exception.end > start:
            borders.append((max(exception.start, start), place, exception))
            borders.append((min(exception.end, end), place, None))
    borders.sort(key=itemgetter(0))
    return borders


def shifts(schedule: Schedule, layer: Layer | FixedLayer, start: datetime, end: datetime) -> list[Shift]:
    """The turns of one layer between two instants, cut to its windows, before exceptions."""
    if isinstance(layer, FixedLayer):
        return [
            Shift(max(each.start, start), min(each.end, end), fixed_seat(layer, each.people))
            for each in layer.between(start, end)
        ]
    result: list[Shift] = []
    zone, spans = schedule.zone, _windows if layer.has_one_slot else _turns_in_windows
    for (opens, closes), turn in spans(schedule, layer, start, end):
        left, right = max(clock.resolve(opens, zone), start), min(clock.resolve(closes, zone), end)
        for a, b in _between_edits(layer, left, right):
            if a < b:
                first, last = _turns_between(layer, zone, a, b) if turn is None else (turn, turn)
                result.append(Shift(a, b, seat(layer, first, layer.people(first, a), last)))
    return result


def _between_edits(layer: Layer, left: datetime, right: datetime) -> Iterator[tuple[datetime, datetime]]:
    """``left`` to ``right``, cut where the roster changes."""
    if not layer.edits:
        return iter(((left, right),))
    return pairwise([left, *(edit.at for edit in layer.edits if left < edit.at < right), right])


def _turns_between(layer: Layer, zone: ZoneInfo, left: datetime, right: datetime) -> tuple[int, int]:
    """The first and the last turn between two instants; one that the clock skips is neither."""
    first, last = clock.high_water(left, zone), clock.high_water(right - clock.TICK, zone)
    return layer.rotation.turn_at(first), layer.rotation.turn_at(last)


def _windows(schedule: Schedule, layer: Layer, start: datetime, end: datetime) -> Iterator[tuple[Span, None]]:
    """The local times in which a layer of one slot covers: no turn changes hands, so none is cut."""
    first = clock.high_water(start, schedule.zone)
    last = clock.high_water(end, schedule.zone) + clock.TICK
    return ((span, None) for span in layer.coverage(first, last))


def _turns_in_windows(
    schedule: Schedule, layer: Layer, start: datetime, end: datetime
) -> Iterator[tuple[Span, int]]:
    """The local times in which the layer covers, cut at its turns, each with the turn's number."""
    first = clock.high_water(start, schedule.zone)
    last = clock.high_water(end, schedule.zone) + clock.TICK
    turn = layer.rotation.turn_at(first)
    begins, ends = layer.rotation.start_of(turn), layer.rotation.start_of(turn + 1)
    for left, right in layer.coverage(first, last):
        while ends <= left:
            turn, begins, ends = turn + 1, ends, layer.rotation.start_of(turn + 2)
        while ends < right:
            yield (max(left, begins), ends), turn
            turn, begins, ends = turn + 1, ends, layer.rotation.start_of(turn + 2)
        yield (max(left, begins), right), turn
