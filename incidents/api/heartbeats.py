"""``/api/v1/heartbeats/``: who reports in, who is silent, who is muted and why."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import django_filters
from rest_framework import serializers, viewsets

from incidents import heartbeats
from incidents.models import Heartbeat
from oncall.edges.api import DurationSecondsField, VerbsMixin
from oncall.messaging.errors import DomainError
from oncall.models import User


class HeartbeatSerializer(serializers.ModelSerializer):
    service = serializers.SlugRelatedField("slug", read_only=True)
    interval_seconds = DurationSecondsField(source="interval", read_only=True)
    grace_seconds = DurationSecondsField(source="grace", read_only=True)
    state = serializers.CharField(read_only=True, help_text="new, alive, silent or muted.")

    class Meta:
        model = Heartbeat
        fields = [
            "slug", "name", "service", "state", "severity", "interval_seconds", "grace_seconds", "last_beat_at",
            "due_at", "missed_at", "muted_because",
        ]  # fmt: skip
        read_only_fields = fields


class HeartbeatFilter(django_filters.FilterSet):
    service = django_filters.CharFilter("service__slug")
    silent = django_filters.BooleanFilter("missed_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Heartbeat
        fields = ["service", "severity", "silent"]


class MuteFields(serializers.Serializer):
    reason = serializers.CharField(max_length=200)


def if_allowed(verb: Callable[..., Heartbeat]) -> Callable[..., Heartbeat]:
    """The verb for whoever has the right to change heartbeats."""

    def allowed(heartbeat: Heartbeat, *, by: User, at: datetime, **fields: Any) -> Heartbeat:
        if not by.has_perm("incidents.change_heartbeat"):
            raise DomainError("forbidden", "You may look at heartbeats and not change them.")
        return verb(heartbeat, by=by, at=at, **fields)

    allowed.__doc__ = verb.__doc__
    return allowed


class HeartbeatViewSet(VerbsMixin, viewsets.ReadOnlyModelViewSet):
    """Heartbeats; ``mute {"reason"}`` and ``unmute``."""

    queryset = Heartbeat.objects.select_related("service")
    serializer_class = HeartbeatSerializer
    filterset_class = HeartbeatFilter
    lookup_field = "slug"
    search_fields = ["slug", "name"]
    verbs = {"mute": if_allowed(heartbeats.mute), "unmute": if_allowed(heartbeats.unmute)}
    verb_fields = {"mute": MuteFields}


ROUTES = [("heartbeats", HeartbeatViewSet, "heartbeat")]
