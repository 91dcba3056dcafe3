"""A new schedule with one rotation, from what a person says in a minute: who, how often, from when on."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from oncall import rotation
from oncall.messaging.errors import DomainError
from oncall.models import Schedule, Team, User
from oncall.schedules.answers import to_forms
from oncall.schedules.saving import read_form, replace

LAYER = "Primary"
EVERY = {"day": ("day", 1), "week": ("week", 1), "2-weeks": ("week", 2), "month": ("month", 1)}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MIDNIGHT = time()


@dataclass(frozen=True)
class NewRotation:
    """Who takes turns in which order, handing over every day, week, 2-weeks or month (``every``).

    ``weekday`` counts from Monday, 0, and matters for weeks; a month hands over on the day of ``start``. The first
    person has it from ``start`` at ``handover`` on, be it that her turn is a short one. ``days`` and ``opens`` to
    ``closes`` are the only hours covered; without them all are.
    """

    name: str
    team: Team | None
    time_zone: str
    people: tuple[User, ...]
    every: str
    weekday: int
    handover: time
    start: date
    days: tuple[str, ...] = ()
    opens: time | None = None
    closes: time | None = None

    @property
    def anchor(self) -> datetime:
        """The hand-over on or before the start."""
        early = (self.start.weekday() - self.weekday) % 7 if EVERY[self.every][0] == "week" else 0
        return datetime.combine(self.start - timedelta(days=early), self.handover)

    @property
    def form(self) -> dict[str, Any]:
        """The schedule in the form of contract.md section 4."""
        unit, length = EVERY[self.every]
        layer = {
            "name": LAYER,
            "rotation": {"unit": unit, "length": length, "anchor": self.anchor.isoformat()},
            "slots": [[user.username] for user in self.people],
            "start": datetime.combine(self.start, self.handover).isoformat(),
            "restrictions": [self._window] if self.days or self.opens else [],
        }
        return {"time_zone": self.time_zone, "layers": [layer]}

    @property
    def _window(self) -> dict[str, Any]:
        opens, closes = self.opens or MIDNIGHT, self.closes or MIDNIGHT
        days = list(self.days or WEEKDAYS)
        return {"type": "daily", "days": days, "from": f"{opens:%H:%M}", "to": f"{closes:%H:%M}"}


@transaction.atomic
def make(wanted: NewRotation, *, by: User | None, at: datetime) -> Schedule:
    """Make the schedule. The very same once more returns the one there is.

    DomainError ``bad_schedule`` where the form is at fault, ``taken`` where another of that name is being made.
    """
    for same in _alike(wanted):
        return same
    schedule = Schedule(
        slug=_slug(wanted.name), name=wanted.name, team=wanted.team, time_zone=wanted.time_zone
    )
    schedule._history_user, schedule._history_date = by, at
    try:
        with transaction.atomic():
            schedule.save()
    except IntegrityError:
        raise DomainError("taken", "Somebody makes a schedule of that name just now. Try again.") from None
    replace(schedule, wanted.form, by=by, at=at)
    return schedule


def _alike(wanted: NewRotation) -> list[Schedule]:
    """Schedules of this name and team that say this and nothing else."""
    named = {row.pk: row for row in Schedule.objects.filter(name=wanted.name, team=wanted.team)}
    plan, _ = read_form(Schedule(time_zone=wanted.time_zone), wanted.form)
    form = rotation.dump(plan)
    return [named[pk] for pk, said in to_forms(named.values()).items() if said == form]


def _slug(name: str) -> str:
    """The name as a slug, numbered where that one is in use."""
    base = slugify(name)[:40] or "schedule"
    used = set(Schedule.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    numbered = (f"{base}-{n}" for n in range(2, len(used) + 3))
    return next(slug for slug in (base, *numbered) if slug not in used)
