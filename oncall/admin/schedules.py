"""Schedules: the list says who is on call, the page draws it, the form below changes it."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html

from oncall import clock, effects, free, schedules, swaps
from oncall.admin import my_shifts, on_call, previewing
from oncall.admin.load import DutyPages
from oncall.admin.new_rotation import NewRotationAdmin
from oncall.admin.previewing import PreviewedAdmin
from oncall.admin.schedule_forms import CoverForm, ExceptionForm, LayerForm
from oncall.admin.schedule_page import SchedulePage
from oncall.edges import instants, schedule_words, timeline, times
from oncall.edges.admin import HistoryAdmin, OneButtonAdmin, Verb, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import Layer, Schedule, ScheduleException

EXCEPTION_ID = re.compile(r"exceptions-\d+-id")
LONGEST_COVER = timedelta(days=62)


class LayerInline(admin.StackedInline):
    """Layers with everything they say; rosters as lines."""

    model = Layer
    form = LayerForm
    fieldsets = [
        (None, {"fields": ["name", ("length", "unit", "anchor"), "roster"]}),
        (
            "Windows, priority, start and end",
            {
                "classes": ["collapse"],
                "fields": ["restrictions", "exclude_dates", "advance", "priority", ("start", "end")],
            },
        ),
    ]

    def get_extra(self, request: HttpRequest, obj: Schedule | None = None, **kwargs: Any) -> int:
        return 0 if obj and obj.layers.exists() else 1

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("edits", "slots__users")

    @admin.display(description="Roster")
    def roster(self, layer: Layer) -> str:
        """For those who may look but not change."""
        return "; ".join(", ".join(turn) or "nobody" for turn in schedules.roster(layer))


class ExceptionInline(admin.TabularInline):
    """Exceptions that are not over, to be looked at and taken back; they are added by their verbs."""

    model = ScheduleException
    fields = readonly_fields = ["said", "when", "layer", "reason"]
    extra = 0
    verbose_name_plural = "exceptions that are not over"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With those that have ended since the form was opened, so that it can be saved."""
        posted = [request.POST[key] for key in request.POST if EXCEPTION_ID.fullmatch(key)]
        opened = [key for key in posted if key.isascii() and key.isdigit() and len(key) < 19]
        found = super().get_queryset(request).filter(Q(end__gt=clock.now()) | Q(pk__in=opened[:1000]))
        return found.select_related("schedule", "user", "by", "layer").prefetch_related("users")

    def has_add_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        return False

    @admin.display(description="What")
    def said(self, exception: ScheduleException) -> str:
        people = [str(user) for user in exception.users.all()]
        return {
            ScheduleException.Kind.REMOVE: f"{exception.user} is away",
            ScheduleException.Kind.REPLACE: f"{exception.by} covers for {exception.user}",
            ScheduleException.Kind.SET: f"Exactly {schedule_words.together(people)}",
            ScheduleException.Kind.ADD: f"{exception.user} in addition",
        }[exception.kind]

    @admin.display(description="When, in the schedule's zone")
    def when(self, exception: ScheduleException) -> str:
        return timeline.spell(exception.start, exception.end, ZoneInfo(exception.schedule.time_zone))


@admin.register(Schedule)
class ScheduleAdmin(
    NewRotationAdmin, PreviewedAdmin, OneButtonAdmin, DutyPages, VerbsAdmin, HistoryAdmin
):
    list_display = ["name", "team", "on_call", "until", "zone"]
    list_filter = ["team"]
    list_select_related = ["team"]
    search_fields = ["name", "slug", "team__name"]
    ordering = ["name"]
    fields = ["name", "slug", "team", "time_zone"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [LayerInline, ExceptionInline]
    verbs = (
        Verb(
            "cover",
            "Swap",
            schedules.add_exception,
            icon="swap",
            form=CoverForm,
            help="Somebody takes over for a while. Who is on call otherwise stays as it is.",
            submit="Swap",
            done="Swapped.",
        ),
        Verb(
            "exception",
            "Exception",
            schedules.add_exception,
            icon="plus",
            form=ExceptionForm,
            tone="btn-fill",
            help="A departure from the layers between two times.",
            submit="Add exception",
            done="Exception added.",
        ),
    )

    def site_urls(self) -> list:
        """The pages about all schedules, which need the right to see them."""
        pages = [("on-call", on_call.view), ("my-shifts", my_shifts.view)]
        return [
            path(f"oncall/{name}/", self.admin_site.admin_view(view), name=f"oncall_{name.replace('-', '_')}")
            for name, view in pages
        ]

    # -- the list ------------------------------------------------------------------------------------------
    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The rows of this page, each with who is on call: two queries for all."""
        page = super().get_changelist_instance(request)
        page.result_list = list(page.result_list)
        duties = schedules.on_call_now(page.result_list, clock.now())
        for schedule in page.result_list:
            schedule.duty = duties[schedule.pk]
        return page

    @admin.display(description="On call")
    def on_call(self, schedule: Schedule) -> str:
        people = [str(user) for user in schedule.duty.users]
        return schedule_words.together(people) if people else format_html('<b class="m-bad">{}</b>', "Nobody")

    @admin.display(description="Until, your time")
    def until(self, schedule: Schedule) -> str:
        until, now = schedule.duty.until, clock.now()
        if until is None:
            return "no change ahead"
        said = times.clock(until, now, timezone.get_current_timezone())
        return format_html('<b class="m-warn">{}</b>', said) if until - now <= on_call.SOON else said

    @admin.display(description="Time zone", ordering="time_zone")
    def zone(self, schedule: Schedule) -> str:
        return times.city(schedule.time_zone)

    # -- the page ------------------------------------------------------------------------------------------
    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"time_zone": request.user.time_zone, **super().get_changeform_initial_data(request)}

    def get_inlines(self, request: HttpRequest, obj: Schedule | None) -> list[type]:
        return self.inlines if obj else [LayerInline]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Schedule | None = None) -> dict:
        return {} if obj else self.prepopulated_fields  # links and files refer to the slug

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        schedule = self.get_object(request, unquote(object_id))
        drawn = self._drawing(request, schedule) if schedule else {}
        return super().change_view(request, object_id, form_url, {**drawn, **(extra_context or {})})

    def _drawing(self, request: HttpRequest, schedule: Schedule) -> dict[str, Any]:
        viewer = ZoneInfo(request.user.time_zone)
        asked = request.GET
        page = SchedulePage(
            schedule, clock.now(), viewer, *(asked.get(key, "") for key in ("from", "days", "at"))
        )
        may_change = self.has_change_permission(request, schedule)
        return {
            "page": page,
            "now": page.now,
            "why": "why" in asked or "at" in asked,
            "edit": "edit" in asked,
            "weekdays": schedule_words.WEEKDAYS,
            "cover_url": self._cover_url(schedule, page) if may_change and page.gap else "",
        }

    def _cover_url(self, schedule: Schedule, page: SchedulePage) -> str:
        """The exception's form, filled for the gap."""
        span = {"kind": "add", "start": page.gap.start.isoformat(), "end": page.gap.end.isoformat()}
        return f"{self._verb_url(schedule, 'exception')}?{urlencode(span)}"

    # -- exceptions ----------------------------------------------------------------------------------------
    def verb_initial(self, request: HttpRequest, verb: Verb, obj: Schedule) -> dict[str, Any]:
        """The times of a gap, when the form was opened from one."""
        return _moments({key: request.GET[key] for key in ("kind", "start", "end") if key in request.GET})

    def render_verb_form(
        self, request: HttpRequest, verb: Verb, form: forms.Form, **context: Any
    ) -> HttpResponse:
        shown = getattr(request, "looked", {}) | self._free(request, form, context["original"])
        return super().render_verb_form(request, verb, form, **{**context, **shown})

    def _do(self, request: HttpRequest, verb: Verb, obj: Schedule) -> HttpResponse:
        """First a look at what it does, where one was asked for."""
        form, at = verb.form(request.POST, obj=obj, user=request.user), clock.now()
        if not form.is_valid():
            return self._ask(request, verb, obj, form)

        def edit() -> Schedule:
            return verb.run(obj, by=request.user, at=at, **form.cleaned_data)

        try:
            self.still_current(request, verb, obj)
            previewing.check(request.POST, lambda end: effects.trial(obj, edit, at=at, until=end), at=at)
        except DomainError as error:
            return self._refused(request, verb, obj, form, error)
        except previewing.NotYet as not_yet:
            request.looked = previewing.shown(request, not_yet)
            return self._ask(request, verb, obj, form)
        return super()._do(request, verb, obj)

    def _free(self, request: HttpRequest, form: forms.Form, schedule: Schedule) -> dict[str, Any]:
        """Who could fill the gap that the form was opened from."""
        start, end = (form.initial.get(key) for key in ("start", "end"))
        near = start and end and abs(start - clock.now()) < swaps.FARTHEST
        if not near or not start < end <= start + LONGEST_COVER:
            return {}
        zone, viewer = ZoneInfo(schedule.time_zone), timezone.get_current_timezone()
        return {
            "cover": {
                "free": free.on(schedule, start, end),
                "start": start.isoformat(),
                "end": end.isoformat(),
                "there": timeline.spell(start, end, zone),
                "city": times.city(zone.key),
                "yours": "" if viewer.key == zone.key else timeline.spell(start, end, viewer),
            }
        }

    # -- the form ------------------------------------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Schedule, form: forms.ModelForm, change: bool) -> None:
        """Every save is a new version, since any part may have changed with it."""
        if change:
            current = Schedule.objects.select_for_update().get(pk=obj.pk)
            self.refuse_stale(request, current)
            obj.version = current.version + 1
        super().save_model(request, obj, form, change)

    def save_formset(
        self, request: HttpRequest, form: forms.ModelForm, formset: forms.BaseModelFormSet, change: bool
    ) -> None:
        who = {"by": request.user, "at": request.at}
        if formset.model is ScheduleException:
            formset.save(commit=False)
            for gone in formset.deleted_objects:
                schedules.end_exception(gone, **who)
            return
        super().save_formset(request, form, formset, change)
        for saved in formset.forms:
            if isinstance(saved, LayerForm) and saved.has_changed() and saved not in formset.deleted_forms:
                schedules.change_roster(saved.instance, saved.cleaned_data["roster"], **who)

    def response_post_save_add(self, request: HttpRequest, obj: Schedule) -> HttpResponse:
        return HttpResponseRedirect(self.object_url(obj))

    def response_post_save_change(self, request: HttpRequest, obj: Schedule) -> HttpResponse:
        return HttpResponseRedirect(self.object_url(obj))


def _moments(initial: dict[str, str]) -> dict[str, Any]:
    """Times in an address, typed; what is none is left out."""
    zone = timezone.get_current_timezone()
    found = {key: instants.read(initial[key], zone) for key in ("start", "end") if key in initial}
    return {"kind": initial.get("kind")} | {key: at for key, at in found.items() if at}
