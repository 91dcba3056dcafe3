"""Action items in the console: what shall change, by whom and when."""

from datetime import date

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import models
from django.db.models import Case, Count, F, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from oncall import clock
from oncall.edges.admin import HistoryAdmin, Verb, VerbsAdmin
from postmortems import actions
from postmortems.admin import page
from postmortems.admin.verb_forms import ReasonForm, in_state
from postmortems.models import ActionItem
from postmortems.templatetags import postmortem as look

Stage = ActionItem.State
CLASH = "Somebody else has changed this action since you opened it. Look at it above, then save again."
WITHOUT_LINKS = dict.fromkeys(
    ["can_add_related", "can_change_related", "can_delete_related", "can_view_related"], False
)


def _today() -> date:
    """The viewer's."""
    return timezone.localdate(clock.now())


class ActionForm(forms.ModelForm):
    """Corrections. ``seen`` is the entry of the history that the page showed; a later one is not written over."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.initial["seen"] = self.instance.history.values_list("history_id", flat=True).first()

    def clean(self) -> dict:
        cleaned, now = super().clean(), self.initial["seen"]
        if cleaned.get("seen") not in {None, now}:
            self.data = {**self.data.dict(), self.add_prefix("seen"): now}  # the next press has seen it
            raise forms.ValidationError(CLASH)
        return cleaned


class Late(admin.SimpleListFilter):
    """Open though its day has passed."""

    title, parameter_name = "overdue", "late"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple[str, str]]:
        return [("1", "Overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.open().filter(due_on__lt=_today()) if self.value() else queryset


@admin.register(ActionItem)
class ActionItemAdmin(VerbsAdmin, HistoryAdmin):
    """The open ones first, the most urgent on top."""

    list_display = ["headline", "owned_by", "priority_word", "due", "stage"]
    list_filter = [Late, "state", "priority", ("owner", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["title", "details", "postmortem__incident__title"]
    ordering = [
        Case(When(state=Stage.OPEN, then=Value(0)), default=Value(1)),
        F("due_on").asc(nulls_last=True),
        "id",
    ]
    autocomplete_fields = ["owner"]
    form = ActionForm
    fields = ["seen", "title", "details", "owner", "priority", "essential", "due_on"]
    formfield_overrides = {
        **HistoryAdmin.formfield_overrides,
        models.DateField: {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")},
    }
    verbs = (
        Verb("finish", "Done", actions.finish, icon="check", tone="btn-fill", allowed=in_state(Stage.OPEN),
             done="Done."),
        Verb("waive", "Waive", actions.waive, form=ReasonForm, permission="postmortems.change_actionitem",
             allowed=in_state(Stage.OPEN), help="It will not be done. Say why; the next incident may ask."),
        Verb("reopen", "Reopen", actions.reopen, icon="repeat", allowed=in_state(Stage.DONE, Stage.WAIVED),
             done="Open again."),
    )  # fmt: skip

    # -- who sees and may what ---------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[ActionItem]:
        seen = ActionItem.objects.visible_to(request.user).values("pk")
        rows = super().get_queryset(request).filter(pk__in=seen)
        return rows.select_related("owner", "ended_by", "postmortem__incident")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # an action is added on its post-mortem

    def has_delete_permission(self, request: HttpRequest, obj: ActionItem | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: ActionItem | None = None) -> bool:
        return super().has_view_permission(request, obj) or (obj is not None and obj.owner == request.user)

    def has_change_permission(self, request: HttpRequest, obj: ActionItem | None = None) -> bool:
        return super().has_change_permission(request, obj) or (obj is not None and obj.owner == request.user)

    def may(self, request: HttpRequest, verb: Verb, obj: ActionItem) -> bool:
        return super().may(request, verb, obj) or (not verb.permission and obj.owner == request.user)

    # -- the list ----------------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        open_ones = Q(state=Stage.OPEN)
        counts = self.get_queryset(request).aggregate(
            open=Count("pk", filter=open_ones), late=Count("pk", filter=open_ones & Q(due_on__lt=_today()))
        )
        lead = page.tally(counts["open"], counts["late"], "open") or "Nothing is open."
        return super().changelist_view(request, {"lead": lead, **(extra_context or {})})

    @admin.display(description="Action item", ordering="title")
    def headline(self, action: ActionItem) -> str:
        incident = action.postmortem.incident
        return format_html('{}<span class="m-small m-below">{}</span>', action.title, incident)

    @admin.display(description="Owner", ordering="owner__first_name")
    def owned_by(self, action: ActionItem) -> str:
        return look.name(action.owner)

    @admin.display(description="Priority", ordering="priority")
    def priority_word(self, action: ActionItem) -> str:
        return action.get_priority_display() or look.quiet("no priority")

    @admin.display(description="Due", ordering="due_on")
    def due(self, action: ActionItem) -> str:
        found = page.deadline(action.due_on, _today())
        if found is None:
            return look.quiet("no date")
        if action.state != Stage.OPEN:
            return look.quiet(found.on)
        return look.due_cell(found.words, found.tone, found.on)

    @admin.display(description="State", ordering="state")
    def stage(self, action: ActionItem) -> str:
        return look.stage(action)

    # -- the page ----------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url="", extra_context=None
    ) -> HttpResponse:
        action = self.get_object(request, unquote(object_id))
        found = {}
        if action is not None:
            found = {
                "now": clock.now(),
                "action": action,
                "incident": action.postmortem.incident,
                "postmortem_url": self._postmortem_url(request, action),
                "due": page.deadline(action.due_on, _today()),
                "is_open": action.state == Stage.OPEN,
                "show_save_and_continue": False,
            }
        return super().change_view(request, object_id, form_url, {**found, **(extra_context or {})})

    def _postmortem_url(self, request: HttpRequest, action: ActionItem) -> str:
        """Where it came from; empty for an owner who may not see that incident."""
        registered = self.admin_site.get_model_admin(type(action.postmortem))
        if registered.get_object(request, str(action.postmortem_id)) is None:
            return ""
        return reverse("admin:postmortems_postmortem_change", args=[action.postmortem_id])

    def render_verb_form(self, request: HttpRequest, verb: Verb, form: forms.Form, **context) -> HttpResponse:
        incident = context["original"].postmortem.incident
        return super().render_verb_form(request, verb, form, **{**context, "original": incident})

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **options):
        """People are made elsewhere: no links beside the owner."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if db_field.name == "owner":
            vars(field.widget).update(WITHOUT_LINKS)
        return field

    def save_model(self, request: HttpRequest, obj: ActionItem, form: forms.ModelForm, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name != "seen"}
        if fields:
            actions.change(obj, by=request.user, at=clock.now(), **fields)

    def response_post_save_change(self, request: HttpRequest, obj: ActionItem) -> HttpResponse:
        return HttpResponseRedirect(self.object_url(obj))
