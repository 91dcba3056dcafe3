"""Two pages beside the schedules: fair load, and who really was on call.

Whoever may view schedules may look.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from oncall import clock, duty_log, load
from oncall.admin.load_forms import LoadForm, MonthField, later
from oncall.admin.load_page import CLASHES_SHOWN, LoadPage
from oncall.edges import schedule_words, times
from oncall.models import DutyLog, Schedule


class MonthForm(forms.Form):
    """Which month of the log."""

    start = MonthField(label="Month", required=False)


@dataclass(frozen=True)
class LogLine:
    """An entry as its line says it; ``noted`` is when it was written down, where that was later."""

    start: str
    end: str
    yours: str
    who: str
    why: str
    version: int
    noted: str


class LogPage:
    """A schedule's log of one month, on the schedule's clock."""

    def __init__(self, schedule: Schedule, form: MonthForm, viewer: ZoneInfo, now: datetime) -> None:
        form.is_valid()
        self.schedule, self.form, self.now, self.viewer = schedule, form, now, viewer
        self.zone = ZoneInfo(schedule.time_zone)
        self.first = form.cleaned_data.get("start") or clock.wall(now, self.zone).date().replace(day=1)
        self.next, self.before = later(self.first, 1), later(self.first, -1)

    @cached_property
    def lines(self) -> list[LogLine]:
        """The newest first."""
        entries = duty_log.entries(self._midnight(self.first), self._midnight(self.next))
        return [self._line(entry) for entry in load.Scope(schedule=self.schedule).log(entries).reverse()]

    @property
    def begins(self) -> str:
        """Since when the schedule's duties are written down; empty when they are not yet."""
        first = self.schedule.duty_log.order_by("from_at").first()
        return times.whole(first.from_at, self.zone) if first else ""

    @property
    def city(self) -> str:
        return times.city(self.zone.key)

    @property
    def tells_yours(self) -> bool:
        """Whether the viewer lives by another clock."""
        return self.viewer.key != self.zone.key

    def _line(self, entry: DutyLog) -> LogLine:
        return LogLine(
            start=self._words(entry.from_at, self.zone),
            end=self._words(entry.until_at, self.zone) if entry.until_at else "still so",
            yours=self._words(entry.from_at, self.viewer),
            who=schedule_words.together([person.name for person in entry.people.all()]),
            why=entry.get_reason_display(),
            version=entry.version,
            noted=self._words(entry.noted_at, self.zone) if entry.computed else "",
        )

    def _midnight(self, day: date) -> datetime:
        return clock.resolve(datetime.combine(day, time()), self.zone)

    def _words(self, at: datetime, zone: ZoneInfo) -> str:
        """``Mon 26 Oct 09:00``, with the year where it is not that of the month shown."""
        there = clock.wall(at, zone)
        year = "" if there.year == self.first.year else f" {there.year}"
        return f"{there:%a} {there.day} {there:%b}{year} {there:%H:%M}"


class DutyPages(ModelAdmin):
    """Adds both pages to the schedules' admin."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view
        return [
            path("load/", view(self.load_view), name="oncall_schedule_load"),
            path("<int:pk>/log/", view(self.log_view), name="oncall_schedule_log"),
            *super().get_urls(),
        ]

    def load_view(self, request: HttpRequest) -> HttpResponse:
        """Who carries how much, and what clashes."""
        self._may_view(request)
        now = clock.now()
        form = LoadForm(request.GET, clock.wall(now, ZoneInfo(request.user.time_zone)).date())
        page = LoadPage(form, request.user, now)
        shown = {"page": page, "form": form, "most": CLASHES_SHOWN, "title": "Load"}
        return self._duty_page(request, "load", shown, now)

    def log_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who was on call, as it was written down."""
        self._may_view(request)
        schedule = self.get_object(request, str(pk))
        if schedule is None:
            raise Http404
        now = clock.now()
        page = LogPage(schedule, MonthForm(request.GET), ZoneInfo(request.user.time_zone), now)
        shown = {"page": page, "schedule": schedule, "title": f"Who was on call: {schedule}"}
        return self._duty_page(request, "log", shown, now)

    def _may_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _duty_page(self, request: HttpRequest, name: str, shown: dict[str, Any], now: datetime) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "now": now, **shown}
        return TemplateResponse(request, f"admin/oncall/schedule/{name}.html", context)
