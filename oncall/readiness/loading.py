"""Everything that readiness looks at, in a constant number of queries."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.db.models import Prefetch, Q

from oncall import contacts, rotation, schedules
from oncall.models import (
    CalendarImport,
    EscalationPolicy,
    PortalSettings,
    Schedule,
    Service,
    Team,
    Urgency,
    User,
)
from oncall.readiness.spans import Span


@dataclass(frozen=True)
class State:
    """Schedules with who is on duty when, policies with their steps, people with their addresses."""

    whole: Span
    schedules: dict[int, Schedule]
    duty: dict[int, list[rotation.Segment]]
    policies: list[EscalationPolicy]
    teams: dict[int, Team]
    people: dict[str, User]
    services: list[Service]
    calendars: list[CalendarImport]
    settings: PortalSettings
    able: dict[str, bool] = field(default_factory=dict)

    def is_able(self, user: User) -> bool:
        """Whether a page could reach this person: active, with some way to her."""
        if user.username not in self.able:
            self.able[user.username] = user.is_active and bool(contacts.ways(user, Urgency.HIGH))
        return self.able[user.username]

    @cached_property
    def by_id(self) -> dict[int, User]:
        return {user.pk: user for user in self.people.values()}


def load(start: datetime, end: datetime) -> State:
    """As things stand now, with what the schedules say from ``start`` to ``end``."""
    rows = {schedule.pk: schedule for schedule in Schedule.objects.order_by("name")}
    plans = schedules.load_many(rows.values(), since=start)
    duty = {pk: rotation.final(plan, start, end) for pk, plan in plans.items()}
    policies = list(EscalationPolicy.objects.select_related("team").prefetch_related("steps__targets"))
    members = (Prefetch(name, User.objects.only("pk").order_by("pk")) for name in ("members", "admins"))
    teams = {team.pk: team for team in Team.objects.prefetch_related(*members)}
    portal = PortalSettings.load()
    return State(
        whole=(start, end),
        schedules=rows,
        duty=duty,
        policies=policies,
        teams=teams,
        people=_people(duty, policies, teams, portal),
        services=list(Service.objects.select_related("policy", "team").order_by("name")),
        calendars=list(CalendarImport.objects.defer("events").select_related("schedule")),
        settings=portal,
    )


def _people(
    duty: dict[int, list[rotation.Segment]],
    policies: list[EscalationPolicy],
    teams: dict[int, Team],
    portal: PortalSettings,
) -> dict[str, User]:
    """Everybody whom a page may reach, with addresses and rules."""
    names = {name for segments in duty.values() for segment in segments for name in segment.people}
    targets = [t for policy in policies for step in policy.steps.all() for t in step.targets.all()]
    ids = {target.user_id for target in targets} | {portal.catch_all_id}
    used = {target.team_id for target in targets} | {policy.team_id for policy in policies}
    ids |= {user.pk for pk in used & teams.keys() for user in teams[pk].members.all()}
    ids |= {user.pk for pk in used & teams.keys() for user in teams[pk].admins.all()}
    known = list(User.objects.filter(Q(username__in=names) | Q(pk__in=ids - {None})).order_by("pk"))
    contacts.load(known)
    return {user.username: user for user in known}
