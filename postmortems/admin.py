"""Post-mortems and action items in the console."""

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from incidents.admin.incident import IncidentAdmin
from incidents.admin.page import Link
from incidents.models import Incident, State
from oncall import clock
from oncall.edges.admin import HistoryAdmin, Verb, VerbForm, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import User
from postmortems import actions, drafting, exports, lint, review
from postmortems.models import ActionItem, PostMortem, Section

Stage, Ending = PostMortem.State, ActionItem.State


class ReasonForm(VerbForm):
    """Why."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)


class AddActionForm(VerbForm):
    """Something that shall change, with who and when."""

    title = forms.CharField(max_length=300, label="What shall change")
    owner = forms.ModelChoiceField(User.objects.filter(is_active=True), required=False)
    priority = forms.ChoiceField(choices=ActionItem.Priority.choices, initial=ActionItem.Priority.MEDIUM)
    due_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        label="Due on",
        help_text="Left empty, one of high priority is due by the severity's rule.",
    )


def _in_state(*states: str):
    return lambda obj, user: obj.state in states


class SectionInline(admin.StackedInline):
    model = Section
    fields = ["text"]
    extra = max_num = 0
    can_delete = False
    verbose_name_plural = "What people write"


class ActionInline(admin.TabularInline):
    model = ActionItem
    fields = readonly_fields = ["title", "owner", "priority", "due_on", "state"]
    extra = max_num = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "What we are changing"


@admin.register(PostMortem)
class PostMortemAdmin(VerbsAdmin, HistoryAdmin):
    """Facts beside what people write; approved by somebody who did not lead it."""

    list_display = ["incident", "state", "lead", "due_at", "approved_at"]
    list_filter = ["state", "lead"]
    list_select_related = ["incident", "lead"]
    search_fields = ["incident__title", "sections__text"]
    autocomplete_fields = ["lead"]
    fields = ["lead", "due_at", "meeting_at"]
    inlines = [SectionInline, ActionInline]
    change_form_template = "admin/postmortems/postmortem/change_form.html"
    verbs = (
        Verb("submit", "Submit for review", review.submit, icon="arrow", tone="btn-fill",
             allowed=_in_state(Stage.DRAFT), done="Submitted. Somebody else approves it."),
        Verb("approve", "Approve", review.approve, icon="check", tone="btn-fill",
             permission="postmortems.approve_postmortem", allowed=_in_state(Stage.IN_REVIEW), done="Approved."),
        Verb("send-back", "Ask for changes", review.send_back, form=ReasonForm,
             permission="postmortems.approve_postmortem", allowed=_in_state(Stage.IN_REVIEW)),
        Verb("publish", "Publish", review.publish, icon="mega", tone="btn-fill",
             permission="postmortems.approve_postmortem", allowed=_in_state(Stage.APPROVED),
             done="Published to everybody in the house."),
        Verb("add-action", "Add an action", actions.add, icon="plus", form=AddActionForm,
             permission="postmortems.add_actionitem", done="Added."),
        Verb("refresh", "Refresh the facts", drafting.refresh, allowed=_in_state(Stage.DRAFT, Stage.IN_REVIEW),
             done="The facts are made anew; what people wrote stands."),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest):
        return (
            super()
            .get_queryset(request)
            .filter(pk__in=PostMortem.objects.visible_to(request.user).values("pk"))
        )

    def get_urls(self) -> list:
        export = self.admin_site.admin_view(self.export_view)
        draft = self.admin_site.admin_view(self.draft_view)
        return [
            path("<int:pk>/export.md", export, name="postmortems_postmortem_export"),
            path("draft/<int:incident>/", draft, name="postmortems_postmortem_draft"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a review begins at its incident

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: PostMortem | None = None) -> bool:
        if obj is not None and obj.state in {Stage.APPROVED, Stage.PUBLISHED}:
            return False
        return super().has_change_permission(request, obj) or (obj is not None and obj.lead == request.user)

    def may(self, request: HttpRequest, verb: Verb, obj: PostMortem) -> bool:
        return super().may(request, verb, obj) or (not verb.permission and obj.lead == request.user)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url="", extra_context=None
    ) -> HttpResponse:
        postmortem = self.get_object(request, object_id)
        found = {}
        if postmortem is not None:
            sections = list(postmortem.sections.all())
            found = {
                "sections": [section for section in sections if section.text.strip()],
                "findings": [
                    (section, finding) for section in sections for finding in lint.check(section.text)
                ],
                "missing": review.unready(postmortem) if postmortem.state != Stage.PUBLISHED else [],
                "lead": f"{postmortem.incident.title}. {postmortem.get_state_display()}.",
                "incident_url": reverse("admin:incidents_incident_change", args=[postmortem.incident_id]),
            }
        return super().change_view(request, object_id, form_url, {**found, **(extra_context or {})})

    def draft_view(self, request: HttpRequest, incident: int) -> HttpResponse:
        """GET asks, POST opens the review of an incident."""
        found = Incident.objects.visible_to(request.user).filter(pk=incident).first()
        if found is None or not request.user.has_perm("postmortems.add_postmortem"):
            raise Http404
        refusal = ""
        if request.method == "POST":
            try:
                made = drafting.draft(found, by=request.user, at=clock.now())
                return HttpResponseRedirect(self.object_url(made))
            except DomainError as error:
                refusal = error.detail
        context = {
            **self.admin_site.each_context(request),
            "title": f"Write the post-mortem of {found.key}",
            "opts": self.opts,
            "incident": found,
            "refusal": refusal,
        }
        return TemplateResponse(request, "admin/postmortems/postmortem/draft.html", context)

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The whole post-mortem as a Markdown file."""
        postmortem = self.get_object(request, str(pk))
        if postmortem is None or not self.has_view_permission(request, postmortem):
            raise Http404
        name = f"{postmortem.incident.key.lower()}-post-mortem.md"
        return HttpResponse(
            exports.markdown(postmortem),
            content_type="text/markdown; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


class Late(admin.SimpleListFilter):
    """Whether its day has passed."""

    title, parameter_name = "overdue", "late"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple[str, str]]:
        return [("1", "Overdue")]

    def queryset(self, request: HttpRequest, queryset):
        return queryset.open().filter(due_on__lt=clock.now().date()) if self.value() else queryset


@admin.register(ActionItem)
class ActionItemAdmin(VerbsAdmin, HistoryAdmin):
    """What shall change, by whom and when."""

    list_display = ["title", "incident", "owner", "priority", "due_on", "state"]
    list_filter = [Late, "state", "priority", "owner"]
    list_select_related = ["owner", "postmortem__incident"]
    search_fields = ["title", "details", "postmortem__incident__title"]
    autocomplete_fields = ["owner"]
    fields = ["title", "details", "owner", "priority", "essential", "due_on"]
    verbs = (
        Verb("finish", "Done", actions.finish, icon="check", tone="btn-fill", allowed=_in_state(Ending.OPEN)),
        Verb("waive", "Waive", actions.waive, form=ReasonForm, permission="postmortems.change_actionitem",
             allowed=_in_state(Ending.OPEN), help="It will not be done. Say why."),
        Verb("reopen", "Reopen", actions.reopen, allowed=_in_state(Ending.DONE, Ending.WAIVED)),
    )  # fmt: skip

    @admin.display(description="incident", ordering="postmortem__incident")
    def incident(self, action: ActionItem) -> str:
        return action.postmortem.incident.key

    def get_queryset(self, request: HttpRequest):
        return (
            super()
            .get_queryset(request)
            .filter(pk__in=ActionItem.objects.visible_to(request.user).values("pk"))
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # an action is added on its post-mortem

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ActionItem | None = None) -> bool:
        return super().has_change_permission(request, obj) or (obj is not None and obj.owner == request.user)

    def may(self, request: HttpRequest, verb: Verb, obj: ActionItem) -> bool:
        return super().may(request, verb, obj) or (not verb.permission and obj.owner == request.user)

    def save_model(self, request: HttpRequest, obj: ActionItem, form: forms.ModelForm, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        actions.change(obj, by=request.user, at=clock.now(), **fields)


def review_links(incident: Incident, user: User) -> list[Link]:
    """The post-mortem on its incident's page, or the way to begin one."""
    found = PostMortem.objects.visible_to(user).filter(incident=incident).first()
    if found:
        return [
            Link("Post-mortem", reverse("admin:postmortems_postmortem_change", args=[found.pk]), "pencil")
        ]
    if incident.state in {State.RESOLVED, State.IN_REVIEW} and user.has_perm("postmortems.add_postmortem"):
        return [
            Link(
                "Write the post-mortem",
                reverse("admin:postmortems_postmortem_draft", args=[incident.pk]),
                "pencil",
            )
        ]
    return []


IncidentAdmin.neighbours.append(review_links)
