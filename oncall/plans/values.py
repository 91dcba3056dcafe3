"""A policy as plain values: what a page follows, what a rehearsal goes through. No ORM, no clock.

A plan holds references and order, not people: who is on call is asked when a step fires (field/oncall.md rule 7).
It keeps names beside ids, so that a schedule deleted meanwhile can still be named (rule 16). As JSON, in
``Page.plan``::

    {"name": "Payments", "version": 7, "repeat": 1, "ack_timeout_s": 1800, "ack_grace_s": 300, "steps": [
        {"id": 12, "after_s": 0, "targets": [{"kind": "schedule", "id": 3, "name": "Payments primary"}],
         "hours": {"time_zone": "Europe/Berlin", "outside": "hold", "restrictions": […]}}]}

``kind`` is ``user``, ``team``, ``schedule`` or ``webhook``; a webhook has a ``url`` in place of an id. What a plan
written by an older version lacks has its default.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from oncall import clock, rotation
from oncall.rotation.windows import Week

#: How long the last step of a pass has for an answer when the policy gives it no time of its own.
LAST_WAIT = timedelta(minutes=5)
#: How long somebody who acknowledged has to say that she is still at work, unless the policy says.
ACK_GRACE = timedelta(minutes=5)
SKIP, HOLD = "skip", "hold"


@dataclass(frozen=True)
class Target:
    """Whom or what a step pages."""

    kind: str
    name: str
    id: int | None = None
    url: str = ""


@dataclass(frozen=True)
class Hours:
    """When a step may page: windows of a week on the clock of a zone, and what happens outside them (rule 31).

    ``restrictions`` are written as in a schedule's layer (contract.md section 4); ``outside`` is ``skip`` (the
    next step comes at once) or ``hold`` (the step waits until the hours begin).
    """

    time_zone: str
    restrictions: tuple[Mapping[str, Any], ...]
    outside: str = SKIP

    @cached_property
    def week(self) -> Week:
        return Week.of(tuple(rotation.restriction(row, "") for row in self.restrictions))

    def are_open(self, at: datetime) -> bool:
        """Whether the step may page at an instant."""
        return self.week.covers(clock.high_water(at, ZoneInfo(self.time_zone)))

    def opening(self, at: datetime) -> datetime | None:
        """The first instant from ``at`` on at which they are open; None if that never comes.

        A window that lies in the hour which a clock skips has no length, so two weeks are looked at.
        """
        zone = ZoneInfo(self.time_zone)
        wall = clock.high_water(at, zone)
        for start, end in self.week.between(wall, wall + timedelta(weeks=2)):
            opens = max(clock.resolve(start, zone), at)
            if opens < clock.resolve(end, zone):
                return opens
        return None

    def closing(self, at: datetime) -> datetime:
        """The first instant after ``at``, at which they are open, at which they no longer are."""
        zone = ZoneInfo(self.time_zone)
        wall = clock.high_water(at, zone)
        for _, end in self.week.between(wall, wall + timedelta(weeks=2)):
            closes = clock.resolve(end, zone)
            if closes > at:
                return closes
        return at

    def as_json(self) -> dict[str, Any]:
        rows = [dict(row) for row in self.restrictions]
        return {"time_zone": self.time_zone, "restrictions": rows, "outside": self.outside}


@dataclass(frozen=True)
class PlanStep:
    """Wait ``after_s`` since the step before fired, then page the targets.

    ``id`` is that of the policy's step, whose turns a ``round_robin`` goes by (rule 11). With ``everyone`` each
    person of the step must acknowledge, not only the first (rule 17).
    """

    after_s: float
    targets: tuple[Target, ...]
    id: int | None = None
    round_robin: bool = False
    everyone: bool = False
    hours: Hours | None = None

    @property
    def after(self) -> timedelta:
        return timedelta(seconds=self.after_s)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "after_s": self.after_s,
            "targets": [asdict(target) for target in self.targets],
            "round_robin": self.round_robin,
            "everyone": self.everyone,
            "hours": self.hours.as_json() if self.hours else None,
        }


@dataclass(frozen=True)
class Plan:
    """Steps in order, gone through ``repeat`` more times.

    ``wait_for_duty``: at low urgency a step whose schedules have nobody on call waits until somebody is (rule 32).
    """

    name: str = ""
    repeat: int = 0
    ack_timeout_s: float | None = None
    steps: tuple[PlanStep, ...] = field(default=())
    ack_grace_s: float = ACK_GRACE.total_seconds()
    wait_for_duty: bool = False
    version: int | None = None

    @property
    def first_wait(self) -> timedelta:
        return self.steps[0].after if self.steps else timedelta()

    @property
    def pass_wait(self) -> timedelta:
        """From the last step of a pass to what follows it.

        A policy says how long to wait before a step, not after the last one: the last step's own wait is used
        again, so a first step "at once" does not repeat at once.
        """
        return (self.steps[-1].after if self.steps else timedelta()) or LAST_WAIT

    @property
    def ack_timeout(self) -> timedelta | None:
        return None if self.ack_timeout_s is None else timedelta(seconds=self.ack_timeout_s)

    @property
    def ack_grace(self) -> timedelta:
        return timedelta(seconds=self.ack_grace_s)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "repeat": self.repeat,
            "ack_timeout_s": self.ack_timeout_s,
            "ack_grace_s": self.ack_grace_s,
            "wait_for_duty": self.wait_for_duty,
            "steps": [step.as_json() for step in self.steps],
        }


def read(stored: Mapping[str, Any]) -> Plan:
    """The plan in a ``Page.plan``."""
    return Plan(
        name=stored.get("name", ""),
        version=stored.get("version"),
        repeat=stored.get("repeat", 0),
        ack_timeout_s=stored.get("ack_timeout_s"),
        ack_grace_s=stored.get("ack_grace_s", ACK_GRACE.total_seconds()),
        wait_for_duty=stored.get("wait_for_duty", False),
        steps=tuple(_step(step) for step in stored.get("steps", ())),
    )


def _step(stored: Mapping[str, Any]) -> PlanStep:
    hours = stored.get("hours")
    return PlanStep(
        after_s=stored["after_s"],
        targets=tuple(Target(**target) for target in stored["targets"]),
        id=stored.get("id"),
        round_robin=stored.get("round_robin", False),
        everyone=stored.get("everyone", False),
        hours=hours and Hours(hours["time_zone"], tuple(hours["restrictions"]), hours["outside"]),
    )


def same_course(one: Plan, other: Plan) -> bool:
    """Whether two plans page the same targets at the same times in the same way; names may differ."""
    return _course(one) == _course(other)


def _course(plan: Plan) -> tuple:
    steps = [
        (
            step.after_s,
            [(target.kind, target.id, target.url) for target in step.targets],
            step.round_robin,
            step.everyone,
            step.hours and step.hours.as_json(),
        )
        for step in plan.steps
    ]
    return plan.repeat, plan.ack_timeout_s, plan.ack_grace_s, plan.wait_for_duty, steps
