"""How a page goes through its plan: pure decisions, taken alike by the engine, a forecast and a rehearsal.

A page stands at a *position*: one of its plan's steps, or one of the two last resorts after them: the team's
admins (only when nobody was reached), then the portal's catch-all. ``advance`` goes on from there to the first
position that reaches somebody new, and says what became of every position on the way. It writes nothing, reads no
clock and asks the world through ``Asks`` only. Source: field/oncall.md section 5, rules 3, 6, 8, 10 to 13, 31, 32.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from oncall.plans.values import HOLD, Plan, PlanStep

#: A step whose next chance lies further ahead is passed over: an incident cannot wait for ever.
LONGEST_HOLD = timedelta(days=14)
HOURS, DUTY, REACHED = "hours", "duty", "reached"
LOW = "low"


class Person(Protocol):
    """Whoever can be paged: a user, known here by her key alone."""

    pk: Hashable


class Found(Protocol):
    """What targets lead to: people in order with why; webhooks; a sentence for each target that gave nobody.

    ``about`` tells the same as data: the schedule, layer, turn and exceptions of whoever is on call (rule 34).
    Whoever is ``beside`` the targets' people takes no turns with them (rule 19).
    """

    people: Mapping[Any, str]
    beside: Collection[Any]
    about: Mapping[Any, Mapping[str, Any]]
    webhooks: Sequence[str]
    nobody: Sequence[str]


class Asks(Protocol):
    """What the course must know of the world. Each is asked when a position fires, never before (rule 7)."""

    def step(self, step: PlanStep, *, at: datetime, opening: bool) -> Found:
        """Whom a step pages; ``opening``: it begins a cycle."""

    def admins(self) -> Found:
        """The team's admins, the first last resort."""

    def catch_all(self) -> Found:
        """The portal's catch-all, the second and last one."""

    def ways(self, person: Person, *, at: datetime) -> Sequence[Any]:
        """How the person can be reached; empty: not at all."""

    def next_duty(self, step: PlanStep, at: datetime) -> datetime | None:
        """From when somebody is on call on one of the step's schedules; None: never, or it has none."""

    def turns(self, step: PlanStep) -> Mapping[str, int]:
        """The number of each person's last turn in a round robin, by her key as text."""


@dataclass(frozen=True)
class Standing:
    """Where a page stands in its cycle.

    ``paged`` are the people of this pass, ``answered`` those who have acknowledged a step that asks everyone;
    ``reached_at`` is when somebody or something was last reached, ``fired`` whether that was in this pass.
    """

    step: int = 0
    loop: int = 0
    paged: frozenset = frozenset()
    answered: frozenset = frozenset()
    fired: bool = False
    reached_anybody: bool = False
    reached_at: datetime | None = None


@dataclass(frozen=True)
class Reached:
    """Somebody who is paged now: why (in words, and ``about`` as data), and by which ways."""

    person: Any
    why: str
    ways: tuple[Any, ...]
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stop:
    """One position on the way and what came of it.

    ``already`` are being paged or have answered, ``unreachable`` have no way, ``waiting`` is how many others a
    round robin leaves to their turn. ``passed_over`` says why nobody was asked for: outside its ``hours``, or
    somebody was ``reached``. ``repeats``: a new pass begins after it.
    """

    step: int
    loop: int
    people: tuple[Reached, ...] = ()
    already: tuple[Any, ...] = ()
    unreachable: tuple[Any, ...] = ()
    webhooks: tuple[str, ...] = ()
    nobody: tuple[str, ...] = ()
    waiting: int = 0
    passed_over: str = ""
    everyone: bool = False
    round_robin_of: int | None = None
    repeats: bool = False

    def __bool__(self) -> bool:
        return bool(self.people or self.webhooks)

    @property
    def empty(self) -> bool:
        """Whether its targets lead to nobody and nothing at all."""
        return not (self or self.already or self.unreachable or self.passed_over)


@dataclass(frozen=True)
class Progress:
    """What ``advance`` found: the positions passed, where the page stands now, and when it goes on.

    ``next_at`` None: it is exhausted. ``held_for`` says why a step waits until ``next_at``.
    """

    stops: tuple[Stop, ...]
    standing: Standing
    next_at: datetime | None
    held_for: str = ""

    @property
    def fired(self) -> Stop | None:
        """The position that reached somebody or something: the last one, if any."""
        return self.stops[-1] if self.stops and self.stops[-1] else None


@dataclass
class _Walk:
    """One call of ``advance``."""

    plan: Plan
    urgency: str
    at: datetime
    asks: Asks
    hurry: bool
    standing: Standing
    stops: list[Stop] = field(default_factory=list)

    @property
    def last(self) -> int:
        return len(self.plan.steps) - 1

    @property
    def step(self) -> PlanStep | None:
        """The plan's step at this position; None at a last resort."""
        return self.plan.steps[self.standing.step] if self.standing.step <= self.last else None


def advance(
    plan: Plan, standing: Standing, *, urgency: str, at: datetime, asks: Asks, hurry: bool = False
) -> Progress:
    """Page whoever is next: the first position from where the page stands that reaches somebody new.

    ``next_at`` counts from ``at``, not from when the step was due: after a long stop a chain takes one step, not a
    burst (rule 3). ``hurry``: a person asked for it, so no pause and no hold is kept.
    """
    walk = _Walk(plan, urgency, at, asks, hurry, standing)
    while True:
        found = _look(walk)
        hold = _hold(walk, found)
        if hold:
            return Progress(tuple(walk.stops), walk.standing, *hold)
        stop = _visit(walk, found)
        if stop.step > walk.last + 1:
            walk.stops.append(stop)
            return Progress(tuple(walk.stops), _reached(walk, stop), None)
        walk.standing = _reached(walk, stop)
        wait = _wait_after(walk, stop)
        walk.stops.append(_go_on(walk, stop))
        if stop or (wait and not hurry):
            return Progress(tuple(walk.stops), walk.standing, at + wait)


# -- one position ------------------------------------------------------------------------------------------
def _look(walk: _Walk) -> Found | None:
    """Whom the position pages; None where nobody is asked for: outside its hours, or admins of a reached team."""
    step, standing = walk.step, walk.standing
    if step:
        if (
            step.hours
            and not step.hours.are_open(walk.at)
            and not (walk.hurry and step.hours.outside == HOLD)
        ):
            return None
        return walk.asks.step(step, at=walk.at, opening=standing.step == 0 and standing.loop == 0)
    if standing.step > walk.last + 1:
        return walk.asks.catch_all()
    # Admins stand in for people who cannot be reached, not for sleepers.
    return None if standing.reached_anybody else walk.asks.admins()


def _hold(walk: _Walk, found: Found | None) -> tuple[datetime, str] | None:
    """Until when the position waits and what for; None: it fires now, or is passed over (rules 31, 32)."""
    step = walk.step
    if step is None or walk.hurry:
        return None
    if found is None:
        opens = step.hours.opening(walk.at) if step.hours.outside == HOLD else None
        return (opens, HOURS) if opens and opens - walk.at <= LONGEST_HOLD else None
    waits = walk.plan.wait_for_duty and walk.urgency == LOW and not found.people and not found.webhooks
    begins = _duty_within_hours(walk, step) if waits else None
    return (begins, DUTY) if begins and begins > walk.at else None


def _duty_within_hours(walk: _Walk, step: PlanStep) -> datetime | None:
    """The first instant at which somebody is on call and the step's hours are open; None if too far ahead."""
    begins = walk.at
    while begins and begins - walk.at <= LONGEST_HOLD:
        begins = walk.asks.next_duty(step, begins)
        if begins is None or step.hours is None or step.hours.are_open(begins):
            break
        begins = step.hours.opening(begins)
    return begins if begins and begins - walk.at <= LONGEST_HOLD else None


def _visit(walk: _Walk, found: Found | None) -> Stop:
    """Sort the people found: paged now, paged before in this pass, impossible to reach (rules 8, 11, 15)."""
    step, standing = walk.step, walk.standing
    if found is None:
        return Stop(standing.step, standing.loop, passed_over=HOURS if step else REACHED)
    taken = standing.paged | standing.answered
    fresh = [person for person in found.people if person.pk not in taken]
    ways = {person: tuple(walk.asks.ways(person, at=walk.at)) for person in fresh}
    new = [person for person in fresh if ways[person]]
    chosen = _in_turn(walk, step, new, found.beside) if step and step.round_robin else new
    return Stop(
        step=standing.step,
        loop=standing.loop,
        people=tuple(
            Reached(person, found.people[person], ways[person], found.about.get(person, {}))
            for person in chosen
        ),
        already=tuple(person for person in found.people if person.pk in taken),
        unreachable=tuple(person for person in fresh if not ways[person]),
        webhooks=tuple(dict.fromkeys(found.webhooks)),
        nobody=tuple(found.nobody),
        waiting=len(new) - len(chosen),
        everyone=bool(step and step.everyone),
        round_robin_of=step.id if step and step.round_robin else None,
    )


def _in_turn(walk: _Walk, step: PlanStep, people: list, beside: Collection) -> list:
    """Whoever's last turn is longest ago, those who never had one first; of equals the first named.

    She comes first of those who are paged, before whoever stands beside.
    """
    taking_turns = [person for person in people if person not in beside]
    rest = [person for person in people if person in beside]
    if not taking_turns:
        return rest
    turns = walk.asks.turns(step)
    return [min(taking_turns, key=lambda person: turns.get(str(person.pk), 0)), *rest]


# -- what comes after --------------------------------------------------------------------------------------
def _reached(walk: _Walk, stop: Stop) -> Standing:
    if not stop:
        return walk.standing
    return replace(
        walk.standing,
        paged=walk.standing.paged | {reached.person.pk for reached in stop.people},
        fired=True,
        reached_anybody=walk.standing.reached_anybody or bool(stop.people),
        reached_at=walk.at,
    )


def _wait_after(walk: _Walk, stop: Stop) -> timedelta:
    """How long until the position after ``stop``.

    A step without effect keeps nobody waiting; where it ends a pass, the people reached before it have their time
    first. A pass that reached nothing at all is not repeated, so an empty policy cannot spin (rule 12).
    """
    plan, last = walk.plan, walk.last
    if stop.step < last:
        return plan.steps[stop.step + 1].after if stop else timedelta()
    if stop:
        return max(plan.pass_wait, plan.first_wait) if stop.step == last else plan.pass_wait
    if stop.step == last and walk.standing.fired:
        return max(walk.standing.reached_at + plan.pass_wait - walk.at, timedelta())
    return timedelta()


def _go_on(walk: _Walk, stop: Stop) -> Stop:
    """Stand at the next position: the next step, or the first one of another pass (rule 10)."""
    standing = walk.standing
    if stop.step == walk.last and stop.loop < walk.plan.repeat and standing.fired:
        walk.standing = replace(standing, step=0, loop=stop.loop + 1, paged=frozenset(), fired=False)
        return replace(stop, repeats=True)
    walk.standing = replace(standing, step=stop.step + 1)
    return stop
