"""The policy of a page, frozen when the page begins (field/oncall.md rule 23).

A plan holds references and order, not people: who is on call is asked when a step fires (rule 7). It keeps names
beside ids, so that a schedule deleted meanwhile can still be named (rule 16). As JSON, in ``Page.plan``::

    {"name": "Payments", "repeat": 1, "ack_timeout_s": 1800, "steps": [
        {"after_s": 0, "targets": [{"kind": "schedule", "id": 3, "name": "Payments primary"}]}]}

``kind`` is ``user``, ``team``, ``schedule`` or ``webhook``; a webhook has a ``url`` in place of an id.
"""

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from oncall.models import EscalationPolicy, Service, StepTarget, Team, User

#: How long the last step of a pass has for an answer when the policy gives it no time of its own.
LAST_WAIT = timedelta(minutes=5)


@dataclass(frozen=True)
class Target:
    """Whom or what a step pages."""

    kind: str
    name: str
    id: int | None = None
    url: str = ""


@dataclass(frozen=True)
class PlanStep:
    """Wait ``after_s`` since the step before fired, then page the targets."""

    after_s: float
    targets: tuple[Target, ...]

    @property
    def after(self) -> timedelta:
        return timedelta(seconds=self.after_s)


@dataclass(frozen=True)
class Plan:
    """Steps in order, gone through ``repeat`` more times."""

    name: str = ""
    repeat: int = 0
    ack_timeout_s: float | None = None
    steps: tuple[PlanStep, ...] = field(default=())

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

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"steps": [asdict(step) | {"targets": _listed(step)} for step in self.steps]}


def read(stored: dict[str, Any]) -> Plan:
    """The plan in a ``Page.plan``."""
    steps = [
        PlanStep(step["after_s"], tuple(Target(**target) for target in step["targets"]))
        for step in stored.get("steps", ())
    ]
    return Plan(stored.get("name", ""), stored.get("repeat", 0), stored.get("ack_timeout_s"), tuple(steps))


def freeze(policy: EscalationPolicy) -> Plan:
    """The policy as it stands now, in two queries."""
    steps = policy.steps.prefetch_related("targets__user", "targets__schedule", "targets__team")
    timeout = policy.ack_timeout
    return Plan(
        policy.name,
        policy.repeat,
        None if timeout is None else timeout.total_seconds(),
        tuple(
            PlanStep(step.after.total_seconds(), tuple(_target(target) for target in step.targets.all()))
            for step in steps.order_by("position")
        ),
    )


def direct(*, user: User | None = None, team: Team | None = None) -> Plan:
    """The plan of a page to one person or one team: a single step, at once. Neither: a plan without steps."""
    if user is not None:
        target = Target("user", str(user), user.pk)
    elif team is not None:
        target = Target("team", str(team), team.pk)
    else:
        return Plan()
    return Plan(name=target.name, steps=(PlanStep(0, (target,)),))


def begin(
    *, policy: EscalationPolicy | None, user: User | None, team: Team | None, service: Service | None
) -> tuple[Plan, EscalationPolicy | None, Team | None]:
    """(plan, policy, team) of a new page: its policy, else its person, else its team, else its service's policy.

    The team is the one whose admins are paged when nobody else can be: as given, else the policy's, else the
    service's.
    """
    if policy is None and user is None and team is None and service is not None:
        policy = service.policy
    plan = freeze(policy) if policy else direct(user=user, team=team)
    owner = team or (policy.team if policy else None) or (service.team if service else None)
    return plan, policy, owner


def same_course(one: Plan, other: Plan) -> bool:
    """Whether two plans page the same targets at the same times; names may differ."""
    return _course(one) == _course(other)


def _course(plan: Plan) -> tuple:
    steps = [(step.after_s, [(t.kind, t.id, t.url) for t in step.targets]) for step in plan.steps]
    return plan.repeat, plan.ack_timeout_s, steps


def _listed(step: PlanStep) -> list[dict[str, Any]]:
    return [asdict(target) for target in step.targets]  # JSON has lists: the same before and after storing


def _target(target: StepTarget) -> Target:
    if target.webhook:
        return Target("webhook", target.webhook, url=target.webhook)
    for kind in ("user", "schedule", "team"):
        chosen = getattr(target, kind)
        if chosen is not None:
            return Target(kind, str(chosen), chosen.pk)
    raise ValueError(f"target {target.pk} names nothing")  # the database's constraint refuses it
