"""``/api/v1/alerts/``: what the tools said (contract.md section 3). Read only: alerts follow their tool."""

import django_filters
from rest_framework import serializers, viewsets

from incidents.models import Alert


class AlertSerializer(serializers.ModelSerializer):
    source = serializers.SlugRelatedField("slug", read_only=True)
    service = serializers.SlugRelatedField("slug", read_only=True)
    incident = serializers.CharField(source="incident.key", default=None, read_only=True, help_text="INC-47")

    class Meta:
        model = Alert
        fields = [
            "id",
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
            "links",
            "labels",
        ]


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


class AlertViewSet(viewsets.ReadOnlyModelViewSet):
    """Alerts, newest first."""

    queryset = Alert.objects.select_related("source", "service", "incident")
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    search_fields = ["summary", "dedup_key"]
    ordering_fields = ["first_seen_at", "last_seen_at", "count"]

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)
