"""Swaps: shifts that people ask others to take, or take at once."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html

from oncall import clock, swaps
from oncall.edges import timeline, times
from oncall.edges.admin import HistoryAdmin, MomentField, OneButtonAdmin, Verb, VerbForm, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import Schedule, Swap, User

#: Whoever sees schedules in the portal sees how they change hands.
READS_SCHEDULES = "oncall.view_schedule"
FAULTS = {
    "bad_span": "end",
    "past": "end",
    "no_shift": "requester",
    "swap_overlaps": "start",
    "taker_away": "taker",
}


def active_people() -> QuerySet[User]:
    """Everybody who can be on call, by name."""
    return User.objects.filter(is_active=True).order_by("first_name", "last_name", "username")


def in_your_time() -> str:
    """What every field of a time says of its zone."""
    return f"In your time, {times.city(timezone.get_current_timezone_name())}."


class AskForm(forms.ModelForm):
    """Whose shift, and when; with a taker it changes hands at once."""

    start = MomentField(label="From")
    end = MomentField(label="To")

    class Meta:
        model = Swap
        fields = ["schedule", "requester", "start", "end", "taker", "note"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "start" in self.fields:
            self.fields["start"].help_text = f"{in_your_time()} What has passed of a shift under way stays."

    def clean(self) -> dict[str, Any]:
        """Refuse beside the field what the verb would refuse."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        requester, taker, user = cleaned["requester"], cleaned.get("taker"), self.user
        if taker == requester:
            self.add_error("taker", "Choose somebody else.")
        elif not swaps.speaks_for(user, taker or requester):
            self.add_error("taker", "Ask for your own shift, or take somebody’s yourself.")
        else:
            self._check(cleaned)
        return cleaned

    def _check(self, cleaned: dict[str, Any]) -> None:
        try:
            span = {name: cleaned[name] for name in ("start", "end")}
            if cleaned.get("taker"):
                swaps.check_is_there(cleaned["taker"], **span, at=clock.now())
            swaps.check(cleaned["schedule"], cleaned["requester"], **span, at=clock.now())
        except DomainError as error:
            self.add_error(FAULTS[error.code], error.detail)


class TakeForm(VerbForm):
    """Who takes it; only a manager may name somebody else."""

    taker = forms.ModelChoiceField(User.objects.none(), label="Taken by")

    def __init__(self, *args: Any, obj: Swap, user: User, **options: Any) -> None:
        super().__init__(*args, obj=obj, user=user, **options)
        others = active_people().exclude(pk=obj.requester_id)
        manages = user.has_perm(swaps.MANAGES)
        self.fields["taker"].queryset = others if manages else others.filter(pk=user.pk)
        self.fields["taker"].initial = user.pk


def _can_be_taken(swap: Swap, user: User) -> bool:
    manages = user.has_perm(swaps.MANAGES)
    takes = user.has_perm(swaps.TAKES) and user.pk != swap.requester_id
    return swap.state == Swap.State.ASKED and swap.end > clock.now() and (manages or takes)


def _can_be_taken_back(swap: Swap, user: User) -> bool:
    concerned = swaps.speaks_for(user, swap.requester, swap.taker)
    return swap.state == Swap.State.TAKEN and swap.end > clock.now() and concerned


def _can_be_cancelled(swap: Swap, user: User) -> bool:
    return swap.state == Swap.State.ASKED and swaps.speaks_for(user, swap.requester)


@admin.register(Swap)
class SwapAdmin(OneButtonAdmin, VerbsAdmin, HistoryAdmin):
    list_display = ["__str__", "when", "state", "taker", "note"]
    list_filter = ["state", "schedule"]
    list_select_related = ["schedule", "requester", "taker"]
    search_fields = ["requester__username", "requester__first_name", "taker__username", "schedule__name"]
    ordering = ["-start"]
    actions = None
    form = AskForm
    fields = ["schedule", "requester", "when", "state", "taker", "note"]
    readonly_fields = ["when"]
    verbs = (
        Verb(
            "take",
            "Take it",
            swaps.take,
            icon="swap",
            form=TakeForm,
            tone="btn-fill",
            allowed=_can_be_taken,
            help="From then on you are on call in this person’s place.",
            submit="Take the shift",
            done="Taken. Both of you have it in writing.",
        ),
        Verb(
            "take-back",
            "Take back",
            swaps.take_back,
            icon="repeat",
            allowed=_can_be_taken_back,
            done="Taken back.",
        ),
        Verb(
            "cancel",
            "Cancel",
            swaps.cancel,
            icon="cross",
            tone="bad",
            allowed=_can_be_cancelled,
            done="Cancelled.",
        ),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_view_permission(self, request: HttpRequest, obj: Swap | None = None) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_change_permission(self, request: HttpRequest, obj: Swap | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Swap | None = None) -> bool:
        return False

    def may(self, request: HttpRequest, verb: Verb, obj: Swap) -> bool:
        """Each verb's own condition says who may."""
        return verb.allowed(obj, request.user)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Whoever was slower than somebody else between check and change reads so."""
        try:
            return super().add_view(request, form_url, extra_context)
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(request.get_full_path())

    def get_fields(self, request: HttpRequest, obj: Swap | None = None) -> list[str]:
        return self.fields if obj else AskForm.Meta.fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"requester": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_form(
        self, request: HttpRequest, obj: Swap | None = None, **options: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, **options)
        form.user = request.user
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> forms.Field:
        """Everybody as the one whose shift it is; as the taker oneself, or for a manager everybody."""
        people = active_people()
        if db_field.name == "requester":
            options["queryset"] = people
        if db_field.name == "taker":
            manages = request.user.has_perm(swaps.MANAGES)
            options["queryset"] = people if manages else people.filter(pk=request.user.pk)
            options["help_text"] = "Empty: everybody on the schedule is asked. Else it changes hands at once."
        if db_field.name == "schedule":
            options["queryset"] = Schedule.objects.order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: Swap, form: AskForm, change: bool) -> None:
        said = {name: form.cleaned_data[name] for name in ("requester", "start", "end", "note")}
        taker = form.cleaned_data["taker"]
        who = {"by": request.user, "at": clock.now()}
        schedule = form.cleaned_data["schedule"]
        made = (
            swaps.take_at_once(schedule, taker=taker, **said, **who)
            if taker
            else swaps.ask(schedule, **said, **who)
        )
        obj.pk, obj.state = made.pk, made.state

    @admin.display(description="When, your time", ordering="start")
    def when(self, swap: Swap) -> str:
        zone, theirs = timezone.get_current_timezone(), ZoneInfo(swap.schedule.time_zone)
        words = f"{timeline.spell(swap.start, swap.end, zone)} ({times.ago(swap.start, clock.now())})"
        if theirs.key == zone.key:
            return words
        there = f"{timeline.spell(swap.start, swap.end, theirs)} in {times.city(theirs.key)}"
        return format_html('{}<span class="m-small m-below">{}</span>', words, there)
