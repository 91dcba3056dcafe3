"""Whom a step pages, looked up when it fires (field/oncall.md rules 7, 12, 14, 16)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from oncall import rotation, schedules
from oncall.models import PortalSettings, Schedule, Team, User
from oncall.plans import Target


@dataclass
class Found:
    """People in order, each with why; the webhooks; and a sentence for every target that gave nobody."""

    people: dict[User, str] = field(default_factory=dict)
    webhooks: list[str] = field(default_factory=list)
    nobody: list[str] = field(default_factory=list)

    def add(self, users: Iterable[User], *, why: str, otherwise: str) -> None:
        """Add those who are active; a person named twice keeps the first reason (rule 8)."""
        users = list(users)
        active = [user for user in users if user.is_active]
        self.nobody += [f"{user} is deactivated" for user in users if not user.is_active]
        if not users:
            self.nobody.append(otherwise)
        for user in active:
            self.people.setdefault(user, why)


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
        found.add(team.admins.order_by("pk"), why=f"Admin of {team}", otherwise=f"{team} has no admins")
    return found


def catch_all() -> Found:
    """The second and last one."""
    found = Found()
    person = PortalSettings.load().catch_all
    found.add([person] if person else [], why="The portal's catch-all", otherwise="There is no catch-all")
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
        found.add(members, why=f"Member of {team}", otherwise=f"{team} has no members")


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
        found.add([user], why=_why_on_call(schedule, reason), otherwise="")


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


_LOOK_UPS: dict[str, Callable[[Found, Target, datetime], None]] = {
    "user": _user,
    "team": _team,
    "schedule": _schedule,
}
