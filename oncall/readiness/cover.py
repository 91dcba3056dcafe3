"""When a policy reaches nobody, and when a schedule that one uses has nobody on call."""

from collections.abc import Iterable
from itertools import chain

from oncall.models import EscalationPolicy, Step, StepTarget
from oncall.plans.values import Hours
from oncall.readiness import spans
from oncall.readiness.findings import AMBER, GREEN, RED, Finding
from oncall.readiness.loading import State
from oncall.readiness.spans import Span


def findings(state: State) -> Iterable[Finding]:
    """Policies first, since a gap matters where no other step stands in."""
    yield from _policies(state)
    yield from _gaps(state)


def _policies(state: State) -> Iterable[Finding]:
    whole = 0
    for policy in state.policies:
        path = f"/admin/oncall/escalationpolicy/{policy.pk}/change/"
        about = {"about": str(policy), "key": policy.slug, "path": path, "zone": _zone(policy, state)}
        steps = list(policy.steps.all())
        reached = [covered(step, state) for step in steps]
        open_ = spans.without(state.whole, chain.from_iterable(reached))
        whole += not open_
        if open_:
            text, todo = _reaches_nobody(policy, steps, open_, state)
            yield Finding(RED, "policies", text=text, todo=todo, spans=tuple(open_), **about)
        for number, step_spans in enumerate(reached, 1):
            if not step_spans and open_ != [state.whole]:
                text = f"Step {number} reaches nobody in all this time, so it is passed over."
                yield Finding(
                    AMBER, "steps", text=text, todo="Give it another target, or delete it.", **about
                )
    if whole:
        of_all = "Each reaches" if whole == len(state.policies) else f"{whole} of {len(state.policies)} reach"
        yield Finding(GREEN, "policies", "Policies", f"{of_all} somebody at any time.")


def _reaches_nobody(
    policy: EscalationPolicy, steps: list[Step], open_: list[Span], state: State
) -> tuple[str, str]:
    """What is wrong with a policy, who stands in, and what to do."""
    if not steps:
        text, todo = "Has no steps, so it pages nobody.", "Add a step."
    elif open_ == [state.whole]:
        text = "None of its steps reaches anybody."
        todo = "Give a step a person who can be reached."
    else:
        text = "At times none of its steps reaches anybody."
        todo = "Close the gap in its schedule, or add a step that reaches somebody then."
    admins = state.teams[policy.team_id].admins.all() if policy.team_id else ()
    known = [state.by_id[admin.pk] for admin in admins if admin.pk in state.by_id]
    catch_all = state.by_id.get(state.settings.catch_all_id)
    if any(state.is_able(user) for user in known):
        return f"{text} Only the admins of {policy.team} stand in.", todo
    if catch_all and state.is_able(catch_all):
        return f"{text} Only the catch-all, {catch_all}, stands in.", todo
    return f"{text} Nobody stands in.", todo


def covered(step: Step, state: State) -> list[Span]:
    """When a step reaches a person; a webhook reaches none, a step passed outside its hours nobody then."""
    reached = spans.union(chain.from_iterable(_reached(target, state) for target in step.targets.all()))
    if not step.hours or step.outside_hours == Step.Outside.HOLD:
        return reached
    return spans.common(reached, _open(Hours(step.time_zone, tuple(step.hours)), state.whole))


def _open(hours: Hours, whole: Span) -> list[Span]:
    """When a step's hours are open, within a time."""
    found, opens = [], hours.opening(whole[0])
    while opens is not None and opens < whole[1]:
        closes = hours.closing(opens)
        found.append((opens, min(closes, whole[1])))
        opens = hours.opening(closes) if closes > opens else None
    return found


def _reached(target: StepTarget, state: State) -> list[Span]:
    if target.schedule_id:
        return [(s.start, s.end) for s in state.duty[target.schedule_id] if _any_able(s.people, state)]
    team = state.teams.get(target.team_id)
    ids = [member.pk for member in team.members.all()] if team else [target.user_id]
    able = any(state.is_able(state.by_id[pk]) for pk in ids if pk in state.by_id)
    return [state.whole] if able else []


def _any_able(names: Iterable[str], state: State) -> bool:
    return any(state.is_able(state.people[name]) for name in names if name in state.people)


def _gaps(state: State) -> Iterable[Finding]:
    """Of schedules that a policy uses. Amber: where it matters, the policy's line is red."""
    used = [pk for pk in state.schedules if pk in _used(state)]
    torn = {pk: gaps for pk in used if (gaps := _nobody(pk, state))}
    for pk, gaps in torn.items():
        schedule = state.schedules[pk]
        always = gaps == (state.whole,)
        yield Finding(
            AMBER,
            "gaps",
            str(schedule),
            "Nobody is on call in all this time." if always else "Nobody is on call at times.",
            "Add a layer, or an exception for the time; or leave it to a later step of the policy.",
            key=schedule.slug,
            path=f"/admin/oncall/schedule/{pk}/change/",
            spans=gaps,
            zone=schedule.time_zone,
        )
    whole = len(used) - len(torn)
    if whole:
        of_all = (
            "Each that a policy uses has" if not torn else f"{whole} of {len(used)} that a policy uses have"
        )
        yield Finding(GREEN, "gaps", "Schedules", f"{of_all} somebody on call at any time.")


def _nobody(pk: int, state: State) -> tuple[Span, ...]:
    return tuple((segment.start, segment.end) for segment in state.duty[pk] if not segment.people)


def _used(state: State) -> set[int]:
    targets = (t for policy in state.policies for step in policy.steps.all() for t in step.targets.all())
    return {target.schedule_id for target in targets if target.schedule_id}


def _zone(policy: EscalationPolicy, state: State) -> str:
    """That of its schedules where they have one, else UTC."""
    targets = (target for step in policy.steps.all() for target in step.targets.all())
    zones = {state.schedules[t.schedule_id].time_zone for t in targets if t.schedule_id}
    return zones.pop() if len(zones) == 1 else "UTC"
