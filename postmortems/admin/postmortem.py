"""Post-mortems in the console: their list, the page on which each is written and read, their verbs."""

from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, Count, F, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from incidents.admin.incident import IncidentAdmin
from incidents.admin.page import Link
from incidents.models import Incident, State
from oncall import clock
from oncall.edges import times
from oncall.edges.admin import Button, HistoryAdmin, Verb, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import User
from oncall.templatetags import muster
from postmortems import actions, drafting, exports, review, rights
from postmortems.admin import page, publicly, writing
from postmortems.admin.verb_forms import AddActionForm, PlanForm, ReasonForm, in_state
from postmortems.models import ActionItem, PostMortem
from postmortems.templatetags import postmortem as look
from statuspage.admin.composer import Composer
from statuspage.rights import UPDATE as PUBLIC

Stage = PostMortem.State


class Late(admin.SimpleListFilter):
    """Not approved though its time has passed."""

    title, parameter_name = "overdue", "late"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple[str, str]]:
        return [("1", "Overdue")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        late = {"state__in": page.UNFINISHED, "due_at__lt": clock.now()}
        return queryset.filter(**late) if self.value() else queryset


@admin.register(PostMortem)
class PostMortemAdmin(Composer, VerbsAdmin, HistoryAdmin):
    """What people write, beside what the portal knows; approved by somebody who did not lead it."""

    list_display = ["headline", "stage", "leader", "due", "approved"]
    list_filter = ["state", ("lead", admin.RelatedOnlyFieldListFilter), Late]
    search_fields = ["incident__title", "sections__text"]
    ordering = [
        Case(When(state__in=page.UNFINISHED, then=Value(0)), default=Value(1)),
        Case(When(state__in=page.UNFINISHED, then=F("due_at"))),
        "-approved_at",
        "-id",
    ]
    fieldsets: ClassVar = [(None, {"fields": []})]  # lead and dates are a verb, the text is in the sections
    inlines = [writing.SectionInline]
    verbs = (
        Verb("submit", "Submit for review", review.submit, icon="next", tone="btn-fill",
             allowed=in_state(Stage.DRAFT), done="Submitted. Somebody else approves it."),
        Verb("approve", "Approve", review.approve, icon="check", tone="btn-fill",
             permission="postmortems.approve_postmortem", allowed=in_state(Stage.IN_REVIEW), done="Approved."),
        Verb("send-back", "Ask for changes", review.send_back, form=ReasonForm, icon="repeat",
             permission="postmortems.approve_postmortem", allowed=in_state(Stage.IN_REVIEW),
             help="It becomes a draft again. What you say stands in its history."),
        Verb("publish", "Publish", review.publish, icon="megaphone", tone="btn-fill",
             permission="postmortems.approve_postmortem", allowed=in_state(Stage.APPROVED),
             done="Published to everybody in the house."),
        Verb("plan", "Lead and dates", drafting.plan, form=PlanForm, icon="calendar", submit="Save",
             allowed=in_state(*page.UNFINISHED), done="Saved."),
        Verb("add-action", "Add an action", actions.add, icon="plus", form=AddActionForm,
             permission="postmortems.add_actionitem", done="Added."),
        Verb("refresh", "Refresh", drafting.refresh, icon="repeat", allowed=in_state(*page.UNFINISHED),
             done="The facts are made anew; what people wrote stands."),
    )  # fmt: skip

    # -- who sees and may what ---------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[PostMortem]:
        seen = PostMortem.objects.visible_to(request.user).values("pk")
        return super().get_queryset(request).filter(pk__in=seen).select_related("incident__severity", "lead")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a review begins at its incident

    def has_delete_permission(self, request: HttpRequest, obj: PostMortem | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: PostMortem | None = None) -> bool:
        return super().has_view_permission(request, obj) or (obj is not None and obj.lead == request.user)

    def has_change_permission(self, request: HttpRequest, obj: PostMortem | None = None) -> bool:
        if obj is None:
            return super().has_change_permission(request)
        return rights.may_write(obj, request.user)

    def may(self, request: HttpRequest, verb: Verb, obj: PostMortem) -> bool:
        return super().may(request, verb, obj) or (not verb.permission and obj.lead == request.user)

    def get_urls(self) -> list:
        export = self.admin_site.admin_view(self.export_view)
        draft = self.admin_site.admin_view(self.draft_view)
        public = self.admin_site.admin_view(self.public_view)
        return [
            path("<int:pk>/export.md", export, name="postmortems_postmortem_export"),
            path("draft/<int:incident>/", draft, name="postmortems_postmortem_draft"),
            path("<int:pk>/public/", public, name="postmortems_postmortem_public"),
            *super().get_urls(),
        ]

    # -- the list ----------------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        open_ones = Q(state__in=page.UNFINISHED)
        counts = self.get_queryset(request).aggregate(
            unfinished=Count("pk", filter=open_ones),
            late=Count("pk", filter=open_ones & Q(due_at__lt=clock.now())),
        )
        lead = page.tally(counts["unfinished"], counts["late"], "not approved yet") or "All are approved."
        return super().changelist_view(request, {"lead": lead, **(extra_context or {})})

    @admin.display(description="Post-mortem", ordering="incident__title")
    def headline(self, row: PostMortem) -> str:
        key = format_html("{}{}", row.incident.key, muster.icon("lock") if row.incident.private else "")
        return format_html('{}<span class="m-small m-below">{}</span>', row.incident.title, key)

    @admin.display(description="State", ordering="state")
    def stage(self, row: PostMortem) -> str:
        return look.stage(row)

    @admin.display(description="Lead", ordering="lead__first_name")
    def leader(self, row: PostMortem) -> str:
        return look.name(row.lead)

    @admin.display(description="Due", ordering="due_at")
    def due(self, row: PostMortem) -> str:
        if row.due_at is None:
            return look.quiet("no date")
        now = clock.now()
        on = times.date_and_time(row.due_at, now, timezone.get_current_timezone())
        if row.state not in page.UNFINISHED:
            return look.quiet(on)
        words = times.due(row.due_at, now, soon=page.SOON)
        return look.due_cell(words.text, words.tone, on)

    @admin.display(description="Approved", ordering="approved_at")
    def approved(self, row: PostMortem) -> str:
        return muster.moment(row.approved_at, clock.now()) if row.approved_at else look.quiet("not yet")

    # -- the page ----------------------------------------------------------------------------------------
    def render_change_form(self, request: HttpRequest, context: dict, *args, obj=None, **options):
        """The stock form is the sections' formset; everything else on the page is read."""
        formset = next((inline.formset for inline in context["inline_admin_formsets"]), None)
        writes = self.has_change_permission(request, obj)
        shown = page.parts(obj, formset.forms if formset and writes else [])
        named = {button.name.replace("-", "_"): button for button in context["verb_buttons"]}
        context |= page.context(obj, shown, clock.now()) | {
            "formset": formset if writes else None,
            "bar": page.bar(obj, context["verb_buttons"], request.user),
            "named": named,
            "actions": self._actions(request, obj),
        }
        return super().render_change_form(request, context, *args, obj=obj, **options)

    def _actions(self, request: HttpRequest, obj: PostMortem) -> list[page.ActionRow]:
        """Its actions, each with the buttons that its own page would show."""
        registered = self.admin_site.get_model_admin(ActionItem)
        today = timezone.localdate(clock.now())
        back = self.object_url(obj) + "#actions"
        return [
            page.action_row(action, registered.buttons(request, action, back=back), today)
            for action in obj.actions.select_related("owner", "ended_by")
        ]

    def save_model(self, request: HttpRequest, obj: PostMortem, form: forms.ModelForm, change: bool) -> None:
        """Nothing is written here but sections."""

    def save_formset(self, request: HttpRequest, form: forms.ModelForm, formset, change: bool) -> None:
        formset.save(commit=False)  # fills what the stock log entry asks for
        written = {
            each.instance.kind: each.cleaned_data["text"] for each in formset.forms if each.has_changed()
        }
        drafting.write(form.instance, sections=written, by=request.user, at=clock.now())

    def response_change(self, request: HttpRequest, obj: PostMortem) -> HttpResponse:
        messages.success(request, "Saved. Every earlier text stands in the history.")
        return HttpResponseRedirect(self.object_url(obj))

    def verb_initial(self, request: HttpRequest, verb: Verb, obj: PostMortem) -> dict:
        if verb.name != "plan":
            return {}
        return {"lead": obj.lead, "due_at": obj.due_at, "meeting_at": obj.meeting_at}

    def render_verb_form(self, request: HttpRequest, verb: Verb, form: forms.Form, **context) -> HttpResponse:
        return super().render_verb_form(
            request, verb, form, **{**context, "original": context["original"].incident}
        )

    # -- other pages -------------------------------------------------------------------------------------
    def buttons(self, request: HttpRequest, obj: PostMortem, *, back: str = "") -> list[Button]:
        """With the way to the public last."""
        found = super().buttons(request, obj, back=back)
        url = reverse("admin:postmortems_postmortem_public", args=[obj.pk])
        tell = publicly.button(obj, request.user, url)
        return [*found, tell] if tell else found

    def public_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Its public face: chosen parts, by the status page's composer."""
        postmortem = self.get_object(request, str(pk))
        if postmortem is None or not request.user.has_perm(PUBLIC):
            raise Http404
        return publicly.view(self, request, postmortem, back=self.object_url(postmortem))

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


def review_links(incident: Incident, user: User) -> list[Link]:
    """The post-mortem on its incident's page, or the way to begin one."""
    found = PostMortem.objects.visible_to(user).filter(incident=incident).first()
    if found:
        url = reverse("admin:postmortems_postmortem_change", args=[found.pk])
        return [Link("Post-mortem", url, "pencil")]
    if incident.state in {State.RESOLVED, State.IN_REVIEW} and user.has_perm("postmortems.add_postmortem"):
        url = reverse("admin:postmortems_postmortem_draft", args=[incident.pk])
        return [Link("Write the post-mortem", url, "pencil")]
    return []


IncidentAdmin.neighbours.append(review_links)
