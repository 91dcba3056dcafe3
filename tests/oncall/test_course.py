"""The course of a page as a pure function: no database, no clock, a world of plain values."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from oncall import course
from oncall.course import Standing
from oncall.plans import HOLD, Hours, Plan, PlanStep, Target

AT = datetime(2026, 3, 9, 10, tzinfo=UTC)  # a Monday
EVENING = ({"type": "daily", "from": "18:00", "to": "22:00"},)


@dataclass(frozen=True)
class Person:
    pk: str


@dataclass
class Found:
    people: dict
    webhooks: list = field(default_factory=list)
    nobody: list = field(default_factory=list)
    beside: tuple = ()
    about: dict = field(default_factory=dict)


@dataclass
class World:
    """Targets are names of people; ``mute`` have no way, ``duty`` is when somebody is on call."""

    mute: str = ""
    duty: datetime | None = None
    last_turns: dict = field(default_factory=dict)

    def step(self, step, *, at, opening):
        names = [target.name for target in step.targets if target.name != "nobody"]
        on_call = self.duty is None or at >= self.duty
        people = {Person(name): "named" for name in names if on_call}
        return Found(people, nobody=[] if people else ["nobody is on call"])

    def admins(self):
        return Found({Person("admin"): "admin"})

    def catch_all(self):
        return Found({Person("root"): "catch-all"})

    def ways(self, person, *, at):
        return [] if person.pk in self.mute.split() else ["mail"]

    def next_duty(self, step, at):
        return self.duty and max(self.duty, at)

    def turns(self, step):
        return self.last_turns


def step(minutes, *names, **said):
    return PlanStep(minutes * 60, tuple(Target("user", name) for name in names), id=1, **said)


def go(plan, standing=Standing(), *, at=AT, urgency="high", world=None, hurry=False):  # noqa: B008 (frozen)
    return course.advance(plan, standing, urgency=urgency, at=at, asks=world or World(), hurry=hurry)


def who(progress):
    return [reached.person.pk for reached in progress.fired.people] if progress.fired else []


def after(progress):
    return None if progress.next_at is None else int((progress.next_at - AT).total_seconds() // 60)


@pytest.mark.parametrize(
    ("steps", "mute", "reached", "minutes", "stands"),
    [
        ([step(0, "a"), step(5, "b")], "", ["a"], 5, 1),
        ([step(0, "nobody"), step(5, "b"), step(7, "c")], "", ["b"], 7, 2),
        ([step(0, "a"), step(5, "b")], "a", ["b"], 5, 2),
        ([step(0, "nobody"), step(5, "nobody")], "", ["admin"], 5, 3),
        ([], "", ["admin"], 5, 1),
        ([step(0, "a")], "a admin", ["root"], None, 2),
        ([step(0, "a", "a", "b")], "", ["a", "b"], 5, 1),
    ],
)
def test_the_first_position_that_reaches_somebody_fires(steps, mute, reached, minutes, stands):
    progress = go(Plan("P", steps=tuple(steps)), world=World(mute=mute))

    assert (who(progress), after(progress), progress.standing.step) == (reached, minutes, stands)


def test_a_plan_is_gone_through_to_its_end_and_no_further():
    plan = Plan("P", repeat=1, steps=(step(0, "a"), step(5, "b", "a")))
    told, standing, at = [], Standing(), AT
    while at:
        progress = go(plan, standing, at=at)
        told.append((int((at - AT).total_seconds() // 60), who(progress)))
        standing, at = progress.standing, progress.next_at

    assert told == [(0, ["a"]), (5, ["b"]), (10, ["a"]), (15, ["b"]), (20, ["root"])]


def test_who_has_answered_is_not_paged_again():
    standing = Standing(loop=1, answered=frozenset({"a"}))

    progress = go(Plan("P", repeat=2, steps=(step(0, "a", "b"),)), standing)

    assert (who(progress), [person.pk for person in progress.stops[0].already]) == (["b"], ["a"])


@pytest.mark.parametrize(
    ("turns", "picked"), [({}, "a"), ({"a": 1}, "b"), ({"a": 3, "b": 2, "c": 5}, "b"), ({"b": 9}, "a")]
)
def test_whoever_had_her_turn_longest_ago_is_next(turns, picked):
    plan = Plan("P", steps=(step(0, "a", "b", "c", round_robin=True),))

    assert who(go(plan, world=World(last_turns=turns))) == [picked]


@pytest.mark.parametrize(("outside", "reached", "minutes"), [("skip", ["b"], 5), (HOLD, [], 8 * 60)])
def test_outside_its_hours_a_step_is_skipped_or_holds(outside, reached, minutes):
    plan = Plan("P", steps=(step(0, "a", hours=Hours("UTC", EVENING, outside)), step(5, "b")))

    progress = go(plan)

    assert (who(progress), after(progress)) == (reached, minutes)
    assert progress.held_for == ("hours" if outside == HOLD else "")


def test_whoever_is_in_a_hurry_waits_for_no_hours():
    plan = Plan("P", steps=(step(0, "a", hours=Hours("UTC", EVENING, HOLD)),))

    assert who(go(plan, hurry=True)) == ["a"]


@pytest.mark.parametrize(
    ("urgency", "begins", "reached", "held"),
    [
        ("low", AT + timedelta(hours=3), [], "duty"),
        ("high", AT + timedelta(hours=3), ["admin"], ""),
        ("low", AT + timedelta(days=15), ["admin"], ""),
    ],
)
def test_low_urgency_waits_for_duty_but_not_for_ever(urgency, begins, reached, held):
    plan = Plan("P", wait_for_duty=True, steps=(step(0, "a"),))

    progress = go(plan, urgency=urgency, world=World(duty=begins))

    assert (who(progress), progress.held_for) == (reached, held)


def test_duty_that_begins_outside_the_hours_is_waited_for_until_both_meet():
    plan = Plan("P", wait_for_duty=True, steps=(step(0, "a", hours=Hours("UTC", EVENING, HOLD)),))
    evening = AT + timedelta(hours=9)  # 19:00, within the hours; duty began at 13:00

    progress = go(plan, at=evening, urgency="low", world=World(duty=AT + timedelta(hours=27)))

    assert progress.next_at == AT + timedelta(hours=32)  # 18:00 on the next day
