"""Whom a step pages, looked up when it fires (field/oncall.md rules 7, 12, 14, 16)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oncall import contacts, rotation, schedules
from oncall.contacts import Way
from oncall.course import Stop
from oncall.models import PortalSettings, Schedule, Step, Team, User
from oncall.plans import Plan, PlanStep, Target


@dataclass
class Found:
    """People in order, each with why; the webhooks; and a sentence for every target that gave nobody.

    ``about`` holds as data why somebody is on call: ``{"schedule", "layer", "turn", "exceptions"}``. Whoever is
    ``beside`` is paged in addition to what the targets lead to.
    """

    people: dict[User, str] = field(default_factory=dict)
    about: dict[User, dict[str, Any]] = field(default_factory=dict)
    webhooks: list[str] = field(default_factory=list)
    nobody: list[str] = field(default_factory=list)
    beside: list[User] = field(default_factory=list)

    def add(self, users: Iterable[User], *, why: str, otherwise: str, **about: Any) -> None:
        """Add those who are active; a person named twice keeps the first reason (rule 8)."""
        users = list(users)
        active = [user for user in users if user.is_active]
        self.nobody += [f"{user} is deactivated" for user in users if not user.is_active]
        if not users:
            self.nobody.append(otherwise)
        for user in active:
            if user not in self.people:
                self.people[user], self.about[user] = why, about


def look_up(targets: Iterable[Target], *, at: datetime) -> Found:
    """The people of ``targets`` at an instant: on call on a schedule, members of a team, or named."""
    found = Found()
    for target in targets:
        if target.kind == "webhook":
            found.webhooks.append(target.url)
        else:
            _LOOK_UPS[target.kind](found, target, at)
    return found


def team_admins(team: Team | None) -> Found:
    """The first last resort (rule 13)."""
    found = Found()
    if team is None:
        found.nobody.append("No team answers for this page")
    else:
        admins = team.admins.order_by("pk")
        found.add(admins, why=f"Admin of {team}", otherwise=f"{team} has no admins", team=team.slug)
    return found


def catch_all() -> Found:
    """The second and last one."""
    found = Found()
    person = PortalSettings.load().catch_all
    found.add([person] if person else [], why="The portal's catch-all", otherwise="There is no catch-all")
    return found


def next_duty(targets: Iterable[Target], at: datetime) -> datetime | None:
    """From when somebody is on call on one of the schedules among ``targets``; ``at`` itself: now. None: never."""
    keys = [target.id for target in targets if target.kind == "schedule"]
    begins = []
    for schedule in Schedule.objects.filter(pk__in=keys):
        on_call = schedules.on_call(schedule, at)
        begins.append(at if on_call.users else on_call.until)
    return min((begin for begin in begins if begin), default=None)


@dataclass
class Directory:
    """The answers of rows to what a page's course asks (``course.Asks``).

    ``owner`` is whoever acknowledged the page and let it lie: she is paged beside whoever is on call (rule 19).
    ``locks``: the turns of a round robin are held until the transaction ends, for whoever is about to move them.
    ``taken`` are turns that a forecast has moved on, in memory only.
    """

    team: Team | None
    urgency: str
    owner: User | None = None
    locks: bool = False
    taken: dict[int | None, Mapping[str, int]] = field(default_factory=dict)

    def step(self, step: PlanStep, *, at: datetime, opening: bool) -> Found:
        """Whom the step pages."""
        found = look_up(step.targets, at=at)
        if opening and self.owner and self.owner not in found.people:
            found.add([self.owner], why="Acknowledged it before", otherwise="")
            found.beside.append(self.owner)
        return _with_contacts(found)

    def admins(self) -> Found:
        """The team's admins."""
        return _with_contacts(team_admins(self.team))

    def catch_all(self) -> Found:
        """The portal's catch-all."""
        return _with_contacts(catch_all())

    def ways(self, person: User, *, at: datetime) -> list[Way]:
        """How the person is reached at this urgency."""
        return contacts.hold(person, contacts.ways(person, self.urgency), urgency=self.urgency, at=at)

    def next_duty(self, step: PlanStep, at: datetime) -> datetime | None:
        """From when somebody is on call on one of the step's schedules."""
        return next_duty(step.targets, at)

    def turns(self, step: PlanStep) -> Mapping[str, int]:
        """Whose turn it was when, by the policy's own step; none where that is gone."""
        if step.id in self.taken:
            return self.taken[step.id]
        rows = Step.objects.select_for_update() if self.locks else Step.objects.all()
        return rows.filter(pk=step.id).values_list("turns", flat=True).first() or {}

    def foresee(self, plan: Plan, stop: Stop) -> None:
        """Go on as if this had happened: whoever was picked has had her turn."""
        if stop.round_robin_of is not None and stop.people:
            step = plan.steps[stop.step]
            self.taken[step.id] = turn_taken(self.turns(step), stop.people[0].person)


def turn_taken(turns: Mapping[str, int], person: User) -> dict[str, int]:
    """The turns after this person has had hers."""
    return {**turns, str(person.pk): max(turns.values(), default=0) + 1}


def _with_contacts(found: Found) -> Found:
    contacts.load(found.people)
    return found


def _user(found: Found, target: Target, at: datetime) -> None:
    users = User.objects.filter(pk=target.id)
    found.add(users, why="Named in the step", otherwise=f"{target.name} was deleted")


def _team(found: Found, target: Target, at: datetime) -> None:
    team = Team.objects.filter(pk=target.id).first()
    if team is None:
        found.nobody.append(f"The team {target.name} was deleted")
    else:
        members = team.members.order_by("pk")
        found.add(members, why=f"Member of {team}", otherwise=f"{team} has no members", team=team.slug)


def _schedule(found: Found, target: Target, at: datetime) -> None:
    schedule = Schedule.objects.filter(pk=target.id).first()
    if schedule is None:
        found.nobody.append(f"The schedule {target.name} was deleted")
        return
    on_call = schedules.on_call(schedule, at)
    if not on_call.users:
        found.nobody.append(f"Nobody is on call in {schedule}")
    for user in on_call.users:
        reason = next((reason for reason in on_call.reasons if reason.user == user.username), None)
        about = _as_data(schedule, reason)
        found.add([user], why=_why_on_call(schedule, reason), otherwise="", **about)


def _why_on_call(schedule: Schedule, reason: rotation.Reason | None) -> str:
    """The layer, the turn and the exceptions that put a person on call (rule 34)."""
    parts = []
    if reason and reason.layer:
        parts.append(f"layer {reason.layer}")
    if reason and reason.turn is not None:
        parts.append(f"turn {reason.turn + 1}")
    if reason and reason.exceptions:
        parts.append(f"by exception {', '.join(str(key) for key in reason.exceptions)}")
    return f"On call in {schedule}" + (f": {', '.join(parts)}" if parts else "")


def _as_data(schedule: Schedule, reason: rotation.Reason | None) -> dict[str, Any]:
    if reason is None:
        return {"schedule": schedule.slug}
    turn = None if reason.turn is None else reason.turn + 1
    return {
        "schedule": schedule.slug,
        "layer": reason.layer,
        "turn": turn,
        "exceptions": list(reason.exceptions),
    }


_LOOK_UPS: dict[str, Callable[[Found, Target, datetime], None]] = {
    "user": _user,
    "team": _team,
    "schedule": _schedule,
}
