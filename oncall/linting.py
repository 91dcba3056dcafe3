"""What is weak in an escalation policy: sentences for whoever saves it. They warn and refuse nothing.

Source: field/oncall.md section 1.1, "policy linter", and section 5, rules 12 to 15 and 31.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import accumulate

from oncall import contacts, plans, schedules
from oncall.course import LONGEST_HOLD
from oncall.models import EscalationPolicy, PortalSettings, Schedule, Step, Team, Urgency, User
from oncall.plans import Hours, Plan, PlanStep

#: How far ahead schedules are looked at.
AHEAD = timedelta(days=30)
#: Who is paged next should come within this; whoever is asleep needs it to wake.
SHORTEST_WAIT = timedelta(minutes=1)


def warnings(policy: EscalationPolicy, *, at: datetime) -> list[str]:
    """What may leave somebody unpaged, in the order of the steps; empty: nothing was found."""
    plan = plans.freeze(policy)
    people = _People(plan)
    if not plan.steps:
        return [f"{policy} has no steps: it pages nobody but {_after_the_steps(policy)}."]
    found = [
        *_adds_nobody(plan, people),
        *_hours(plan, at),
        *_gaps(plan, people, at),
        *_reach(plan, people),
        *_turns(plan, people),
        *_pace(plan),
        *_ends(policy, plan, people),
    ]
    return list(dict.fromkeys(found))


class _People:
    """Whom the targets of a plan can lead to, whoever is on duty when; loaded once."""

    def __init__(self, plan: Plan) -> None:
        keys = {"user": set(), "team": set(), "schedule": set()}
        for target in (target for step in plan.steps for target in step.targets):
            if target.kind in keys:
                keys[target.kind].add(target.id)
        self.users = User.objects.prefetch_related("contacts", "rules__contact").in_bulk(keys["user"])
        members = "members__contacts", "members__rules__contact"
        self.teams = Team.objects.prefetch_related("members", *members).in_bulk(keys["team"])
        self.schedules = Schedule.objects.in_bulk(keys["schedule"])

    def fixed(self, step: PlanStep) -> list[User]:
        """Those who are paged whoever is on duty: named, or members of a team."""
        found: list[User] = []
        for target in step.targets:
            if target.kind == "user" and target.id in self.users:
                found.append(self.users[target.id])
            elif target.kind == "team" and target.id in self.teams:
                found += self.teams[target.id].members.all()
        return list(dict.fromkeys(found))

    def teams_of(self, step: PlanStep) -> list[Team]:
        """The teams that the step names."""
        keys = [target.id for target in step.targets if target.kind == "team"]
        return [self.teams[key] for key in keys if key in self.teams]

    def on(self, step: PlanStep) -> list[Schedule]:
        """The schedules that the step asks."""
        keys = [target.id for target in step.targets if target.kind == "schedule"]
        return [self.schedules[key] for key in keys if key in self.schedules]

    def sure(self, step: PlanStep) -> bool:
        """Whether somebody who can be reached is paged by this step at any time."""
        return step.hours is None and any(_can_be_reached(user) for user in self.fixed(step))


def _can_be_reached(user: User) -> bool:
    return user.is_active and bool(contacts.ways(user, Urgency.HIGH))


def _numbered(plan: Plan) -> Iterable[tuple[str, PlanStep]]:
    return [(f"Step {number}", step) for number, step in enumerate(plan.steps, start=1)]


# -- the checks --------------------------------------------------------------------------------------------
def _adds_nobody(plan: Plan, people: _People) -> Iterator[str]:
    """A step whose people earlier steps page for certain: nothing is left for it to do."""
    before: set[tuple] = set()
    for name, step in _numbered(plan):
        members = {("user", user.pk) for user in people.fixed(step)}
        asked = members | {("schedule", schedule.pk) for schedule in people.on(step)}
        tells = any(target.kind == "webhook" for target in step.targets)
        if asked and asked <= before and not tells:
            yield f"{name} adds nobody: earlier steps page everybody in it."
        if step.hours is None and not step.round_robin:
            before |= asked


def _hours(plan: Plan, at: datetime) -> Iterator[str]:
    """Hours that never begin, and steps that all stay silent at the same time."""
    for name, step in _numbered(plan):
        if step.hours and step.hours.opening(at) is None:
            yield f"{name} pages nobody: its hours never begin."
    if all(step.hours and step.hours.outside == plans.SKIP for step in plan.steps):
        yield "Outside their hours all steps are skipped: a page then goes to the last resort at once."


def _gaps(plan: Plan, people: _People, at: datetime) -> Iterator[str]:
    """A schedule with nobody on call at some time, and no later step that is sure to reach somebody."""
    for number, (name, step) in enumerate(_numbered(plan)):
        on_call = people.on(step)
        if not on_call or people.sure(step):
            continue
        gap = _common_gap(on_call, step.hours, at)
        if gap is None:
            continue
        names = " and ".join(str(schedule) for schedule in on_call)
        if gap == "never":
            yield f"{name} pages nobody within its hours: nobody is on call in {names} then."
        elif not any(people.sure(later) for later in plan.steps[number + 1 :]):
            yield f"{name}: nobody is on call in {names} {gap}, and no later step is sure to reach somebody."


def _common_gap(on_call: list[Schedule], hours: Hours | None, at: datetime) -> str | None:
    """When nobody is on call on any of the schedules while the hours are open, in words; None: never."""
    holes = [(gap.start, gap.end) for gap in schedules.gaps(on_call[0], at, at + AHEAD)]
    for schedule in on_call[1:]:
        others = [(gap.start, gap.end) for gap in schedules.gaps(schedule, at, at + AHEAD)]
        holes = [(max(a, c), min(b, d)) for a, b in holes for c, d in others if max(a, c) < min(b, d)]
    open_ = [(at, at + AHEAD)] if hours is None else list(_openings(hours, at))
    silent = [(max(a, c), min(b, d)) for a, b in holes for c, d in open_ if max(a, c) < min(b, d)]
    if not silent:
        return None
    if hours and sum((b - a for a, b in silent), timedelta()) == sum((b - a for a, b in open_), timedelta()):
        return "never"
    start, end = silent[0]
    return f"from {start:%a %d %b %H:%M} to {end:%a %d %b %H:%M} UTC"


def _openings(hours: Hours, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When the hours are open in the coming two weeks."""
    opens = hours.opening(at)
    while opens and opens < at + LONGEST_HOLD:
        closes = hours.closing(opens)
        yield opens, closes
        opens = hours.opening(closes) if closes > opens else None


def _reach(plan: Plan, people: _People) -> Iterator[str]:
    """Programs only, people who are gone, and people without a verified contact."""
    kinds = {target.kind for step in plan.steps for target in step.targets}
    if kinds == {"webhook"}:
        yield "It tells programs only: no step pages a person."
    for name, step in _numbered(plan):
        if kinds != {"webhook"} and all(target.kind == "webhook" for target in step.targets):
            yield f"{name} tells programs only: nobody is paged by it."
        for team in people.teams_of(step):
            if not team.members.all():
                yield f"{name}: {team} has no members."
        for user in people.fixed(step):
            if not user.is_active:
                yield f"{name}: {user} is deactivated."
            elif not any(contacts.is_usable(contact) for contact in user.contacts.all()):
                way = (
                    "only by the account's e-mail address"
                    if contacts.ways(user, Urgency.HIGH)
                    else "not at all"
                )
                yield f"{name}: {user} has no verified contact and is reached {way}."


def _turns(plan: Plan, people: _People) -> Iterator[str]:
    for name, step in _numbered(plan):
        if step.round_robin and not people.on(step) and len(people.fixed(step)) < 2:
            yield f"{name} goes round robin, but has nobody to take turns with."


def _pace(plan: Plan) -> Iterator[str]:
    """Steps that come at once: nobody has time to answer before the next is paged."""
    waits = [step.after for step in plan.steps[1:]]
    if waits and not any(waits) and plan.repeat:
        yield "All steps come at once and again: nobody has time to answer before the next is paged."
    else:
        for number, wait in enumerate(waits, start=2):
            if wait < SHORTEST_WAIT:
                yield f"Step {number} comes {_soon(wait)} after step {number - 1}: nobody can answer that fast."


def _soon(wait: timedelta) -> str:
    return f"{wait.total_seconds():g} s" if wait else "at once"


def _ends(policy: EscalationPolicy, plan: Plan, people: _People) -> Iterator[str]:
    if not any(people.sure(step) for step in plan.steps) and PortalSettings.load().catch_all is None:
        admins = policy.team and policy.team.admins.filter(is_active=True).exists()
        if not admins:
            yield "Where its steps reach nobody, nobody is left: no admins of its team and no catch-all."
    total = list(accumulate((step.after for step in plan.steps), initial=timedelta()))[-1]
    if total >= timedelta(hours=4):
        hours = total.total_seconds() / 3600
        yield f"Its last step comes {hours:g} h after the first: that is long to wait for an answer."


def _after_the_steps(policy: EscalationPolicy) -> str:
    return (
        f"the admins of {policy.team}, then the portal's catch-all"
        if policy.team
        else "the portal's catch-all"
    )


# -- people who leave --------------------------------------------------------------------------------------
def left_behind(user: User, *, at: datetime) -> list[str]:
    """Where a person who is deactivated is still counted on: steps that name her, shifts to come (rule 14)."""
    steps = Step.objects.filter(targets__user=user).select_related("policy").distinct()
    found = [f"{user} is named in step {step.position + 1} of {step.policy}." for step in steps]
    for schedule in schedules.naming(user):
        ahead = schedules.final(schedule, at, at + AHEAD)
        first = next((segment for segment in ahead if user.username in segment.people), None)
        if first:
            found.append(f"{user} is on call in {schedule} from {first.start:%a %d %b %H:%M} UTC.")
    return found
