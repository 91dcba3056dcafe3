"""``/admin/oncall/my-shifts/``: one's own duty on all schedules, why it is so, and what collides with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from oncall import clock, own_shifts, rotation
from oncall.admin.swaps import READS_SCHEDULES
from oncall.edges import schedule_words, timeline, times
from oncall.models import NoticePreference, Schedule, Swap, User
from oncall.own_shifts import Booking, Missed, OwnShift, Reason
from oncall.shifts import Shift

AHEAD, BEHIND = timedelta(weeks=8), timedelta(weeks=4)
BEYOND = timedelta(days=32)  # so that shifts are whole, which begin before or end after these weeks
ROWS = 100
#: So many shifts at the same time are named for each.
FEW = 3


@dataclass(frozen=True)
class Row:
    """A shift as its line says it. ``there`` is the same time on the schedule's clock, where that is another."""

    schedule: Schedule
    when: str
    there: str
    because: str
    swaps: tuple[Swap, ...]
    doubles: tuple[str, ...]
    away: bool
    asked: Swap | None
    under_way: bool
    offer_url: str


@dataclass(frozen=True)
class MissedRow:
    """A shift that falls into an absence."""

    schedule: Schedule
    when: str
    instead: str
    uncovered: bool
    absence_url: str


class MyShifts:
    """The parts of the page."""

    def __init__(self, user: User, now: datetime) -> None:
        self.user, self.now, self.zone = user, now, ZoneInfo(user.time_zone)
        self.first, self.last = now - BEHIND - BEYOND, now + AHEAD + BEYOND
        found, missed = own_shifts.of(user, self.first, self.last)
        self.found = found = [each for each in found if self._is_near(each.shift)]
        names = {name for each in missed for name in each.instead}
        names |= {
            n for own in found for r in own.reasons for e in r.exceptions for n in (e.user, e.by, *e.users)
        }
        self.names = {u.username: str(u) for u in User.objects.filter(username__in=names)}
        self.missed = [self._missed(each) for each in missed if each.end > now and self._is_near(each)]
        self.ahead = [self._row(own) for own in found if own.shift.end > now]
        self.past = [self._row(own) for own in reversed(found) if own.shift.end <= now]

    @property
    def headline(self) -> str:
        """The news: on call until when, or from when on."""
        ahead = [own.shift for own in self.found if own.shift.end > self.now]
        under_way = [shift for shift in ahead if shift.start <= self.now]
        if under_way:
            first = min(under_way, key=lambda shift: shift.end)
            return f"On call until {times.clock(first.end, self.now, self.zone)}"
        if ahead:
            return f"Next on call {times.clock(ahead[0].start, self.now, self.zone)}"
        return "No shifts in the next 8 weeks"

    @property
    def shown(self) -> list[Row]:
        return self.ahead[:ROWS]

    @property
    def left_out(self) -> int:
        return max(len(self.ahead) - ROWS, 0)

    @property
    def collisions(self) -> int:
        return sum(bool(row.doubles) for row in self.ahead)

    @property
    def notices_url(self) -> str:
        """Her own settings, or the form that makes them."""
        chosen = NoticePreference.objects.filter(user=self.user).first()
        if chosen:
            return reverse("admin:oncall_noticepreference_change", args=[chosen.pk])
        return reverse("admin:oncall_noticepreference_add")

    def _row(self, own: OwnShift) -> Row:
        shift = own.shift
        theirs = ZoneInfo(shift.schedule.time_zone)
        same_clock = theirs.key == self.zone.key
        there = f"{timeline.spell(shift.start, shift.end, theirs)} in {times.city(theirs.key)}"
        return Row(
            schedule=shift.schedule,
            when=self._when(shift.start, shift.end),
            there="" if same_clock or self._is_cut(shift.start, shift.end) else there,
            because="; ".join(self._because(reason) for reason in own.reasons),
            swaps=tuple(swap for reason in own.reasons for swap in reason.swaps),
            doubles=self._doubles(own),
            away=bool(own.absences),
            asked=own.asked,
            under_way=shift.start <= self.now < shift.end,
            offer_url=self._offer_url(own) if shift.turn and shift.end > self.now else "",
        )

    def _missed(self, missed: Missed) -> MissedRow:
        return MissedRow(
            schedule=missed.schedule,
            when=self._when(missed.start, missed.end),
            instead=schedule_words.together([self.names.get(name, name) for name in missed.instead]),
            uncovered=missed.uncovered,
            absence_url=reverse("admin:oncall_absence_change", args=[missed.absence.pk]),
        )

    def _offer_url(self, own: OwnShift) -> str:
        """The swap's form, filled; what has passed of a shift under way stays hers."""
        shift = own.shift
        start = max(shift.start, self.now.replace(second=0, microsecond=0))
        asked = {
            "schedule": shift.schedule.pk,
            "requester": self.user.pk,
            "start": f"{clock.wall(start, self.zone):%Y-%m-%dT%H:%M}",
            "end": f"{clock.wall(shift.end, self.zone):%Y-%m-%dT%H:%M}",
        }
        return f"{reverse('admin:oncall_swap_add')}?{urlencode(asked)}"

    # -- words ---------------------------------------------------------------------------------------------
    def _when(self, start: datetime, end: datetime) -> str:
        """Where it begins or ends beyond what was looked at, that is left out."""
        if not self._is_cut(start, end):
            return timeline.spell(start, end, self.zone)
        if start <= self.first and end >= self.last:
            return "Always"
        ends = start <= self.first
        wall = clock.wall(end if ends else start, self.zone)
        return f"{'Until' if ends else 'From'} {wall:%a} {wall.day} {wall:%B %H:%M}{'' if ends else ' on'}"

    def _is_cut(self, start: datetime, end: datetime) -> bool:
        return start <= self.first or end >= self.last

    def _is_near(self, stretch: Shift | Missed) -> bool:
        return stretch.start < self.now + AHEAD and stretch.end > self.now - BEHIND

    def _counts(self, double: Booking, shift: Shift) -> bool:
        """Of what is ahead, only what is ahead of it."""
        return double.end > self.now or shift.end <= self.now

    def _doubles(self, own: OwnShift) -> tuple[str, ...]:
        """The first few in words; of whom is on call everywhere, a number says the rest."""
        doubles = [double for double in own.doubles if self._counts(double, own.shift)]
        few = [f"{double.schedule}, {self._when(double.start, double.end)}" for double in doubles[:FEW]]
        return (*few, *([f"{len(doubles) - FEW} more"] if len(doubles) > FEW else []))

    def _because(self, reason: Reason) -> str:
        """``layer Weeks, turn 17, in place of Marcus Hale (swap 4)``."""
        words = [f"layer {reason.layer}"] if reason.layer else []
        if reason.first_turn is not None:
            run = reason.last_turn not in (None, reason.first_turn)
            words.append(
                f"turns {reason.first_turn} to {reason.last_turn}" if run else f"turn {reason.first_turn}"
            )
        words += [f"in place of {swap.requester} (swap {swap.pk})" for swap in reason.swaps]
        words += [self._exception(exception) for exception in reason.exceptions]
        return ", ".join(words)

    def _exception(self, exception: rotation.ScheduleException) -> str:
        why = f" ({exception.reason})" if exception.reason else ""
        if exception.kind == rotation.REPLACE:
            return f"in place of {self.names.get(exception.user, exception.user)}{why}"
        if exception.kind == rotation.ADD:
            return f"an exception puts you on call in addition{why}"
        return f"an exception names you{why}"


def view(request: HttpRequest) -> HttpResponse:
    """The signed-in person's own page."""
    if not request.user.has_perm(READS_SCHEDULES):
        raise PermissionDenied
    now = clock.now()
    context = {
        **admin.site.each_context(request),
        "title": "My shifts",
        "now": now,
        "mine": MyShifts(request.user, now),
        "calendar_url": f"{reverse('admin:oncall_calendarfeed_add')}?user={request.user.pk}",
        "absence_url": reverse("admin:oncall_absence_add"),
        "tab": "my-shifts",
    }
    return TemplateResponse(request, "admin/oncall/schedule/my_shifts.html", context)
