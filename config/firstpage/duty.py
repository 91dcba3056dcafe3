"""Who is on call now, and who comes after."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from config.firstpage import links
from oncall import rotation, schedules
from oncall.edges import times
from oncall.models import Schedule, User

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
    rows = list(Schedule.objects.all())
    plans = schedules.load_many(rows, since=now)
    duties = {
        pk: (rotation.on_call_at(plan, now).people, rotation.next_change(plan, now))
        for pk, plan in plans.items()
    }
    after = {pk: rotation.on_call_at(plans[pk], until).people for pk, (_, until) in duties.items() if until}
    names = {name for people, _ in duties.values() for name in people} | {
        n for people in after.values() for n in people
    }
    users = {found.username: found for found in User.objects.filter(username__in=names)}
    made = [
        _row(schedule, *duties[schedule.pk], after.get(schedule.pk, ()), users, user, now)
        for schedule in rows
    ]
    made.sort(key=lambda row: (not row.mine, bool(row.people), row.schedule.name.lower()))
    return made[:ROWS], max(len(made) - ROWS, 0)


def _row(
    schedule: Schedule,
    people: tuple[str, ...],
    until: datetime | None,
    then: tuple[str, ...],
    users: dict[str, User],
    viewer: User,
    now: datetime,
) -> DutyRow:
    return DutyRow(
        schedule=schedule,
        url=links.page(schedule),
        people=[users[name] for name in people if name in users],
        until=until,
        then=[users[name] for name in then if name in users],
        soon=bool(until and until - now <= HANDOVER_SOON),
        mine=viewer.username in people,
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
    return OwnDuty(text, f"On call for {title}", links.listing(Schedule))
