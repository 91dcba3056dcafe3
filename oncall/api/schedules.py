"""``/api/v1/schedules/``: the form of contract.md section 4, and the answers computed from it."""

from typing import Any

import django_filters
from django.db import transaction
from django.db.models import ProtectedError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock, schedules
from oncall.api import shapes
from oncall.edges.api import Idempotent, refuse_unknown
from oncall.messaging.errors import DomainError
from oncall.models import Schedule, Team

FORM = ("layers", "exceptions", "overrides")
IN_RANGE = [
    OpenApiParameter("from", str, description="an instant; by default now"),
    OpenApiParameter("to", str, description="an instant; by default four weeks later, at most 400 days"),
]


class ScheduleSerializer(serializers.ModelSerializer):
    """A schedule with its whole form. ``overrides`` is read as another name of ``exceptions``."""

    team = serializers.SlugRelatedField(
        slug_field="slug", queryset=Team.objects.all(), required=False, allow_null=True, default=None
    )
    layers = serializers.ListField(child=serializers.JSONField(), required=False)
    exceptions = serializers.ListField(child=serializers.JSONField(), required=False)
    overrides = serializers.ListField(child=serializers.JSONField(), required=False)

    class Meta:
        model = Schedule
        fields = ["slug", "name", "team", "time_zone", "version", *FORM]
        read_only_fields = ["version"]

    def to_representation(self, schedule: Schedule) -> dict[str, Any]:
        forms = self.context.get("forms") or schedules.to_forms([schedule])
        form = forms[schedule.pk]
        return {
            "slug": schedule.slug,
            "name": schedule.name,
            "team": schedule.team.slug if schedule.team else None,
            "time_zone": schedule.time_zone,
            "version": schedule.version,
            "layers": form["layers"],
            "exceptions": form["exceptions"],
        }

    def validate(self, told: dict) -> dict:
        refuse_unknown(self.initial_data, set(self.fields))
        return told

    @transaction.atomic
    def create(self, told: dict) -> Schedule:
        form = {key: told.pop(key) for key in FORM if key in told}
        schedule = super().create(told)
        return self._write(schedule, form)

    @transaction.atomic
    def update(self, schedule: Schedule, told: dict) -> Schedule:
        """What is left out stays as it is, layers and exceptions too."""
        form = schedules.to_form(schedule) | {key: told.pop(key) for key in FORM if key in told}
        if "overrides" in form:
            form.pop("exceptions")
        form["time_zone"] = told.pop("time_zone", schedule.time_zone)
        return self._write(super().update(schedule, told), form)

    def _write(self, schedule: Schedule, form: dict) -> Schedule:
        """The form at fault is a fault of the request, named by its first field."""
        try:
            schedules.replace(schedule, form, by=self.context["request"].user, at=clock.now())
        except DomainError as error:
            field = error.detail.split(".")[0].split("[")[0].split(":")[0]
            raise serializers.ValidationError({field: [error.detail]}) from None
        return schedule


class ScheduleFilter(django_filters.FilterSet):
    team = django_filters.CharFilter("team__slug", label="Slug of the team that owns it")

    class Meta:
        model = Schedule
        fields: list[str] = []


class ScheduleViewSet(Idempotent, viewsets.ModelViewSet):
    """Schedules: who takes turns, and what departs from them."""

    queryset = Schedule.objects.select_related("team")
    serializer_class = ScheduleSerializer
    filterset_class = ScheduleFilter
    lookup_field = "slug"
    search_fields = ["slug", "name"]
    ordering = ["slug"]
    ordering_fields = ["slug", "name"]
    actions_with_own_rights = ("preview",)

    @property
    def is_setup(self) -> bool:
        """A preview writes nothing, so a token that acts may ask for one."""
        return self.action != "preview"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of schedules, all their forms loaded together."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        context = self.get_serializer_context() | {"forms": schedules.to_forms(page)}
        shown = ScheduleSerializer(page, many=True, context=context)
        return self.get_paginated_response(shown.data)

    def perform_destroy(self, schedule: Schedule) -> None:
        try:
            schedule.delete()
        except ProtectedError:
            raise DomainError(
                "in_use", f"An escalation policy pages {schedule}. Take it out of the policy first."
            ) from None

    @extend_schema(parameters=IN_RANGE, responses={200: dict})
    @action(detail=True, pagination_class=None, filterset_class=None)
    def final(self, request: Request, slug: str) -> Response:
        """Who is on call over a range, as maximal runs, and its gaps."""
        schedule, asked = self.get_object(), self._range(request)
        return Response(shapes.segments(schedules.final(schedule, **asked)))

    @extend_schema(parameters=[OpenApiParameter("at", str, description="an instant; by default now")])
    @action(detail=True, url_path="on-call", pagination_class=None, filterset_class=None)
    def on_call(self, request: Request, slug: str) -> Response:
        """Who is on call at an instant, and until when; null if it never changes."""
        schedule = self.get_object()
        asked = shapes.Moment(data=request.query_params)
        asked.is_valid(raise_exception=True)
        at = asked.validated_data.get("at")
        if at is None:
            at = clock.now()
            duty = schedules.on_call_now([schedule], at)[schedule.pk]
        else:
            duty = schedules.on_call(schedule, at)
        names = [user.username for user in duty.users]
        return Response({"at": shapes.instant(at), "on_call": names, "until": shapes.instant(duty.until)})

    @extend_schema(parameters=IN_RANGE, responses={200: dict})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def preview(self, request: Request, slug: str) -> Response:
        """The final schedule as it would be with this form, and what would change hands. Writes nothing."""
        if not request.user.has_perm("oncall.view_schedule"):
            self.permission_denied(request)
        schedule, asked = self.get_object(), self._range(request)
        if not isinstance(request.data, dict):
            raise serializers.ValidationError({"schedule": ["Must be an object: the form of a schedule."]})
        refuse_unknown(request.data, set(ScheduleSerializer.Meta.fields))
        form = {key: request.data[key] for key in ("time_zone", *FORM) if key in request.data}
        try:
            found = schedules.preview(schedule, form, **asked)
        except DomainError as error:
            raise serializers.ValidationError({"schedule": [error.detail]}) from None
        shown = shapes.segments(found.segments) | {"changes": shapes.changes(found.changes)}
        return Response(shown, status=status.HTTP_200_OK)

    def _range(self, request: Request) -> dict:
        asked = shapes.Range(data=request.query_params, context={"now": clock.now()})
        asked.is_valid(raise_exception=True)
        return asked.validated_data


ROUTES = [("schedules", ScheduleViewSet, "schedule")]
