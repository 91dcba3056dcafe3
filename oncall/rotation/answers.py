"""The answers: who is on call at an instant, over a range, until when.

All instants are aware UTC and all intervals half-open. Source: field/oncall.md sections 3.1 and 3.2.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from oncall import clock
from oncall.rotation.duty import Reason, Seat, fixed_seat, on_duty, people, seat
from oncall.rotation.plan import Schedule, ScheduleException
from oncall.rotation.sweep import sweep
from oncall.rotation.windows import DAY

LOOK_AHEAD, LONGEST_LOOK = timedelta(days=8), timedelta(days=128)
LONGEST_MONTH = timedelta(days=31)
LONGEST_YEAR = timedelta(days=366)
DECADE = 10 * LONGEST_YEAR


@dataclass(frozen=True)
class OnCall:
    """Who is on call at ``at``, in order of name, with a reason for each (and for those taken off)."""

    at: datetime
    people: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Segment:
    """A stretch in which the same people are on call; nobody is a stretch too."""

    start: datetime
    end: datetime
    people: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Handover:
    """A stretch that is in other hands after a change of the schedule."""

    start: datetime
    end: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]


def on_call_at(schedule: Schedule, at: datetime) -> OnCall:
    """Who is on call at one instant: arithmetic on each layer, no sweep."""
    reasons = on_duty(schedule, seats_at(schedule, at), active_at(schedule, at))
    return OnCall(at, people(reasons), reasons)


def seats_at(schedule: Schedule, at: datetime) -> list[Seat | None]:
    """What each layer offers at one instant before exceptions, in the order of ``schedule.all_layers``."""
    wall = clock.high_water(at, schedule.zone)
    seats: list[Seat | None] = []
    for layer in schedule.layers:
        covered = layer.covers(wall)
        turn = layer.rotation.turn_at(wall) if covered else 0
        seats.append(seat(layer, turn, layer.people(turn, at)) if covered else None)
    for fixed in schedule.fixed:
        named = fixed.people(at)
        seats.append(None if named is None else fixed_seat(fixed, named))
    return seats


def active_at(schedule: Schedule, at: datetime) -> list[ScheduleException]:
    """The exceptions that hold at one instant."""
    return [e for e in schedule.exceptions if e.start <= at < e.end]


def final(schedule: Schedule, start: datetime, end: datetime) -> list[Segment]:
    """The whole of ``start`` to ``end`` as maximal segments, gaps included.

    One sweep over all borders: O((m+x) log(m+x)) for m pieces of layers and x exceptions.
    """
    segments: list[Segment] = []
    began, names, why = start, None, ()
    for left, _, reasons in sweep(schedule, start, end):
        found = people(reasons)
        if found == names:
            why = _joined(why, reasons)
            continue
        if names is not None:
            segments.append(Segment(began, left, names, why))
        began, names, why = left, found, reasons
    if names is not None:
        segments.append(Segment(began, end, names, why))
    return segments


def joined(ranges: Iterable[list[Segment]]) -> list[Segment]:
    """The segments of ranges that follow each other, as ``final`` of the whole gives them."""
    whole: list[Segment] = []
    for segments in ranges:
        if whole and segments and whole[-1].people == segments[0].people:
            last, first = whole.pop(), segments[0]
            reasons = _joined(last.reasons, first.reasons)
            whole.append(Segment(last.start, first.end, first.people, reasons))
            segments = segments[1:]
        whole += segments
    return whole


def gaps(schedule: Schedule, start: datetime, end: datetime) -> list[Segment]:
    """The segments of ``final`` in which nobody is on call."""
    return [segment for segment in final(schedule, start, end) if not segment.people]


def totals(schedule: Schedule, start: datetime, end: datetime) -> dict[str, timedelta]:
    """How long each person is on call; two together count the whole time each."""
    hours: dict[str, timedelta] = {}
    for segment in final(schedule, start, end):
        for user in segment.people:
            hours[user] = hours.get(user, timedelta(0)) + (segment.end - segment.start)
    return hours


def next_change(schedule: Schedule, at: datetime) -> datetime | None:
    """The first instant after ``at`` at which other people are on call; None if there is none.

    It looks on until every exception, edit and bound has passed and every rotation has gone round twice,
    and a year at least (ten at most); what has not changed by then does not.
    """
    now = on_call_at(schedule, at).people
    left, reach, horizon = at, LOOK_AHEAD, _horizon(schedule, at)
    while left < horizon:
        right = min(left + reach, horizon)
        for segment in final(schedule, left, right):
            if segment.people != now:
                return segment.start
        left, reach = right, min(reach * 4, LONGEST_LOOK)
    return None


def handoffs(schedule: Schedule, layer_name: str, start: datetime, end: datetime) -> list[datetime]:
    """The instants between ``start`` and ``end`` at which a turn of the layer begins.

    A turn that the clock jumps over has no length, so two of its borders are one instant.
    """
    layer = schedule.layer(layer_name)
    first = layer.rotation.turn_at(clock.high_water(start, schedule.zone))
    instants: list[datetime] = []
    for turn in _turns_from(first):
        wall = layer.rotation.start_of(turn)
        instant = clock.resolve(wall, schedule.zone)
        if instant >= end or (layer.end is not None and wall >= layer.end):
            return instants
        if instant >= start and wall >= layer.start and instant not in instants[-1:]:
            instants.append(instant)
    return instants


def changes(before: Schedule, after: Schedule, start: datetime, end: datetime) -> list[Handover]:
    """What is in other hands between ``start`` and ``end`` when ``before`` becomes ``after``."""
    old, new = final(before, start, end), final(after, start, end)
    result: list[Handover] = []
    i = j = 0
    while i < len(old) and j < len(new):
        left, right = max(old[i].start, new[j].start), min(old[i].end, new[j].end)
        if old[i].people != new[j].people:
            result.append(Handover(left, right, old[i].people, new[j].people))
        i, j = i + (old[i].end == right), j + (new[j].end == right)
    return result


def _turns_from(turn: int) -> Iterator[int]:
    while True:
        yield turn
        turn += 1


def _joined(reasons: tuple[Reason, ...], more: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """The reasons of two stretches with the same people; runs of turns become one reason."""
    if more is reasons:
        return reasons
    known = {(r.user, r.layer, r.exceptions): r for r in reasons}
    for reason in more:
        key = (reason.user, reason.layer, reason.exceptions)
        known[key] = replace(known[key], last_turn=reason.last_turn) if key in known else reason
    return tuple(known.values())


def _horizon(schedule: Schedule, at: datetime) -> datetime:
    """When everything that happens once is over and every rotation has gone round twice."""
    once, round_trip = [at], LONGEST_YEAR
    for layer in schedule.layers:
        days_after = (datetime.combine(day + DAY, time()) for day in layer.exclude_dates[-1:])
        bounds = [layer.start, *days_after, *([layer.end] if layer.end else [])]
        once += [clock.resolve(bound, schedule.zone) for bound in bounds]
        once += [edit.at for edit in layer.edits]
        period = layer.rotation.step or layer.rotation.length * LONGEST_MONTH
        slots = max(len(roster.slots) for roster in layer.rosters)
        round_trip = max(round_trip, 2 * period * slots)
    once += [layer.stretches[-1].end for layer in schedule.fixed if layer.stretches]
    once += [exception.end for exception in schedule.exceptions]
    return max(once) + min(round_trip, DECADE)
