"""Who was and will be on call in a time, for many schedules: the past from the log, the rest computed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from oncall import rotation, schedules
from oncall.load.counting import Duty
from oncall.models import DutyLog, Schedule, Team, User


@dataclass(frozen=True)
class Scope:
    """Which schedules: those of a team, a single one, or all."""

    team: Team | None = None
    schedule: Schedule | None = None

    @property
    def is_all(self) -> bool:
        return self.team is None and self.schedule is None

    def schedules(self) -> QuerySet[Schedule]:
        found = Schedule.objects.order_by("pk")
        if self.team:
            found = found.filter(team=self.team)
        return found.filter(pk=self.schedule.pk) if self.schedule else found

    def log(self, log: QuerySet[DutyLog]) -> QuerySet[DutyLog]:
        """Its entries of a log. Deleted schedules count for the team that owned them last."""
        if self.schedule:
            log = log.filter(schedule=self.schedule)
        if self.team:
            is_there = Exists(Schedule.objects.filter(pk=OuterRef("schedule_id")))
            log = log.filter(Q(schedule__in=self.schedules()) | (Q(team=self.team) & ~is_there))
        return log


@dataclass(frozen=True)
class Person:
    """Somebody on call; without ``is_here`` the account is gone, and name and zone are those of the log."""

    pk: int
    username: str
    name: str
    time_zone: str
    is_active: bool = True
    is_here: bool = True


@dataclass(frozen=True)
class Named:
    """A schedule; without ``is_here`` it is gone, and the names are those of the log."""

    pk: int
    slug: str
    name: str
    is_here: bool = True


@dataclass
class Duties:
    """Everybody's duties in a time, with the people and the schedules they name, and the plans of the living."""

    duties: list[Duty] = field(default_factory=list)
    people: dict[int, Person] = field(default_factory=dict)
    schedules: dict[int, Named] = field(default_factory=dict)
    plans: dict[int, rotation.Schedule] = field(default_factory=dict)
    by_username: dict[str, int] = field(default_factory=dict)

    def of_each(self) -> dict[int, list[Duty]]:
        """The duties by the people's numbers."""
        found: dict[int, list[Duty]] = {}
        for duty in self.duties:
            found.setdefault(duty.user, []).append(duty)
        return found


def gather(scope: Scope, start: datetime, end: datetime, *, at: datetime) -> Duties:
    """The duties between two instants, cut to them, as known at ``at``; as many queries for one as for many.

    Where the log does not reach, the schedule's present configuration answers: for what is ahead, and for what
    passed after the schedule was made and before its log began.
    """
    found = Duties()
    living = list(_with_log(scope.schedules(), at))
    found.plans = schedules.load_many(living, since=start)
    found.schedules = {s.pk: Named(s.pk, s.slug, s.name) for s in living}
    rows = list(_rows(scope, start, min(end, at)))
    _meet_people(found, rows)
    for row in rows:
        _take(found, row, start, min(end, at))
    for schedule in living:
        for since, until in _unlogged(schedule, start, end, at):
            found.duties += _computed(found, schedule.pk, since, until)
    return found


# -- the log -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Row:
    """One person in one entry; ``user`` is None where nobody was on call."""

    schedule: int
    slug: str
    schedule_name: str
    start: datetime
    until: datetime | None
    due: datetime | None
    computed: bool
    user: int | None
    username: str
    name: str
    time_zone: str


def _rows(scope: Scope, start: datetime, end: datetime) -> Iterable[_Row]:
    columns = ["schedule_id", "schedule_slug", "schedule_name", "from_at", "until_at", "due_at", "computed"]
    people = ["people__user_id", "people__username", "people__name", "people__time_zone"]
    rows = scope.log(DutyLog.objects.between(start, end)).order_by("from_at")
    return (_Row(*row) for row in rows.values_list(*columns, *people))


def _take(found: Duties, row: _Row, start: datetime, end: datetime) -> None:
    """An entry that runs beyond its due time was not ended yet: until then it is known, the rest is computed."""
    if row.schedule not in found.schedules or not found.schedules[row.schedule].is_here:
        found.schedules[row.schedule] = Named(row.schedule, row.slug, row.schedule_name, is_here=False)
    until = min(filter(None, [row.until or row.due, end]))
    since = max(row.start, start)
    if row.user is not None and since < until:
        found.duties.append(Duty(row.user, row.schedule, since, until, recorded=not row.computed))


def _meet_people(found: Duties, rows: list[_Row]) -> None:
    """Everybody whom the log or a plan names, as she is called now; who is gone as she was called last."""
    logged = {row.user: row for row in rows if row.user is not None}
    named = {name for plan in found.plans.values() for name in rotation.people_named(plan)}
    users = User.objects.filter(Q(pk__in=logged) | Q(username__in=named))
    for user in users:
        found.people[user.pk] = Person(user.pk, user.username, str(user), user.time_zone, user.is_active)
        found.by_username[user.username] = user.pk
    for pk, row in logged.items():
        if pk not in found.people:
            found.people[pk] = Person(pk, row.username, row.name, row.time_zone, False, is_here=False)


# -- what the log does not tell ----------------------------------------------------------------------------
def _with_log(found: QuerySet[Schedule], at: datetime) -> QuerySet[Schedule]:
    """Each with when it was made and from when to when its log reaches; null without a log."""
    log = DutyLog.objects.filter(schedule=OuterRef("pk"))
    made = Schedule.history.filter(id=OuterRef("pk")).order_by("history_date")
    return found.annotate(
        made_at=Subquery(made.values("history_date")[:1]),
        logged_from=Subquery(log.order_by("from_at").values("from_at")[:1]),
        logged_until=Subquery(log.running().values("due_at")[:1]),
    )


def _unlogged(
    schedule: Schedule, start: datetime, end: datetime, at: datetime
) -> list[tuple[datetime, datetime]]:
    """The parts of a time before and after a schedule's log."""
    begins = schedule.logged_from or at
    ends = min(schedule.logged_until or at, at) if schedule.logged_from else at
    before = max(start, schedule.made_at or begins), min(end, begins)
    after = max(start, ends), end
    return [(since, until) for since, until in (before, after) if since < until]


def _computed(found: Duties, schedule: int, start: datetime, end: datetime) -> list[Duty]:
    return [
        Duty(found.by_username[name], schedule, segment.start, segment.end, recorded=False)
        for segment in rotation.final(found.plans[schedule], start, end)
        for name in segment.people
        if name in found.by_username
    ]
