"""Changing escalation policies, and refusing what makes no sense; what is merely weak: ``oncall.linting``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from oncall import rotation
from oncall.messaging.errors import DomainError
from oncall.models import EscalationPolicy, Step, StepTarget, User
from oncall.models.fields import check_time_zone
from oncall.rotation import FormError

MOST_STEPS = 50
MOST_WINDOWS = 20
PORTS = {"http": 80, "https": 443}

#: One set field of a ``StepTarget``: {"user": alice}, {"schedule": primary}, {"team": …} or {"webhook": "https://…"}.
Target = Mapping[str, Any]


@dataclass(frozen=True)
class StepForm:
    """A step as it is asked for: the wait before it, its targets, and how it pages them.

    ``hours`` are windows as in a schedule's layer (contract.md section 4) on the clock of ``time_zone``.
    """

    after: timedelta
    targets: Sequence[Target]
    round_robin: bool = False
    everyone: bool = False
    hours: Sequence[Mapping[str, Any]] = ()
    time_zone: str = "UTC"
    outside_hours: str = Step.Outside.SKIP

    @property
    def columns(self) -> dict[str, Any]:
        """Everything but the targets, as the row holds it."""
        return {
            "after": self.after,
            "round_robin": self.round_robin,
            "everyone": self.everyone,
            "hours": [dict(window) for window in self.hours],
            "time_zone": self.time_zone,
            "outside_hours": self.outside_hours,
        }


def save(policy: EscalationPolicy, *, by: User | None = None) -> bool:
    """Save what a policy says besides its steps, as a new version; False if it says the same as before."""
    before = EscalationPolicy.objects.filter(pk=policy.pk).values().first()
    if before == {field.attname: getattr(policy, field.attname) for field in policy._meta.concrete_fields}:
        return False
    _save(policy, by)
    return True


@transaction.atomic
def set_steps(
    policy: EscalationPolicy, steps: Sequence[StepForm], *, same_version: bool = False, by: User | None = None
) -> bool:
    """Give the policy these steps in place of its own; whether anything changed.

    A step that stays at its place stays the same row, with whose turn it is in a round robin. Pages under way keep
    what they began with. ``same_version``: the policy has been saved just now. Raises ``DomainError``:
    ``bad_steps``.
    """
    wanted = [_checked(number, step) for number, step in enumerate(steps, start=1)]
    if len(wanted) > MOST_STEPS:
        raise DomainError("bad_steps", f"A policy has at most {MOST_STEPS} steps.")
    if current(policy) == wanted:
        return False
    rows = {row.position: row for row in policy.steps.prefetch_related("targets")}
    for position, step in enumerate(wanted):
        _write(rows.pop(position, None) or Step(policy=policy, position=position), step, by)
    for row in rows.values():
        _delete(row, by)
    if not same_version:
        _save(policy, by)
    return True


def current(policy: EscalationPolicy) -> list[StepForm]:
    """The steps as they are, in the form that ``set_steps`` takes."""
    steps = policy.steps.prefetch_related("targets__user", "targets__schedule", "targets__team")
    return [form_of(step) for step in steps.order_by("position")]


def form_of(step: Step) -> StepForm:
    """One step in that form; of what has no hours the rest of them says nothing."""
    return StepForm(
        after=step.after,
        targets=[_as_field(target) for target in step.targets.all()],
        round_robin=step.round_robin,
        everyone=step.everyone,
        hours=list(step.hours),
        time_zone=step.time_zone if step.hours else "UTC",
        outside_hours=step.outside_hours if step.hours else Step.Outside.SKIP,
    )


# -- writing -----------------------------------------------------------------------------------------------
def _write(row: Step, step: StepForm, by: User | None) -> None:
    if row.pk is None or any(getattr(row, name) != value for name, value in step.columns.items()):
        for name, value in step.columns.items():
            setattr(row, name, value)
        new = row.pk is None
        # Not the turns: the engine may move them at this moment.
        _save(row, by, **({} if new else {"update_fields": list(step.columns)}))
    targets = list(row.targets.all())
    if [_as_field(target) for target in targets] == list(step.targets):
        return
    for target in targets:
        _delete(target, by)
    for target in step.targets:
        _save(StepTarget(step=row, **target), by)


def _save(row: Any, by: User | None, **options: Any) -> None:
    if by is not None:
        row._history_user = by
    row.save(**options)


def _delete(row: Any, by: User | None) -> None:
    if by is not None:
        row._history_user = by
    row.delete()


def _as_field(target: StepTarget) -> dict[str, Any]:
    for kind in ("user", "schedule", "team"):
        if getattr(target, f"{kind}_id"):
            return {kind: getattr(target, kind)}
    return {"webhook": target.webhook}


# -- checking ----------------------------------------------------------------------------------------------
def _checked(number: int, step: StepForm) -> StepForm:
    """The step with its hours as they are stored. Raises ``DomainError("bad_steps")``."""
    name = f"Step {number}"
    if not step.targets:
        raise DomainError("bad_steps", f"{name} pages nobody: name a target.")
    if step.after < timedelta():
        raise DomainError("bad_steps", f"{name} cannot wait a negative time.")
    if step.round_robin and step.everyone:
        raise DomainError(
            "bad_steps", f"{name} pages one person in turn, so it cannot ask everyone to acknowledge."
        )
    for target in step.targets:
        if "webhook" in target:
            _check_webhook(name, target["webhook"])
    hours = checked_hours(step.hours, where=f"{name}, hours")
    return StepForm(
        after=step.after,
        targets=[dict(target) for target in step.targets],
        round_robin=step.round_robin,
        everyone=step.everyone,
        hours=hours,
        time_zone=_checked_zone(name, step.time_zone) if hours else "UTC",
        outside_hours=step.outside_hours if hours else Step.Outside.SKIP,
    )


def checked_hours(hours: Any, *, where: str = "hours") -> list[dict[str, Any]]:
    """Windows as they are stored. Raises ``DomainError("bad_steps")`` that says where the fault is."""
    if not isinstance(hours, list | tuple) or len(hours) > MOST_WINDOWS:
        raise DomainError("bad_steps", f"{where}: a list of at most {MOST_WINDOWS} windows.")
    try:
        windows = [rotation.restriction(row, f"{where}[{place}]") for place, row in enumerate(hours)]
    except FormError as fault:
        raise DomainError("bad_steps", f"{fault}.") from None
    return [rotation.dump_restriction(window) for window in windows]


def _checked_zone(name: str, zone: str) -> str:
    try:
        check_time_zone(zone)
    except ValidationError as fault:
        raise DomainError("bad_steps", f"{name}: {fault.message}") from None
    return zone


def _check_webhook(name: str, address: str) -> None:
    try:
        URLValidator(schemes=["http", "https"])(address)
    except ValidationError:
        raise DomainError("bad_steps", f"{name} has a webhook that is no http address.") from None
    if is_our_own(address):
        raise DomainError(
            "bad_steps",
            f"{name} has a webhook to this portal itself: a page would raise the next alert for ever.",
        )


def is_our_own(address: str) -> bool:
    """Whether an address leads to this portal: the public one, or its port on this machine."""
    ours, theirs = urlsplit(settings.PUBLIC_URL), urlsplit(address)
    places = {(ours.hostname, ours.port or PORTS.get(ours.scheme))}
    places |= {(host, settings.PORT) for host in ("localhost", "127.0.0.1", "::1", settings.BIND)}
    return (theirs.hostname, theirs.port or PORTS.get(theirs.scheme)) in places
