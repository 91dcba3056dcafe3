"""``/api/v1/metrics/``: how often, how long, how available, by group (contract.md section 3)."""

from datetime import timedelta

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.response import Response

from incidents import reports
from incidents.metrics.aggregates import Aggregate
from incidents.models import Incident
from oncall import clock

DEFAULT_WINDOW = timedelta(days=90)
LONGEST_WINDOW = timedelta(days=3660)


class Window(serializers.Serializer):
    """Which incidents: those whose impact began from ``from`` until before ``to``; by default the last 90 days."""

    to = serializers.DateTimeField(required=False)
    group_by = serializers.ChoiceField(list(reports.GROUPS), required=False)

    def get_fields(self) -> dict:
        return {"from": serializers.DateTimeField(required=False), **super().get_fields()}

    def validate(self, told: dict) -> dict:
        end = told.get("to") or self.context["now"]
        if end.year <= 1:
            raise serializers.ValidationError({"to": ["Nothing was measured then."]})
        start = told.get("from") or end - DEFAULT_WINDOW
        if not timedelta(0) < end - start <= LONGEST_WINDOW:
            raise serializers.ValidationError({"to": ["End after the start, at most ten years later."]})
        return {"start": start, "end": end, "group_by": told.get("group_by", "")}


def aggregated(figures: Aggregate) -> dict:
    return {
        "n": figures.n,
        "missing": figures.missing,
        "median": figures.median,
        "p90": figures.p90,
        "mean": figures.mean,
    }


def shown(figures: reports.Figures) -> dict:
    """One group as JSON; durations in seconds, availability in per cent, floored."""
    return {
        "name": figures.name,
        "incidents": figures.incidents,
        "open": figures.open,
        **{f"{name}_seconds": aggregated(figures.durations[name]) for name in reports.NAMES},
        "failures": figures.failures.failures,
        "mtbf_seconds": figures.failures.mtbf,
        "availability_percent": figures.availability.percent(),
    }


class MetricsViewSet(viewsets.GenericViewSet):
    """Figures over the incidents that the person may see."""

    queryset = Incident.objects.all()
    serializer_class = Window
    pagination_class = None
    filter_backends: list = []

    @extend_schema(
        parameters=[
            OpenApiParameter("from", str),
            OpenApiParameter("to", str),
            OpenApiParameter("group_by", str, enum=list(reports.GROUPS)),
        ],
        responses={200: dict},
    )
    def list(self, request) -> Response:
        """Per group and overall: counts, TTD, TTA, TTM, TTR, MTBF, availability."""
        now = clock.now()
        asked = Window(data=request.query_params, context={"now": now})
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        found = reports.report(Incident.objects.visible_to(request.user), now=now, **told)
        return Response(
            {
                "from": told["start"],
                "to": told["end"],
                "group_by": told["group_by"] or None,
                "groups": [shown(group) for group in found.groups],
                "overall": shown(found.overall),
            }
        )


ROUTES = [("metrics", MetricsViewSet, "metrics")]
