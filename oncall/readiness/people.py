"""Who is on duty, or named in a step, and cannot be reached as a page should reach her."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from oncall import contacts
from oncall.models import Schedule, User
from oncall.readiness.findings import AMBER, GREEN, RED, Finding
from oncall.readiness.loading import State
from oncall.readiness.spans import Span

NEEDS_WAYS = "Add an address to this person and verify it."
SEES_WAYS = "Look at this person’s addresses and rules."
KEEPS_OFF = "Take this person off the schedule, or have somebody cover."


@dataclass(frozen=True)
class Duty:
    """The first stretch in which a person is on call, and on which schedule."""

    schedule: Schedule
    span: Span


def findings(state: State) -> Iterable[Finding]:
    """One line for each fault of a person on duty or named in a step, and one for all who are in order."""
    first = _first_duties(state)
    named = _named_in_steps(state)
    people = [user for user in state.people.values() if user.username in first or user.pk in named]
    ready = 0
    for user in people:
        found = list(_faults(user, first.get(user.username)))
        ready += not found
        yield from found
    if ready:
        whom = "Everybody" if ready == len(people) else f"{ready} of {len(people)} people"
        text = "on duty or named in a step can be reached, for high and for low urgency."
        yield Finding(GREEN, "contacts", "Contacts", f"{whom} {text}")


def _faults(user: User, duty: Duty | None) -> Iterable[Finding]:
    when = {"spans": (duty.span,), "zone": duty.schedule.time_zone} if duty else {}
    about = {
        "about": str(user),
        "key": user.username,
        "path": f"/admin/oncall/user/{user.pk}/change/",
        **when,
    }
    where = f"on call on {duty.schedule}" if duty else "named in a step of a policy"
    if not user.is_active:
        todo = KEEPS_OFF if duty else "Take this person out of the policy."
        yield Finding(
            RED,
            "inactive",
            text=f"Deactivated, yet {where}: pages pass this person over.",
            todo=todo,
            **about,
        )
        return
    tone, todo = (AMBER, SEES_WAYS) if contacts.is_proven(user) else (RED, NEEDS_WAYS)
    for fault in contacts.readiness(user):
        yield Finding(tone, "contacts", text=f"{fault}; {where}.", todo=todo, **about)


def _first_duties(state: State) -> dict[str, Duty]:
    found: dict[str, Duty] = {}
    for pk, segments in state.duty.items():
        for segment in segments:
            for name in segment.people:
                if name not in found or segment.start < found[name].span[0]:
                    found[name] = Duty(
                        state.schedules[pk], (segment.start, _until(name, segment.start, segments))
                    )
    return found


def _until(name: str, start: datetime, segments: list) -> datetime:
    """When the stretch ends that begins at ``start``."""
    end = start
    for segment in segments:
        if segment.start == end and name in segment.people:
            end = segment.end
    return end


def _named_in_steps(state: State) -> set[int]:
    return {
        target.user_id
        for policy in state.policies
        for step in policy.steps.all()
        for target in step.targets.all()
        if target.user_id
    }
