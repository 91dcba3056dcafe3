"""Who is on call at one moment, and why: layers compared, exceptions applied.

The same function answers for an instant and for every stretch of a range, so both always agree.
Source: field/oncall.md section 3.1, "Final".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oncall.rotation.plan import ADD, REMOVE, REPLACE, SET, FixedLayer, Layer, Schedule, ScheduleException


@dataclass(frozen=True)
class Reason:
    """Why ``user`` is on call.

    ``layer`` and ``turn`` tell whose turn it is (``last_turn`` of a run that was joined); a fixed layer has
    no turns, and both are None where an exception of the whole schedule put the person there.
    ``exceptions`` are the keys of those that acted, in order. With ``user`` None it tells why somebody is
    *not*: an exception emptied the layer, or the schedule.
    """

    user: str | None
    layer: str | None = None
    turn: int | None = None
    last_turn: int | None = None
    exceptions: tuple[int, ...] = ()

    def __str__(self) -> str:
        """``alice (layer primary, turn 17, exception 4)``."""
        words = [f"layer {self.layer}"] if self.layer else []
        if self.turn is not None:
            run = self.last_turn not in (None, self.turn)
            words.append(f"turns {self.turn} to {self.last_turn}" if run else f"turn {self.turn}")
        words += [f"exception {key}" for key in self.exceptions]
        return f"{self.user or 'nobody'} ({', '.join(words)})"


@dataclass(frozen=True)
class Seat:
    """What a layer offers before exceptions: the turn's number, its people, and a reason for each.

    ``last_turn`` is that of a run of turns with the same people. A fixed layer has no turns.
    """

    turn: int | None
    people: tuple[str, ...]
    reasons: tuple[Reason, ...]
    last_turn: int | None = None


def seat(layer: Layer, turn: int, people: tuple[str, ...], last_turn: int | None = None) -> Seat:
    """The seat of ``people`` whose turn it is, or whose turns it is up to ``last_turn``."""
    last = turn if last_turn is None else last_turn
    return Seat(turn, people, tuple(Reason(user, layer.name, turn, last) for user in people), last)


def fixed_seat(layer: FixedLayer, people: tuple[str, ...]) -> Seat:
    """The seat of ``people`` whom a fixed layer names."""
    return Seat(None, people, tuple(Reason(user, layer.name) for user in people))


def on_duty(
    schedule: Schedule, seats: Sequence[Seat | None], active: Sequence[ScheduleException]
) -> tuple[Reason, ...]:
    """The reasons of everybody on call.

    ``seats`` has one entry for each layer, None where it does not cover; ``active`` are the exceptions that
    hold, in order of creation. The highest level with anybody wins and its layers are joined; then the last
    ``set``, then every ``add``.
    """
    if not active:
        return _highest_staffed_level(schedule, seats)
    reasons: list[Reason] = []
    for level in schedule.levels:
        for index in level:
            reasons += with_exceptions(schedule.all_layers[index], seats[index], active)
        if any(reason.user for reason in reasons):
            break
    return _on_the_whole_schedule(reasons, [e for e in active if not e.layer])


def people(reasons: Sequence[Reason]) -> tuple[str, ...]:
    """Everybody named in ``reasons``, in order of name, each once."""
    if len(reasons) == 1:  # nearly always
        return () if reasons[0].user is None else (reasons[0].user,)
    return tuple(sorted({reason.user for reason in reasons if reason.user is not None}))


def with_exceptions(
    layer: Layer | FixedLayer, seat: Seat | None, active: Sequence[ScheduleException]
) -> tuple[Reason, ...]:
    """What a layer offers after the exceptions that act inside it.

    Absences and replacements are chained in order of creation; then the last ``set`` on this layer, then
    every ``add`` on it. An emptied layer gives one reason without a user.
    """
    staff = {reason.user: reason for reason in seat.reasons} if seat else {}
    emptied_by: tuple[int, ...] = ()
    for exception in active:
        if exception.kind not in (REMOVE, REPLACE) or exception.layer not in ("", layer.name):
            continue
        away = staff.pop(exception.user, None)
        if away is None:
            continue
        keys = (*away.exceptions, exception.key)
        if exception.kind == REPLACE:
            staff.setdefault(exception.by, replace(away, user=exception.by, exceptions=keys))
        else:
            emptied_by += keys
    mine = [e for e in active if e.layer == layer.name]
    for exception in _last_set(mine):
        staff = {user: Reason(user, layer.name, exceptions=(exception.key,)) for user in exception.users}
        emptied_by = (exception.key,)
    for exception in mine:
        if exception.kind == ADD:
            staff.setdefault(exception.user, Reason(exception.user, layer.name, exceptions=(exception.key,)))
    if not staff and emptied_by:
        turns = (seat.turn, seat.last_turn) if seat else (None, None)
        return (Reason(None, layer.name, *turns, emptied_by),)
    return tuple(staff.values())


def _highest_staffed_level(schedule: Schedule, seats: Sequence[Seat | None]) -> tuple[Reason, ...]:
    """The ordinary case, in which no exception holds."""
    for level in schedule.levels:
        reasons: tuple[Reason, ...] = ()
        for index in level:
            if seats[index] is not None:
                reasons += seats[index].reasons
        if reasons:
            return reasons
    return ()


def _on_the_whole_schedule(reasons: list[Reason], active: Sequence[ScheduleException]) -> tuple[Reason, ...]:
    for exception in _last_set(active):
        keys = (exception.key,)
        reasons = [Reason(user, exceptions=keys) for user in exception.users or (None,)]
    on_call = {reason.user for reason in reasons}
    for exception in active:
        if exception.kind == ADD and exception.user not in on_call:
            on_call.add(exception.user)
            reasons.append(Reason(exception.user, exceptions=(exception.key,)))
    return tuple(reasons)


def _last_set(active: Sequence[ScheduleException]) -> list[ScheduleException]:
    """The ``set`` that wins, as a list of one or none."""
    return [exception for exception in active if exception.kind == SET][-1:]
