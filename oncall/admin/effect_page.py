"""What an edit does, in words and as a picture, beside the form that is not saved yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from oncall import clock, rotation, spans
from oncall.edges import schedule_words, timeline, times
from oncall.edges.schedule_words import Face
from oncall.effects import Change, Effect
from oncall.models import User

DAY = timedelta(days=1)
DAYS_DRAWN = 14
WIDTH = 616  # of the picture beside a form, in pixels
ROWS, FEW = 40, 3


@dataclass(frozen=True)
class Row:
    """A stretch that changes hands: when in the schedule's zone and in the viewer's, who, who is told."""

    when: str
    yours: str
    who: str
    instead: str
    told: str


class EffectPage:
    """The parts of the preview, each computed when the template asks for it."""

    def __init__(self, effect: Effect, viewer: ZoneInfo) -> None:
        self.effect, self.viewer = effect, viewer
        self.is_new = effect.before is None
        plans = [plan for plan in (effect.after, effect.before) if plan]
        users = User.objects.filter(username__in={n for plan in plans for n in rotation.people_named(plan)})
        self.faces: dict[str, Face] = schedule_words.faces({user.username: user for user in users}, *plans)

    @property
    def zone(self) -> ZoneInfo:
        return self.effect.after.zone

    @property
    def zones(self) -> str:
        return schedule_words.zones(self.zone, self.viewer, self.effect.start)

    # -- in a sentence -------------------------------------------------------------------------------------
    @property
    def headline(self) -> str:
        count = len(self.effect.changes)
        if self.is_new:
            return "The first turns" if count else "Nobody is on call in the next 8 weeks"
        if not count:
            return "No shift changes hands in the next 8 weeks"
        return f"{count} shift{'s change' if count > 1 else ' changes'} hands in the next 8 weeks"

    @property
    def told(self) -> str:
        """Who has a mail about the change, all together."""
        return self._names(self._told) if self._told else ""

    @property
    def told_are(self) -> str:
        return "is" if len(self._told) == 1 else "are"

    @cached_property
    def _told(self) -> tuple[str, ...]:
        return tuple(sorted({name for change in self.effect.changes for name in change.told}))

    # -- line by line --------------------------------------------------------------------------------------
    @property
    def rows(self) -> list[Row]:
        return [self._row(change) for change in self.effect.changes[:ROWS]]

    @property
    def rows_left_out(self) -> int:
        return max(len(self.effect.changes) - ROWS, 0)

    @cached_property
    def all_gaps(self) -> tuple[spans.Span, ...]:
        """Without the time before a new schedule begins."""
        gaps = self.effect.gaps
        begins_later = self.is_new and gaps and gaps[0][0] == self.effect.start and self.effect.changes
        return gaps[1:] if begins_later else gaps

    @property
    def gaps(self) -> list[str]:
        """The first stretches that nobody covers any more."""
        return [self._when(*gap) for gap in self.all_gaps[:FEW]]

    @property
    def gaps_head(self) -> str:
        """``2 new gaps, the longest 2 d 15 h``."""
        count, longest = len(self.all_gaps), max(end - start for start, end in self.all_gaps)
        what = "stretch without anybody" if self.is_new else "new gap"
        plural = "stretches without anybody" if self.is_new else "new gaps"
        return f"{count} {plural}, the longest {times.span(longest)}" if count > 1 else f"1 {what}"

    @property
    def gaps_left_out(self) -> int:
        return max(len(self.all_gaps) - FEW, 0)

    @property
    def doubles(self) -> list[tuple[str, str, str]]:
        """(who, when, on which other schedule) for the first people who are on call twice at a time."""
        return [
            (self.faces[double.username].name, self._when(double.start, double.end), str(double.elsewhere))
            for double in self.effect.doubles[:FEW]
        ]

    @property
    def doubles_left_out(self) -> int:
        return max(len(self.effect.doubles) - FEW, 0)

    # -- the picture ---------------------------------------------------------------------------------------
    @cached_property
    def timeline(self) -> timeline.Timeline:
        """Two weeks from the Monday of the first change on."""
        now = self.effect.start
        first_change = self.effect.changes[0].start if self.effect.changes else now
        day = clock.wall(first_change, self.zone).date()
        scale = timeline.Scale(self.zone, day - day.weekday() * DAY, DAYS_DRAWN, WIDTH)
        before, after = self.effect.before, self.effect.after
        was = rotation.final(before, scale.start, scale.end) if before else None
        return timeline.draw(
            after, rotation.final(after, scale.start, scale.end), scale, self.faces, now, before=was
        )

    # -- words ---------------------------------------------------------------------------------------------
    def _row(self, change: Change) -> Row:
        return Row(
            when=self._when(change.start, change.end),
            yours="" if self._one_zone else self._when(change.start, change.end, self.viewer),
            who=self._names(change.after),
            instead="" if self.is_new else self._names(change.before).replace("Nobody", "nobody"),
            told=self._names(change.told) if change.told else "",
        )

    @property
    def _one_zone(self) -> bool:
        return self.viewer.key == self.zone.key

    def _names(self, people: tuple[str, ...]) -> str:
        return schedule_words.together([self.faces[name].name for name in people])

    def _when(self, start: datetime, end: datetime, zone: ZoneInfo | None = None) -> str:
        """A stretch in words: it may begin now, and go on beyond these weeks."""
        zone = zone or self.zone
        today = clock.wall(self.effect.start, zone).date()
        begins_now, goes_on = start <= self.effect.start, end >= self.effect.end
        if not begins_now and not goes_on:
            return timeline.spell(start, end, zone)
        first = clock.wall(start, zone)
        left = "now" if begins_now else f"{first:%a} {first.day} {first:%B %H:%M}"
        right = schedule_words.day_and_time(clock.wall(end, zone), today)
        return f"From {left} on" if goes_on else f"From {left} to {right}"
