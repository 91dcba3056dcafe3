"""What a schedule's page shows: who is on call, what is uncovered, the timeline and the month.

Everything is drawn from one load of the schedule, in a constant number of queries.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from oncall import clock, rotation, schedules
from oncall.admin import why
from oncall.admin.why import Why
from oncall.edges import month, schedule_words, timeline, times
from oncall.edges.schedule_words import Face
from oncall.models import CalendarImport, Schedule, User

DAY = timedelta(days=1)
SPANS = {7: "Week", 14: "2 weeks", 28: "4 weeks"}
GAPS_AHEAD = timedelta(days=30)


@dataclass(frozen=True)
class Stretch:
    """A line of the table behind the timeline."""

    start: str
    end: str
    yours: str
    who: str
    why: str
    ask: str


@dataclass(frozen=True)
class Gap:
    """A stretch in which nobody is on call: how long, when, and why."""

    length: str
    when: str
    why: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Link:
    label: str
    query: str
    current: bool = False
    name: str = ""


class SchedulePage:
    """The parts of the page, each computed when the template asks for it."""

    def __init__(
        self, schedule: Schedule, now: datetime, viewer: ZoneInfo, first: str, days: str, at: str = ""
    ) -> None:
        self.schedule, self.now, self.viewer = schedule, now, viewer
        self.plan = schedules.load(schedule)
        users = User.objects.filter(username__in=rotation.people_named(self.plan))
        self.faces: dict[str, Face] = schedule_words.faces({u.username: u for u in users}, self.plan)
        self.today = clock.wall(now, self.zone).date()
        self.days = int(days) if days.isdecimal() and int(days) in SPANS else 14
        self.first = _day(first) or self.today - self.today.weekday() * DAY
        self.scale = timeline.Scale(self.zone, self.first, self.days)
        self.why = Why(self.plan, self.faces, viewer, now, at)

    @property
    def zone(self) -> ZoneInfo:
        return self.plan.zone

    # -- the sentence under the title ----------------------------------------------------------------------
    @cached_property
    def who(self) -> str:
        """``Dana Ruiz``, or ``Nobody``."""
        return self._names(rotation.on_call_at(self.plan, self.now).people)

    @cached_property
    def until(self) -> datetime | None:
        return rotation.next_change(self.plan, self.now)

    @property
    def until_words(self) -> str:
        """``20:00 in New York, Thu 01:00 your time``."""
        there = schedule_words.day_and_time(clock.wall(self.until, self.zone), self.today)
        if self.zone.key == self.viewer.key:
            return there
        here = times.clock(self.until, self.now, self.viewer)
        return f"{there} in {times.city(self.zone.key)}, {here} your time"

    @property
    def then(self) -> str:
        return self._names(rotation.on_call_at(self.plan, self.until).people)

    # -- notices -------------------------------------------------------------------------------------------
    @cached_property
    def gaps(self) -> list[rotation.Segment]:
        """Nobody on call, from now on for thirty days."""
        return rotation.gaps(self.plan, self.now, self.now + GAPS_AHEAD)

    @property
    def gap(self) -> Gap | None:
        """The first gap that an exception has torn: somebody is away and nobody covers."""
        torn = next((gap for gap in self.gaps if schedule_words.is_torn(gap)), None)
        if torn is None:
            return None
        return Gap(
            times.span(torn.end - torn.start),
            timeline.spell(torn.start, torn.end, self.zone),
            self._why_nobody(torn),
            torn.start,
            torn.end,
        )

    @property
    def planned_gaps(self) -> str:
        """``8 stretches in the next 30 days, the longest 2 d 15 h``; empty when there are none."""
        planned = [gap for gap in self.gaps if not schedule_words.is_torn(gap)]
        if not planned:
            return ""
        longest = times.span(max(gap.end - gap.start for gap in planned))
        if len(planned) == 1:
            return f"{longest} in the next 30 days, {timeline.spell(planned[0].start, planned[0].end, self.zone)}"
        return f"{len(planned)} stretches in the next 30 days, the longest {longest}"

    @cached_property
    def troubles(self) -> list[CalendarImport]:
        """Imported calendars that cannot be read, or not all of them."""
        rows = self.schedule.imports.only("name", "error", "problems")
        return [row for row in rows if row.error or row.problems]

    # -- pictures ------------------------------------------------------------------------------------------
    @cached_property
    def segments(self) -> list[rotation.Segment]:
        return rotation.final(self.plan, self.scale.start, self.scale.end)

    @cached_property
    def timeline(self) -> timeline.Timeline:
        return timeline.draw(self.plan, self.segments, self.scale, self.faces, self.now)

    @property
    def table(self) -> list[Stretch]:
        """The final row as a table."""
        return [
            Stretch(
                start=_local(segment.start, self.zone),
                end=_local(segment.end, self.zone),
                yours=_local(segment.start, self.viewer),
                who=self._names(segment.people),
                why="; ".join(why.reason(reason, self.plan, self.faces) for reason in segment.reasons),
                ask=f"?{urlencode({'at': f'{segment.start:%Y-%m-%dT%H:%MZ}'})}#why",
            )
            for segment in self.segments
        ]

    @cached_property
    def month(self) -> month.Month:
        """The month of today where the timeline shows it, else the one in which the timeline begins."""
        day = self.today if self.scale.shows(self.now) else self.first
        start, end = month.span(day, self.zone)
        return month.draw(day, rotation.final(self.plan, start, end), self.zone, self.faces, self.today)

    @property
    def zones(self) -> str:
        return schedule_words.zones(self.zone, self.viewer, self.now)

    @property
    def city(self) -> str:
        return times.city(self.zone.key)

    # -- links ---------------------------------------------------------------------------------------------
    @property
    def steps(self) -> list[Link]:
        """Back, today, on; then the lengths."""
        back, on = (self.first + n * self.days * DAY for n in (-1, 1))
        return [
            Link("‹", f"?from={back}&days={self.days}", name="Earlier"),
            Link("Today", f"?days={self.days}"),
            Link("›", f"?from={on}&days={self.days}", name="Later"),
            *(Link(label, f"?from={self.first}&days={n}", n == self.days) for n, label in SPANS.items()),
        ]

    # -- words ---------------------------------------------------------------------------------------------
    def _names(self, people: tuple[str, ...]) -> str:
        return why.names(people, self.faces)

    def _why_nobody(self, gap: rotation.Segment) -> str:
        keys = {key for reason in gap.reasons for key in reason.exceptions}
        torn_by = [e for e in self.plan.exceptions if e.key in keys]
        away = [self.faces[e.user].name for e in torn_by if e.kind == rotation.REMOVE]
        if not away:
            return "An exception says so."
        are = "is" if len(away) == 1 else "are"
        return (
            f"{schedule_words.together(list(dict.fromkeys(away)))} {are} away and no lower layer covers it."
        )


def _local(at: datetime, zone: ZoneInfo) -> str:
    there = clock.wall(at, zone)
    return f"{there:%a} {there.day} {there:%b} {there:%H:%M}"


def _day(text: str) -> date | None:
    """A date in reach of the calendar, else None: a mistyped address shows the present."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if rotation.FIRST_YEAR < day.year < rotation.LAST_YEAR else None
