"""``/api/v1/incidents/``: list, look at, declare, and every verb (contract.md section 3)."""

import json

import django_filters
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.filters import BaseFilterBackend
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from incidents import communication, engagement, lifecycle, roles, timeline
from incidents.api import bodies
from incidents.models import AffectedService, Impact, Incident, RoleAssignment, Severity, State, TimelineEntry
from incidents.search import search
from oncall import clock
from oncall.edges.api import CursorPages, VerbsMixin
from oncall.edges.export import CSVList, CSVRenderer
from oncall.edges.instants import InstantFilter


class AffectedSerializer(serializers.ModelSerializer):
    slug = serializers.CharField(source="service.slug")

    class Meta:
        model = AffectedService
        fields = ["slug", "kind", "all_clear_at"]


class ImpactSerializer(serializers.ModelSerializer):
    service = serializers.CharField(source="service.slug")

    class Meta:
        model = Impact
        fields = ["service", "start", "end", "level", "share"]


class RoleSerializer(serializers.ModelSerializer):
    user = serializers.CharField(source="user.username")

    class Meta:
        model = RoleAssignment
        fields = ["role", "user", "since"]


class IncidentSerializer(serializers.ModelSerializer):
    """An incident as others see it. Everything is read only: it changes by its verbs."""

    key = serializers.CharField(help_text="INC-47")
    severity = serializers.CharField(source="severity.slug", default=None)
    reporter = serializers.CharField(source="reporter.username", default=None)
    root_cause_service = serializers.CharField(source="root_cause_service.slug", default=None)
    services = AffectedSerializer(source="affected_services", many=True)
    impacts = ImpactSerializer(many=True)
    roles = serializers.SerializerMethodField()
    metrics = serializers.SerializerMethodField()
    merged_into = serializers.SerializerMethodField()

    class Meta:
        model = Incident
        fields = [
            "key", "title", "state", "identified", "severity", "audience", "private", "kind", "summary",
            "description", "hurt", "services", "impacts", "roles", "reporter", "impact_started_at", "detected_at",
            "declared_at", "acknowledged_at", "classified_at", "identified_at", "mitigated_at", "resolved_at",
            "closed_at", "created_at", "update_due_at", "reopen_count", "detection_method", "root_cause_type",
            "root_cause_service", "mitigation", "resolution", "merged_into", "channel_name", "channel_url",
            "bridge_url", "tags", "custom_fields", "open_actions", "version", "metrics",
        ]  # fmt: skip
        read_only_fields = fields

    def get_roles(self, incident: Incident) -> list[dict]:
        return RoleSerializer([row for row in incident.roles.all() if row.until is None], many=True).data

    def get_metrics(self, incident: Incident) -> dict[str, int | None]:
        values = incident.durations.values
        return {f"{name}_seconds": values[name] for name in ("ttd", "tta", "ttm", "ttr")}

    def get_merged_into(self, incident: Incident) -> str | None:
        return f"INC-{incident.merged_into_id}" if incident.merged_into_id else None


class EntrySerializer(serializers.ModelSerializer):
    actor = serializers.SerializerMethodField()

    class Meta:
        model = TimelineEntry
        fields = ["sequence", "at", "recorded_at", "kind", "actor", "text", "data"]

    def get_actor(self, entry: TimelineEntry) -> str | None:
        return entry.actor.username if entry.actor else entry.actor_name or None


class IncidentFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=State.choices)
    open = django_filters.BooleanFilter(method="that_are_open", label="Whether somebody still has to respond")
    severity = django_filters.ModelMultipleChoiceFilter(
        field_name="severity__slug", to_field_name="slug", queryset=Severity.objects.all()
    )
    audience = django_filters.ChoiceFilter(choices=Incident.Audience.choices)
    service = django_filters.CharFilter(
        "service__slug", method="affecting", label="Slug of an affected service"
    )
    team = django_filters.CharFilter("service__team__slug", method="affecting", label="Slug of its team")
    role_user = django_filters.CharFilter(method="held_by", label="Who has a role in it now (username)")
    detection_method = django_filters.ChoiceFilter(choices=Incident.Detection.choices)
    root_cause_type = django_filters.ChoiceFilter(choices=Incident.Cause.choices)
    created_after = InstantFilter("created_at", "gte")
    created_before = InstantFilter("created_at", "lt")
    impact_after = InstantFilter("impact_started_at", "gte")
    impact_before = InstantFilter("impact_started_at", "lt")
    tag = django_filters.CharFilter(method="tagged", label="Has this tag")

    class Meta:
        model = Incident
        fields: list[str] = []

    def that_are_open(self, incidents, name: str, wanted: bool):
        return incidents.open() if wanted else incidents.exclude(pk__in=incidents.open().values("pk"))

    def affecting(self, incidents, path: str, slug: str):
        return incidents.filter(pk__in=AffectedService.objects.filter(**{path: slug}).values("incident"))

    def held_by(self, incidents, name: str, username: str):
        held = RoleAssignment.objects.filter(user__username=username, until__isnull=True)
        return incidents.filter(pk__in=held.values("incident"))

    def tagged(self, incidents, name: str, tag: str):
        """By the text of the list, which both databases have; each spells what is not ASCII its own way."""
        spelt = [json.dumps(tag), json.dumps(tag, ensure_ascii=False)]
        incidents = incidents.annotate(tags_text=Cast("tags", TextField()))
        return incidents.filter(Q(tags_text__contains=spelt[0]) | Q(tags_text__contains=spelt[1]))


class Words(BaseFilterBackend):
    """``?search=``: every word, anywhere in the incident."""

    def filter_queryset(self, request, queryset, view):
        return search(queryset, request.query_params.get("search", ""))

    def get_schema_operation_parameters(self, view) -> list[dict]:
        return [{"name": "search", "required": False, "in": "query", "schema": {"type": "string"}}]


class EntryPages(CursorPages):
    """The timeline, oldest first."""

    def get_ordering(self, request, queryset, view) -> list[str]:
        return ["sequence"]


class IncidentViewSet(CSVList, VerbsMixin, viewsets.ReadOnlyModelViewSet):
    """Incidents, newest first. ``state`` changes by verbs only."""

    queryset = Incident.objects.select_related("severity", "root_cause_service", "reporter").prefetch_related(
        "affected_services__service", "impacts__service", "roles__user"
    )
    serializer_class = IncidentSerializer
    filterset_class = IncidentFilter
    filter_backends = [django_filters.rest_framework.DjangoFilterBackend, Words]
    ordering_fields = ["id", "created_at", "title", "state"]
    renderer_classes = [JSONRenderer, CSVRenderer]
    lookup_value_regex = r"(?:[Ii][Nn][Cc]-)?[0-9]{1,15}"
    actions_with_own_rights = ("create", "backfill", "partial_update")
    csv_right = "incidents.export_incident"
    csv_columns = [
        "key", "title", "state", "severity", "audience", "summary", "impact_started_at", "detected_at",
        "declared_at", "acknowledged_at", "classified_at", "mitigated_at", "resolved_at", "closed_at",
        "detection_method", "root_cause_type", "root_cause_service", "tags", "services",
        "metrics.ttd_seconds", "metrics.tta_seconds", "metrics.ttm_seconds", "metrics.ttr_seconds",
    ]  # fmt: skip

    verbs = {
        "declare": lifecycle.declare,
        "acknowledge": lifecycle.acknowledge,
        "classify": lifecycle.set_severity,
        "troubleshoot": lifecycle.troubleshoot,
        "identify": lifecycle.identify,
        "engage": engagement.engage,
        "move-service": engagement.move_service,
        "assign-role": roles.assign,
        "note": timeline.note,
        "update": communication.send,
        "mitigate": lifecycle.mitigate,
        "recur": lifecycle.recur,
        "all-clear": engagement.all_clear,
        "resolve": lifecycle.resolve,
        "start-review": lifecycle.start_review,
        "skip-review": lifecycle.skip_review,
        "close": lifecycle.close,
        "reopen": lifecycle.reopen,
        "cancel": lifecycle.cancel,
        "restore": lifecycle.restore,
        "merge": lifecycle.merge,
        "unmerge": lifecycle.unmerge,
        "make-private": lifecycle.make_private,
    }
    verb_fields = {
        "declare": bodies.Declare,
        "acknowledge": bodies.Versioned,
        "classify": bodies.Classify,
        "troubleshoot": bodies.Versioned,
        "identify": bodies.Identify,
        "engage": bodies.Engage,
        "move-service": bodies.MoveService,
        "assign-role": bodies.AssignRole,
        "note": bodies.Note,
        "update": bodies.SendUpdate,
        "mitigate": bodies.Mitigate,
        "recur": bodies.Recur,
        "all-clear": bodies.AllClear,
        "resolve": bodies.Resolve,
        "start-review": bodies.Versioned,
        "skip-review": bodies.Reason,
        "close": bodies.Versioned,
        "reopen": bodies.Reason,
        "cancel": bodies.Reason,
        "restore": bodies.Reason,
        "merge": bodies.Merge,
        "unmerge": bodies.Versioned,
        "make-private": bodies.Versioned,
    }

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)

    def get_object(self) -> Incident:
        """By key. What a person may not see is not there, just like what never was."""
        found = self.get_queryset().filter(pk=bodies.number_of(self.kwargs["pk"]) or 0).first()
        if found is None:
            raise Http404
        self.check_object_permissions(self.request, found)
        return found

    @extend_schema(request=bodies.DeclareNew, responses={201: IncidentSerializer})
    def create(self, request) -> Response:
        """Declare a new incident: its services' on-call and an incident manager are paged."""
        told = self._body(bodies.DeclareNew)
        return self._answer(
            lifecycle.declare(by=request.user, at=clock.now(), **told), status.HTTP_201_CREATED
        )

    @extend_schema(request=bodies.Backfill, responses={201: IncidentSerializer})
    @action(detail=False, methods=["post"])
    def backfill(self, request) -> Response:
        """Write down an incident of the past with all its milestones; nothing is sent, nobody is paged."""
        told = self._body(bodies.Backfill)
        made = lifecycle.declare_past(by=request.user, at=clock.now(), **told)
        return self._answer(made, status.HTTP_201_CREATED)

    @extend_schema(request=bodies.Edit, responses=IncidentSerializer)
    def partial_update(self, request, **kwargs) -> Response:
        """Correct fields. A milestone needs a reason; the state changes by verbs only."""
        told = self._body(bodies.Edit)
        return self._answer(lifecycle.edit(self.get_object(), by=request.user, at=clock.now(), **told))

    @extend_schema(responses=EntrySerializer(many=True))
    @action(detail=True, methods=["get"])
    def timeline(self, request, **kwargs) -> Response:
        """What happened, oldest first."""
        pages = EntryPages()
        entries = self.get_object().timeline.select_related("actor")
        shown = pages.paginate_queryset(entries, request, view=self)
        return pages.get_paginated_response(EntrySerializer(shown, many=True).data)

    def _body(self, body: type[serializers.Serializer]) -> dict:
        told = body(data=self.request.data, context=self.get_serializer_context())
        told.is_valid(raise_exception=True)
        return told.validated_data

    def _answer(self, incident: Incident, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(incident).data, status=code)


ROUTES = [("incidents", IncidentViewSet, "incident")]
