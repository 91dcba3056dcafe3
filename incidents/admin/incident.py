"""The incident in the console: its list, its page, its verbs.

What may be done is decided by ``incidents.transitions``, ``incidents.rights`` and the verbs; whoever may not see
an incident does not find it anywhere here.
"""

import re
from collections.abc import Callable
from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from incidents import classification, guards, lifecycle, rights, tasks, transitions
from incidents.admin import affected, exporting, filters, page, rehearsal, verb_forms
from incidents.admin.columns import Columns
from incidents.admin.filters import ManagerFilter, MyRoleFilter, ViewFilter
from incidents.admin.forms import DECLARE, DeclareForm, IncidentForm
from incidents.admin.page import Link
from incidents.models import AffectedService, Incident, Role, RoleAssignment, Task
from oncall import clock
from oncall.edges.admin import HistoryAdmin, Verb, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import User

KEY = re.compile(r"^\s*(?:INC-)?(\d{1,18})\s*$", re.IGNORECASE)
LISTS = {"incidents_incident_changelist", "incidents_incident_export"}
TIMES = ("impact_started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at")


@admin.register(Incident)
class IncidentAdmin(Columns, VerbsAdmin, HistoryAdmin):
    """``neighbours`` are what upper floors hang on the page: callables (incident, user) -> list of Links."""

    neighbours: ClassVar[list[Callable[[Incident, User], list[Link]]]] = []
    verbs = verb_forms.VERBS

    form = IncidentForm
    fieldsets = [
        (None, {"fields": ["seen_version", "title", "summary", "description", "audience", "hurt", "kind"]}),
        ("Join here", {"fields": ["channel_name", "channel_url", "bridge_url"]}),
        ("How it was found, and why it happened", {"fields": ["detection_method", "proactive", "root_cause_type",
         "root_cause_service", "mitigation", "resolution"]}),
        ("Times", {"fields": [*TIMES, "reason"]}),
    ]  # fmt: skip
    autocomplete_fields = ["root_cause_service"]
    list_filter = [
        ViewFilter,
        "severity",
        "state",
        "audience",
        "services",
        ManagerFilter,
        "detection_method",
        MyRoleFilter,
    ]
    list_select_related = ["severity"]
    search_fields = ["title", "summary", "services__name"]
    search_help_text = ""
    show_full_result_count = False
    ordering = ["-id"]
    actions = None

    # -- who sees and may what ---------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        seen = super().get_queryset(request).visible_to(request.user)
        if request.resolver_match and request.resolver_match.url_name in LISTS:
            managers = RoleAssignment.objects.filter(role=Role.MANAGER, until__isnull=True).select_related(
                "user"
            )
            return seen.prefetch_related(
                Prefetch("affected_services", AffectedService.objects.select_related("service")),
                Prefetch("roles", managers, to_attr="managers_now"),
            )
        return seen

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str):
        key = KEY.match(search_term)
        if key:
            return queryset.filter(pk=int(key[1])), False
        return super().get_search_results(request, queryset, search_term)

    def has_view_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        """Seeing is the queryset's business; whoever was called in needs no right beside it."""
        if super().has_view_permission(request, obj):
            return True
        return obj is not None and rights.may(request.user, transitions.verb("note"), obj)

    def has_change_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        return rights.may(request.user, transitions.verb("edit"), obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return rights.may(request.user, transitions.verb("declare"))

    def has_delete_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        return False  # an incident is cancelled, never deleted

    def may(self, request: HttpRequest, verb: Verb, obj: Incident) -> bool:
        return verb_forms.may(request.user, verb, obj)

    # -- addresses ---------------------------------------------------------------------------------------
    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(self.export_view), name="incidents_incident_export"),
            path("rehearse/", wrap(self.rehearse_view), name="incidents_incident_rehearse"),
            path(
                "<int:object_id>/tasks/<int:task_id>/",
                wrap(require_POST(self.tick_view)),
                name="incidents_incident_tick",
            ),
            *super().get_urls(),
        ]

    # -- the list ----------------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        chosen = request.GET.get("view", filters.DEFAULT)
        context = {
            "view": chosen,
            "filtered": set(request.GET) - {"view", "o", "p", "q", "all"},
            "tabs": filters.tabs(request.user, chosen),
            "may_export": request.user.has_perm("incidents.export_incident"),
            "export_query": request.GET.urlencode(),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The list as it is filtered, as CSV."""
        if not request.user.has_perm("incidents.export_incident"):
            raise PermissionDenied
        found = self.get_changelist_instance(request).get_queryset(request)
        return exporting.as_csv(found)

    def rehearse_view(self, request: HttpRequest) -> HttpResponse:
        """Whom an incident would page; for whoever may look at services."""
        if not request.user.has_perm(rehearsal.SEES):
            raise PermissionDenied
        return rehearsal.view(self.admin_site, request)

    # -- declaring ---------------------------------------------------------------------------------------
    def add_view(self, request: HttpRequest, form_url="", extra_context=None) -> HttpResponse:
        """Declare: a verb of its own, since nothing about an incident is merely saved."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = DeclareForm(request.POST or None, obj=None, user=request.user)
        refusal = ""
        if request.method == "POST" and form.is_valid():
            try:
                incident = lifecycle.declare(by=request.user, at=clock.now(), **form.told())
            except DomainError as error:
                field = verb_forms.FAULT_FIELDS.get(error.code)
                field = "impact_started_at" if field == "effective_at" else field
                form.add_error(field if field in form.fields else None, error.detail)
            else:
                messages.success(request, f"{incident.key} is declared. An incident manager is being paged.")
                return HttpResponseRedirect(self.object_url(incident))
        return self.render_declare(request, form, refusal)

    def render_declare(self, request: HttpRequest, form: forms.Form, refusal: str) -> HttpResponse:
        listing = reverse("admin:incidents_incident_changelist")
        return self.render_verb_form(
            request,
            DECLARE,
            form,
            title="Declare an incident",
            name="New incident",
            action=reverse("admin:incidents_incident_add"),
            object_url=listing,
            refusal=refusal,
        )

    # -- the page ----------------------------------------------------------------------------------------
    def get_form(self, request: HttpRequest, obj=None, change=False, **options):
        made = super().get_form(request, obj, change=change, **options)
        return type(made.__name__, (made,), {"editor": request.user})

    def save_model(self, request: HttpRequest, obj: Incident, form: IncidentForm, change: bool) -> None:
        """Written already, while the form was checked."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url="", extra_context=None
    ) -> HttpResponse:
        incident = self.get_object(request, unquote(object_id))
        found = self.page_context(request, incident) if incident else {}
        return super().change_view(request, object_id, form_url, {**found, **(extra_context or {})})

    def page_context(self, request: HttpRequest, incident: Incident) -> dict:
        """Everything the page shows beside the form."""
        now = clock.now()
        buttons = self.buttons(request, incident)
        named = {button.name: button for button in buttons}
        last_update = incident.updates.select_related("by").order_by("-at", "-id").first()
        roles, services, to_do = page.role_rows(incident), affected.services(incident, now), page.tasks(incident)
        return {
            "now": now,
            "incident": incident,
            "severity": incident.severity,
            "rail": page.rail(incident, now),
            "bar": page.bar(incident, buttons),
            "named": {name.replace("-", "_"): button for name, button in named.items()},
            "feed": page.feed(
                incident, chosen=request.GET.get("show", "all"), whole=request.GET.get("older") == "all"
            ),
            "note_kinds": verb_forms.CHOICES["note", "kind"],
            "services": services,
            "clear_count": sum(row.affected.all_clear_at is not None for row in services),
            "roles": roles,
            "manager_now": page.holder(roles, Role.MANAGER),
            "tasks": to_do,
            "done_count": sum(task.done_at is not None for task in to_do),
            "impact_length": page.length(incident.impact_started_at, incident.mitigated_at),
            "time_to_detect": page.length(incident.impact_started_at, incident.detected_at),
            "statement": page.statement(incident, last_update),
            "update_from": last_update.at if last_update else incident.declared_at,
            "links": [link for hook in self.neighbours for link in hook(incident, request.user)],
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }

    # -- verbs -------------------------------------------------------------------------------------------
    fault_fields = verb_forms.FAULT_FIELDS

    def still_current(self, request: HttpRequest, verb: Verb, obj: Incident) -> None:
        """The verbs look themselves, under their lock, and say who was faster."""

    def run_verb(self, request: HttpRequest, verb: Verb, obj: Incident, fields: dict) -> None:
        told = verb_forms.fields_of(verb, fields)
        if verb_forms.is_move(verb):
            told["expected_version"] = self.expected_version(request)
        verb.run(obj, by=request.user, at=clock.now(), **told)

    def expected_version(self, request: HttpRequest) -> int:
        """The version that the form showed; a form without one is stale."""
        given = request.POST.get("expected", "")
        return int(given) if given.isdecimal() and len(given) < 10 else -1

    def verb_initial(self, request: HttpRequest, verb: Verb, obj: Incident) -> dict:
        wanted = {name: value for name, value in request.GET.items() if name in verb_forms.CHOOSABLE}
        if verb.name == "classify":
            severity, _ = classification.suggested(obj, at=clock.now())
            return {"severity": severity, **wanted}
        if verb.name == "reclassify":
            return {"severity": obj.severity, **wanted}
        return wanted

    def verb_warnings(self, request: HttpRequest, verb: Verb, obj: Incident) -> list[str]:
        now = clock.now()
        warnings = guards.warnings(verb_forms.ROWS[verb.name], obj, {}, now)
        if verb.name in {"classify", "reclassify"}:
            severity, rule = classification.suggested(obj, at=now)
            return [f"The rules suggest {severity.name}: {rule}"] if severity else []
        return warnings

    def tick_view(self, request: HttpRequest, object_id: int, task_id: int) -> HttpResponse:
        """Tick a task off, or take the tick back."""
        incident = self.get_object(request, str(object_id))
        task = Task.objects.filter(pk=task_id, incident=incident).first() if incident else None
        if task is None:
            raise Http404
        try:
            change = tasks.undone if request.POST.get("done") == "0" else tasks.done
            change(task, by=request.user, at=clock.now())
        except DomainError as error:
            messages.error(request, error.detail)
        return HttpResponseRedirect(self.object_url(incident))
