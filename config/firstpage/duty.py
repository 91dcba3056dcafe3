"""Who is on call now, and who comes after."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from config.firstpage import links
from oncall import outlook, schedules
from oncall.edges import times
from oncall.models import Schedule, User
from oncall.outlook import Outlook

HANDOVER_SOON = timedelta(hours=2)
ROWS = 12


@dataclass(frozen=True)
class DutyRow:
    """One schedule: who has it until when, and who then. Nobody stands out."""

    schedule: Schedule
    url: str
    people: list[User]
    until: datetime | None
    then: list[User]
    soon: bool
    mine: bool


@dataclass(frozen=True)
class OwnDuty:
    """The viewer's own duty, for the header."""

    text: str
    title: str
    url: str


def on_call(user: User, now: datetime) -> tuple[list[DutyRow], int]:
    """The viewer's own schedules first, then those with nobody, then by name; and how many are left out."""
    made = [_row(found, user, now) for found in outlook.of(Schedule.objects.all(), now)]
    made.sort(key=lambda row: (not row.mine, bool(row.people), row.schedule.name.lower()))
    return made[:ROWS], max(len(made) - ROWS, 0)


def _row(found: Outlook, viewer: User, now: datetime) -> DutyRow:
    return DutyRow(
        schedule=found.schedule,
        url=links.page(found.schedule),
        people=list(found.people),
        until=found.until,
        then=list(found.then),
        soon=bool(found.until and found.until - now <= HANDOVER_SOON),
        mine=viewer in found.people,
    )


def own_duty(user: User, now: datetime, zone) -> OwnDuty | None:
    """``until 18:00`` while the viewer is on call anywhere; the first to end counts."""
    rows = list(Schedule.objects.all())
    found = schedules.on_call_now(rows, now)
    held = [(schedule, found[schedule.pk].until) for schedule in rows if user in found[schedule.pk].users]
    if not held:
        return None
    ends = [until for _, until in held if until]
    # Beyond a week the day is enough: the header has little room.
    until = times.clock(min(ends), now, zone).split(", ")[0] if ends else ""
    text = f"until {until}" if until else "always"
    title = ", ".join(schedule.name for schedule, _ in held)
    may_look = user.has_perm("oncall.view_schedule")
    return OwnDuty(text, f"On call for {title}", reverse("admin:oncall_my_shifts") if may_look else "")
