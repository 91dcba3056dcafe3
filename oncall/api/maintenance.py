"""``/api/v1/services/<slug>/maintenance/``: while a service is worked on, nobody new is paged for it."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock, maintenance
from oncall.api import shapes
from oncall.edges.api import Idempotent
from oncall.models import Service, ServiceMaintenance

SERVICE = OpenApiParameter("service", str, OpenApiParameter.PATH, description="the service's slug")


class MaintenanceSerializer(serializers.ModelSerializer):
    """``start`` is by default now."""

    service = serializers.SlugRelatedField("slug", read_only=True)
    by = serializers.SlugRelatedField("username", source="created_by", read_only=True)
    start = serializers.DateTimeField(required=False)

    class Meta:
        model = ServiceMaintenance
        fields = ["service", "start", "end", "reason", "by"]

    def validate_start(self, at):
        return shapes.in_calendar(at, "start")

    def validate_end(self, at):
        return shapes.in_calendar(at, "end")


class ServiceMaintenanceViewSet(Idempotent, viewsets.GenericViewSet):
    """What is planned for a service, and what is under way."""

    queryset = ServiceMaintenance.objects.select_related("service", "created_by")
    serializer_class = MaintenanceSerializer
    pagination_class = None

    @extend_schema(operation_id="services_maintenance_list", parameters=[SERVICE])
    def list(self, request: Request, service: str) -> Response:
        """Those that are not over, the next first."""
        found = self.get_queryset().to_come(clock.now()).filter(service=self._service(service))
        return Response(self.get_serializer(found, many=True).data)

    @extend_schema(operation_id="services_maintenance_begin", parameters=[SERVICE])
    def create(self, request: Request, service: str) -> Response:
        """Begin one, or plan it. One that is going on already gets this end and reason instead."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        told: dict[str, Any] = body.validated_data
        made = maintenance.begin(self._service(service), **told, by=request.user, at=clock.now())
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="services_maintenance_end", parameters=[SERVICE], request=None)
    @action(detail=False, methods=["post"])
    def end(self, request: Request, service: str) -> Response:
        """End what is under way: what it held begins at the first step. What is planned stays."""
        at = clock.now()
        for row in self.get_queryset().going_on(at).filter(service=self._service(service)):
            maintenance.finish(row, by=request.user, at=at)
        return self.list(request, service)

    def _service(self, slug: str) -> Service:
        return get_object_or_404(Service, slug=slug)


ROUTES = [(r"services/(?P<service>[-\w]+)/maintenance", ServiceMaintenanceViewSet, "service-maintenance")]
