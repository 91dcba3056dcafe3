"""``/api/v1/alerts/``: what the tools said (contract.md section 3). Read only: alerts follow their tool."""

import django_filters
from rest_framework import serializers, viewsets
from rest_framework.renderers import JSONRenderer

from incidents.models import Alert
from oncall.edges.export import CSVList, CSVRenderer

COLUMNS = [
    "source",
    "dedup_key",
    "state",
    "severity",
    "summary",
    "service",
    "incident",
    "count",
    "first_seen_at",
    "last_seen_at",
    "ended_at",
]


class AlertSerializer(serializers.ModelSerializer):
    source = serializers.SlugRelatedField("slug", read_only=True)
    service = serializers.SlugRelatedField("slug", read_only=True)
    incident = serializers.CharField(source="incident.key", default=None, read_only=True, help_text="INC-47")

    class Meta:
        model = Alert
        fields = ["id", *COLUMNS, "links", "labels"]
        read_only_fields = fields


class AlertFilter(django_filters.FilterSet):
    source = django_filters.CharFilter("source__slug")
    summary = django_filters.CharFilter(lookup_expr="icontains")
    service = django_filters.CharFilter("service__slug")
    incident = django_filters.CharFilter(method="of_incident", label="INC-47")

    class Meta:
        model = Alert
        fields = ["source", "dedup_key", "state", "severity", "summary", "service", "incident"]

    def of_incident(self, alerts, name: str, key: str):
        number = key.upper().removeprefix("INC-")
        is_number = number.isascii() and number.isdecimal() and len(number) < 19
        return alerts.filter(incident=int(number)) if is_number else alerts.none()


class AlertViewSet(CSVList, viewsets.ReadOnlyModelViewSet):
    """Alerts, newest first."""

    queryset = Alert.objects.select_related("source", "service", "incident")
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    search_fields = ["summary", "dedup_key"]
    renderer_classes = [JSONRenderer, CSVRenderer]
    csv_right = "incidents.export_incident"
    csv_columns = COLUMNS
    ordering_fields = ["first_seen_at", "last_seen_at", "count"]

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)


ROUTES = [("alerts", AlertViewSet, "alert")]
