"""Changing escalation policies, and what is wrong with one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from oncall.messaging.errors import DomainError
from oncall.models import EscalationPolicy, StepTarget

MOST_STEPS = 50

#: (wait before the step, its targets); a target is the one set field of a ``StepTarget``: {"user": alice}.
Steps = Sequence[tuple[timedelta, Sequence[dict[str, Any]]]]


@transaction.atomic
def set_steps(policy: EscalationPolicy, steps: Steps) -> bool:
    """Give the policy these steps in place of its own; whether anything changed.

    Pages under way keep what they began with. Raises ``DomainError``: ``bad_steps``.
    """
    _check(steps)
    wanted = [(after, [dict(target) for target in targets]) for after, targets in steps]
    if current(policy) == wanted:
        return False
    for step in policy.steps.all():
        step.delete()
    for position, (after, targets) in enumerate(wanted):
        step = policy.steps.create(position=position, after=after)
        for target in targets:
            step.targets.create(**target)
    return True


def current(policy: EscalationPolicy) -> list[tuple[timedelta, list[dict[str, Any]]]]:
    """The steps as they are, in the form that ``set_steps`` takes."""
    steps = policy.steps.prefetch_related("targets__user", "targets__schedule", "targets__team")
    return [(step.after, [_as_field(t) for t in step.targets.all()]) for step in steps.order_by("position")]


def _check(steps: Steps) -> None:
    if len(steps) > MOST_STEPS:
        raise DomainError("bad_steps", f"A policy has at most {MOST_STEPS} steps.")
    for number, (after, targets) in enumerate(steps, start=1):
        if not targets:
            raise DomainError("bad_steps", f"Step {number} pages nobody: name a target.")
        if after < timedelta():
            raise DomainError("bad_steps", f"Step {number} cannot wait a negative time.")
        for target in targets:
            _check_webhook(number, target.get("webhook"))


def _check_webhook(number: int, address: str | None) -> None:
    if address is None:
        return
    try:
        URLValidator(schemes=["http", "https"])(address)
    except ValidationError:
        raise DomainError("bad_steps", f"Step {number} has a webhook that is no http address.") from None


def _as_field(target: StepTarget) -> dict[str, Any]:
    for kind in ("user", "schedule", "team"):
        if getattr(target, f"{kind}_id"):
            return {kind: getattr(target, kind)}
    return {"webhook": target.webhook}
