"""``/api/v1/services/<slug>/rehearse/``: a dry run of whom an incident would page, when and how."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from incidents import rehearsal
from incidents.models import Severity
from oncall import clock
from oncall.api import shapes
from oncall.edges import times
from oncall.models import Service
from oncall.rehearsal import Line, summary


class Asked(shapes.Moment):
    """``?at=&severity=``: now by default, and as loud as an alert that nobody has judged."""

    severity = serializers.CharField(required=False, max_length=50)

    def validate_severity(self, slug: str) -> Severity:
        levels = {level.slug: level for level in Severity.objects.order_by("rank")}
        if slug not in levels:
            raise serializers.ValidationError(f"Severities are {', '.join(levels)}.")
        return levels[slug]

    def validate(self, told: dict) -> dict:
        return {**super().validate(told), "severity": told.get("severity")}


class RehearsalViewSet(viewsets.GenericViewSet):
    """Whom an incident on a service would page. Writes nothing."""

    queryset = Service.objects.select_related("policy__team", "team")

    @extend_schema(
        operation_id="services_rehearse",
        parameters=[
            OpenApiParameter("service", str, OpenApiParameter.PATH, description="the service's slug"),
            OpenApiParameter("at", str, description="an instant, also one to come; by default now"),
            OpenApiParameter("severity", str, description="a severity's slug; by default none yet"),
        ],
        responses={200: dict},
    )
    def list(self, request: Request, service: str) -> Response:
        """Line by line, in the order of time, until nobody is left to page; and what is weak about it."""
        found = get_object_or_404(self.get_queryset(), slug=service)
        asked = Asked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        at, severity = asked.validated_data.get("at") or clock.now(), asked.validated_data["severity"]
        shown = rehearsal.rehearse(found, severity=severity, at=at)
        when = times.whole(at, timezone.get_current_timezone())
        return Response(
            {
                "at": shapes.instant(at),
                "service": found.slug,
                "severity": severity.slug if severity else None,
                "urgency": shown.urgency,
                "policy": policy.slug if (policy := rehearsal.policy_of(found, severity)) else None,
                "notes": list(shown.notes),
                "summary": "".join(summary(shown, when=when, span=times.span)),
                "ends_after_seconds": int(shown.ends_after.total_seconds()),
                "lines": [_line(line) for line in shown.lines],
                "cut_short": shown.cut_short,
                "weak_links": list(shown.weak),
            }
        )


def _line(line: Line) -> dict[str, Any]:
    """One line without addresses: they are their people's own business."""
    return {
        "after_seconds": int(line.after.total_seconds()),
        "at": shapes.instant(line.at),
        "kind": line.kind,
        "policy": line.policy,
        "step": line.step,
        "pass": line.loop + 1,
        "user": line.person.username if line.person else None,
        "who": line.who,
        "why": line.why,
        "reason": dict(line.about),
        "how": line.how,
        "reached": line.grade or None,
        "mediums": [
            {
                "medium": way.medium,
                "after_seconds": int(way.after.total_seconds()),
                "fallback": bool(way.fallback),
            }
            for way in line.ways
        ],
    }


ROUTES = [(r"services/(?P<service>[-\w]+)/rehearse", RehearsalViewSet, "service-rehearse")]
