"""``/admin/oncall/on-call/``: who is on call now on every schedule, until when, and who comes next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from oncall import clock, outlook
from oncall.admin.swaps import READS_SCHEDULES
from oncall.edges import times
from oncall.models import Schedule, Team, User
from oncall.outlook import Outlook

SOON = timedelta(hours=2)
NO_TEAM = "No team"
WHY_NOBODY = {
    "exception": "An exception left a gap.",
    "uncovered": "No layer covers this time.",
    "empty": "It has no layers yet.",
}


@dataclass(frozen=True)
class Row:
    """A schedule's line; ``there`` is the hand-over on the schedule's own clock, where that is another."""

    schedule: Schedule
    people: tuple[User, ...]
    until: datetime | None
    there: str
    then: tuple[User, ...]
    soon: bool
    why_nobody: str


@dataclass(frozen=True)
class Group:
    """A team with its schedules."""

    name: str
    rows: tuple[Row, ...]


def view(request: HttpRequest) -> HttpResponse:
    """Everybody's duty; ``?team=`` and ``?person=`` leave out the rest."""
    if not request.user.has_perm(READS_SCHEDULES):
        raise PermissionDenied
    now, team, person = clock.now(), request.GET.get("team", ""), request.GET.get("person", "").strip()
    teams = list(Team.objects.filter(schedules__isnull=False).distinct().order_by("name"))
    rows = [_row(found, now) for found in outlook.of(_asked(team), now)]
    shown = [row for row in rows if _is_about(row, person)]
    context = {
        **admin.site.each_context(request),
        "title": "Who is on call",
        "headline": _headline(rows, shown, person),
        "now": now,
        "groups": _groups(shown),
        "teams": teams,
        "team": team,
        "unknown_team": team if team and team not in {known.slug for known in teams} else "",
        "person": person,
        "filtered": bool(team or person),
        "may_add": request.user.has_perm("oncall.add_schedule"),
        "tab": "on-call",
    }
    return TemplateResponse(request, "admin/oncall/schedule/on_call.html", context)


def _asked(team: str) -> list[Schedule]:
    rows = Schedule.objects.select_related("team").order_by("team__name", "name")
    return list(rows.filter(team__slug=team) if team else rows)


def _row(found: Outlook, now: datetime) -> Row:
    zone = ZoneInfo(found.schedule.time_zone)
    other_clock = zone.key != timezone.get_current_timezone_name()
    there = f"{times.clock(found.until, now, zone)} in {times.city(zone.key)}" if found.until else ""
    return Row(
        schedule=found.schedule,
        people=found.people,
        until=found.until,
        there=there if other_clock else "",
        then=found.then,
        soon=bool(found.until and found.until - now <= SOON),
        why_nobody=WHY_NOBODY.get(found.why_nobody, ""),
    )


def _is_about(row: Row, person: str) -> bool:
    """Whether somebody of that name is on call now or next."""
    wanted = person.casefold()
    names = (f"{user} {user.username}".casefold() for user in (*row.people, *row.then))
    return not wanted or any(wanted in name for name in names)


def _groups(rows: list[Row]) -> list[Group]:
    """By team, in order of name; schedules of no team come last."""

    def team(row: Row) -> tuple[bool, str]:
        return row.schedule.team is None, str(row.schedule.team or NO_TEAM)

    return [Group(name, tuple(found)) for (_, name), found in groupby(sorted(rows, key=team), key=team)]


def _headline(rows: list[Row], shown: list[Row], person: str) -> str:
    """The news: how many schedules have nobody."""
    if person:
        return f"On call now or next: {len(shown)} of {len(rows)} schedule{'s' * (len(rows) != 1)}"
    empty = sum(not row.people for row in rows)
    if not rows:
        return "No schedules"
    if not empty:
        return "Everybody is covered"
    return f"Nobody on call on {empty} of {len(rows)} schedule{'s' * (len(rows) != 1)}"
