"""What the page about fair load shows: who carried how much, month by month, and what clashes ahead."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from oncall import clock, load
from oncall.admin.load_forms import LoadForm, later
from oncall.edges import load_words as words
from oncall.edges import schedule_words, timeline, times
from oncall.models import Absence, Schedule, User

CLASHES_AHEAD = timedelta(days=30)
CLASHES_SHOWN = 12


@dataclass(frozen=True)
class Line:
    """One person in the table: her figures in words, and a bar."""

    person: load.Person
    total: load.Figures
    bar: words.Bar
    hours: str
    compared: str
    night: str
    weekend: str
    holiday: str
    twice: str
    ahead: str
    cells: tuple["Cell", ...]
    schedules: str


@dataclass(frozen=True)
class Cell:
    """One person's month; without a ``title`` nobody was on call in it."""

    bar: words.Bar
    hours: str
    nights: int
    briefly: str
    title: str


@dataclass(frozen=True)
class Double:
    """How often and how long one person is on call on the same schedules at once, and when next."""

    person: load.Person
    schedules: tuple[load.Named, ...]
    first: str
    times: int
    hours: str


@dataclass(frozen=True)
class Missed:
    """A shift of somebody who is away."""

    person: load.Person
    schedule: Schedule
    when: str
    instead: str
    absence: Absence


class LoadPage:
    """The parts of the page, each computed when the template asks for it."""

    def __init__(self, form: LoadForm, reader: User, now: datetime) -> None:
        form.is_valid()
        self.form, self.now, self.zone = form, now, ZoneInfo(reader.time_zone)
        self.start, self.end = (
            clock.resolve(datetime.combine(day, datetime.min.time()), self.zone)
            for day in (form.first, later(form.first, form.length))
        )
        self.report = load.report(form.scope, self.start, self.end, zone=self.zone, reader=reader, at=now)

    @property
    def mean_of(self) -> str:
        """Whose mean it is."""
        if self.form.scope.team:
            return "the team’s mean"
        return "the schedule’s mean" if self.form.scope.schedule else "the mean"

    @property
    def headline(self) -> str:
        return words.headline(self.report, self.mean_of)

    @property
    def lead(self) -> str:
        """``January to March 2026, Payments``."""
        first, last = self.form.first, later(self.form.first, self.form.length - 1)
        whose = self.form.scope.team or self.form.scope.schedule or "all schedules"
        if first == last:
            return f"{first:%B %Y}, {whose}"
        since = f"{first:%B}" if first.year == last.year else f"{first:%B %Y}"
        return f"{since} to {last:%B %Y}, {whose}"

    @property
    def mean(self) -> str:
        return words.hours(self.report.mean)

    @property
    def computed(self) -> str:
        """How much of the past was filled in from the schedules; empty when nothing was."""
        length = sum((row.total.computed for row in self.report.rows), timedelta())
        return words.hours(length) if length else ""

    @cached_property
    def months(self) -> list[tuple[str, str]]:
        """Each month's name, with the year where it begins, and what of the month has been."""
        found = []
        for number, month in enumerate(self.report.months):
            day = date.fromisoformat(f"{month.key}-01")
            name = f"{day:%b %Y}" if number == 0 or day.month == 1 else f"{day:%b}"
            found.append((name, words.month(month, self.now)))
        return found

    @property
    def tells_twice(self) -> bool:
        return any(row.total.twice for row in self.report.rows)

    @cached_property
    def lines(self) -> list[Line]:
        rows = self.report.rows
        totals = [row.total for row in rows]
        most = max((each.on_call for each in totals), default=timedelta())
        drawn = words.bars(totals, self.report.mean, most)
        return [self._line(row, bar) for row, bar in zip(rows, drawn, strict=True)]

    def _line(self, row: load.Row, bar: words.Bar) -> Line:
        total = row.total
        return Line(
            person=row.person,
            total=total,
            bar=bar,
            hours=words.hours(total.on_call),
            compared=words.compared(row.difference, self.mean_of) if len(self.report.rows) > 1 else "",
            night=words.hours(total.night),
            weekend=words.hours(total.weekend),
            holiday=words.hours(total.holiday),
            twice=words.hours(total.twice),
            ahead=words.hours(total.ahead) if total.ahead else "",
            cells=tuple(self._cells(row)),
            schedules=", ".join(f"{named.name} {words.hours(length)}" for named, length in row.schedules),
        )

    @cached_property
    def longest(self) -> timedelta:
        """The longest of all bars in months."""
        return max((each.on_call for row in self.report.rows for each in row.months), default=timedelta())

    def _cells(self, row: load.Row) -> Iterator[Cell]:
        parts = zip(row.months, self.report.means, row.differences, self.months, strict=True)
        for each, mean, difference, (name, _) in parts:
            [bar] = words.bars([each], mean, self.longest)
            said = words.compared(difference, f"{self.mean_of} of {name}")
            title = f"{row.person.name}, {name}: {words.hours(each.on_call)}, {said}" if mean else ""
            yield Cell(bar, words.hours(each.on_call), each.nights, words.briefly(difference), title)

    # -- what clashes --------------------------------------------------------------------------------------
    @cached_property
    def conflicts(self) -> list[load.Conflicts]:
        """From now on for thirty days, whatever months are shown: what can still be changed."""
        return load.conflicts(self.form.scope, self.now, self.now + CLASHES_AHEAD, at=self.now)

    @cached_property
    def double(self) -> list[Double]:
        """Those of the same schedules together: whose turns are always double has one line, not thirty."""
        found: dict[tuple, list[load.DoubleBooking]] = {}
        for each in self.conflicts:
            for booking in each.double:
                found.setdefault((each.person, booking.schedules), []).append(booking)
        return [self._double(*key, bookings) for key, bookings in found.items()]

    def _double(
        self, person: load.Person, schedules: tuple[load.Named, ...], bookings: list[load.DoubleBooking]
    ) -> Double:
        first = self._when(bookings[0].start, bookings[0].end)
        length = sum((each.end - each.start for each in bookings), timedelta())
        return Double(person, schedules, first, len(bookings), words.hours(length))

    @cached_property
    def missed(self) -> list[Missed]:
        names = {name for each in self.conflicts for m in each.missed for name in m.conflict.instead}
        people = {user.username: str(user) for user in User.objects.filter(username__in=names)}
        return [self._missed(each.person, found, people) for each in self.conflicts for found in each.missed]

    def _missed(self, person: load.Person, missed: load.Missed, people: dict[str, str]) -> Missed:
        conflict = missed.conflict
        instead = schedule_words.together([people.get(name, name) for name in conflict.instead])
        if conflict.uncovered and conflict.instead:
            instead = f"{instead}, and nobody for a part of it"
        when = self._when(conflict.start, conflict.end)
        return Missed(person, conflict.schedule, when, instead, missed.absence)

    def _when(self, start: datetime, end: datetime) -> str:
        return timeline.spell(start, end, self.zone)

    # -- links ---------------------------------------------------------------------------------------------
    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Back, today, on: what the link says, its address, and its name for readers."""
        length = self.form.length
        back, on = later(self.form.first, -length), later(self.form.first, length)
        return [
            ("‹", self._address(back), "Earlier"),
            ("Today", self._address(later(self.form.today, 1 - length)), ""),
            ("›", self._address(on), "Later"),
        ]

    def _address(self, first: date) -> str:
        of = self.form.cleaned_data.get("of", "")
        return "?" + urlencode({"of": of, "start": f"{first:%Y-%m}", "months": self.form.length})

    @property
    def csv_query(self) -> str:
        """What the API is asked for the same as a table."""
        scope = self.form.scope
        told = {"from": self.start.isoformat(), "to": self.end.isoformat(), "time_zone": self.zone.key}
        told |= {"team": scope.team.slug} if scope.team else {}
        told |= {"schedule": scope.schedule.slug} if scope.schedule else {}
        return urlencode({**told, "format": "csv"})

    @property
    def city(self) -> str:
        return times.city(self.zone.key)
