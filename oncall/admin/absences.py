"""Absences: one entry for a person, with the shifts that need somebody else and who is free for them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from oncall import absences, clock, swaps
from oncall.admin.swaps import READS_SCHEDULES, active_people, in_your_time
from oncall.edges import schedule_words, timeline, times
from oncall.edges.admin import HistoryAdmin, MomentField, OneButtonAdmin, Verb, VerbForm, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import Absence, Schedule, User

FREE_SHOWN = 6


class AbsenceForm(forms.ModelForm):
    """Who is away, and when."""

    start = MomentField(label="From")
    end = MomentField(label="To")

    class Meta:
        model = Absence
        fields = ["user", "start", "end", "note"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "start" in self.fields:
            self.fields["start"].help_text = in_your_time()

    def clean(self) -> dict[str, Any]:
        """Refuse beside the field what the verb would refuse."""
        cleaned = super().clean()
        if not self.errors:
            try:
                absences.check(
                    *(cleaned[name] for name in ("user", "start", "end")), by=self.by, at=clock.now()
                )
            except DomainError as error:
                self.add_error("end" if error.code != "forbidden" else "user", error.detail)
        return cleaned


class ChangeForm(VerbForm):
    """Other times, another note."""

    start = MomentField(label="From", help_text="What has begun keeps its beginning.")
    end = MomentField(label="To")
    note = forms.CharField(required=False, max_length=200)


class CoverForm(VerbForm):
    """Somebody for one of the shifts."""

    schedule = forms.ModelChoiceField(Schedule.objects.all())
    start = forms.CharField(widget=forms.HiddenInput)
    end = forms.CharField(widget=forms.HiddenInput)
    cover = forms.ModelChoiceField(User.objects.none(), label="Covered by")

    def __init__(self, *args: Any, obj: Absence, user: User, **options: Any) -> None:
        super().__init__(*args, obj=obj, user=user, **options)
        self.fields["cover"].queryset = active_people().exclude(pk=obj.user_id)

    def clean_start(self) -> datetime:
        return self._moment("start")

    def clean_end(self) -> datetime:
        return self._moment("end")

    def _moment(self, name: str) -> datetime:
        try:
            at = parse_datetime(self.cleaned_data[name])
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            raise forms.ValidationError("Press the button beside the shift.")
        return at


@dataclass(frozen=True)
class Candidate:
    """One press: who would cover."""

    pk: int
    label: str


@dataclass(frozen=True)
class Row:
    """A shift of the absent person, as its line of the page says it."""

    schedule: Schedule
    when: str
    instead: str
    uncovered: bool
    turn: bool
    start: str
    end: str
    candidates: list[Candidate]
    ask_url: str


def _is_ahead(absence: Absence, user: User) -> bool:
    return absence.end > clock.now() and swaps.speaks_for(user, absence.user)


def _can_be_covered(absence: Absence, user: User) -> bool:
    return absence.end > clock.now()


@admin.register(Absence)
class AbsenceAdmin(OneButtonAdmin, VerbsAdmin, HistoryAdmin):
    list_display = ["user", "when", "note"]
    list_filter = [("user", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__first_name", "user__last_name", "note"]
    ordering = ["-start"]
    actions = None
    form = AbsenceForm
    fields = ["user", "when", "note"]
    readonly_fields = ["when"]
    change_form_template = "admin/oncall/absence/change_form.html"
    verbs = (
        Verb(
            "change",
            "Change",
            absences.change,
            icon="pencil",
            form=ChangeForm,
            allowed=_is_ahead,
            done="Changed.",
        ),
        Verb("cancel", "End it", absences.cancel, icon="cross", tone="bad", allowed=_is_ahead, done="Ended."),
        Verb(
            "cover",
            "Cover",
            absences.cover,
            form=CoverForm,
            allowed=_can_be_covered,
            done="Covered. Both have it in writing.",
        ),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_view_permission(self, request: HttpRequest, obj: Absence | None = None) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_change_permission(self, request: HttpRequest, obj: Absence | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Absence | None = None) -> bool:
        return False

    def may(self, request: HttpRequest, verb: Verb, obj: Absence) -> bool:
        """Each verb's own condition says who may; covering checks the person who covers."""
        return verb.allowed(obj, request.user)

    def buttons(self, request: HttpRequest, obj: Absence, *, back: str = "") -> list:
        """Covering has its buttons beside the shifts."""
        return [button for button in super().buttons(request, obj, back=back) if button.name != "cover"]

    # -- entering one --------------------------------------------------------------------------------------
    def get_fields(self, request: HttpRequest, obj: Absence | None = None) -> list[str]:
        return self.fields if obj else AbsenceForm.Meta.fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"user": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_form(
        self, request: HttpRequest, obj: Absence | None = None, **options: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, **options)
        form.by = request.user
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> forms.Field:
        """Oneself; for a manager everybody."""
        people = active_people()
        manages = request.user.has_perm(swaps.MANAGES)
        options["queryset"] = people if manages else people.filter(pk=request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: Absence, form: AbsenceForm, change: bool) -> None:
        said = form.cleaned_data
        made = absences.add(
            said["user"],
            **{name: said[name] for name in ("start", "end", "note")},
            by=request.user,
            at=clock.now(),
        )
        obj.pk = made.pk

    def response_add(
        self, request: HttpRequest, obj: Absence, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to the shifts that need somebody else."""
        super().response_add(request, obj, post_url_continue)
        return HttpResponseRedirect(self.object_url(obj))

    # -- the page ------------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        absence = self.get_object(request, unquote(object_id))
        shown = self._shown(request, absence) if absence else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def verb_initial(self, request: HttpRequest, verb: Verb, obj: Absence) -> dict[str, Any]:
        return {"start": obj.start, "end": obj.end, "note": obj.note} if verb.name == "change" else {}

    def _back(self, request: HttpRequest, obj: Absence) -> str:
        """An absence that was still to come is gone when it is ended."""
        gone = obj.pk is None or not Absence.objects.filter(pk=obj.pk).exists()
        return reverse("admin:oncall_absence_changelist") if gone else super()._back(request, obj)

    def _shown(self, request: HttpRequest, absence: Absence) -> dict[str, Any]:
        found = absences.conflicts(absence, at=clock.now())
        names = dict.fromkeys(name for conflict in found for name in conflict.instead)
        people = {user.username: str(user) for user in User.objects.filter(username__in=names)}
        return {
            "conflicts": [self._row(request, absence, conflict, people) for conflict in found],
            "cover_url": self._verb_url(absence, "cover"),
        }

    def _row(
        self, request: HttpRequest, absence: Absence, conflict: absences.Conflict, people: dict[str, str]
    ) -> Row:
        zone = timezone.get_current_timezone()
        asks = swaps.speaks_for(request.user, absence.user)
        local = {"start": conflict.start.astimezone(zone), "end": conflict.end.astimezone(zone)}
        span = "".join(f"&{name}={at:%Y-%m-%dT%H:%M}" for name, at in local.items())
        asking = f"?schedule={conflict.schedule.pk}&requester={absence.user_id}{span}"
        return Row(
            schedule=conflict.schedule,
            when=timeline.spell(conflict.start, conflict.end, zone),
            instead=schedule_words.together([people.get(name, name) for name in conflict.instead]),
            uncovered=conflict.uncovered,
            turn=conflict.turn,
            start=conflict.start.isoformat(),
            end=conflict.end.isoformat(),
            candidates=self._candidates(request.user, conflict),
            ask_url=reverse("admin:oncall_swap_add") + asking if asks else "",
        )

    def _candidates(self, viewer: User, conflict: absences.Conflict) -> list[Candidate]:
        """Whom the viewer may put there: a manager anybody who is free, others themselves."""
        if not conflict.turn:
            return []
        if viewer.has_perm(swaps.MANAGES):
            return [Candidate(user.pk, str(user)) for user in conflict.free[:FREE_SHOWN]]
        takes = viewer.has_perm(swaps.TAKES) and viewer in conflict.free
        return [Candidate(viewer.pk, "I take it")] if takes else []

    @admin.display(description="When, your time", ordering="start")
    def when(self, absence: Absence) -> str:
        words = timeline.spell(absence.start, absence.end, timezone.get_current_timezone())
        return f"{words} ({times.ago(absence.start, clock.now())})"
