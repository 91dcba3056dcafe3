"""From rows to a plan: the policy of a page is frozen when the page begins (field/oncall.md rule 23)."""

from django.db.models import Prefetch

from oncall.models import EscalationPolicy, Service, Step, StepTarget, Team, User
from oncall.plans.values import Hours, Plan, PlanStep, Target

#: All that a plan keeps of a target; whoever pages it reads the rest then.
_NAMES = ("user__username", "user__first_name", "user__last_name", "schedule__name", "team__name")


def freeze(policy: EscalationPolicy) -> Plan:
    """The policy as it stands now, in two queries."""
    targets = StepTarget.objects.select_related("user", "schedule", "team").only("step", "webhook", *_NAMES)
    steps = policy.steps.prefetch_related(Prefetch("targets", targets))
    timeout = policy.ack_timeout
    return Plan(
        name=policy.name,
        version=policy.version,
        repeat=policy.repeat,
        ack_timeout_s=None if timeout is None else timeout.total_seconds(),
        ack_grace_s=policy.ack_grace.total_seconds(),
        wait_for_duty=policy.wait_for_duty,
        steps=tuple(_step(step) for step in steps.order_by("position")),
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


def _step(step: Step) -> PlanStep:
    return PlanStep(
        id=step.pk,
        after_s=step.after.total_seconds(),
        targets=tuple(_target(target) for target in step.targets.all()),
        round_robin=step.round_robin,
        everyone=step.everyone,
        hours=Hours(step.time_zone, tuple(step.hours), step.outside_hours) if step.hours else None,
    )


def _target(target: StepTarget) -> Target:
    if target.webhook:
        return Target("webhook", target.webhook, url=target.webhook)
    for kind in ("user", "schedule", "team"):
        chosen = getattr(target, kind)
        if chosen is not None:
            return Target(kind, str(chosen), chosen.pk)
    raise ValueError(f"target {target.pk} names nothing")  # the database's constraint refuses it
