"""``/api/v1/absences/``: when people are away, and which of their shifts need somebody else."""

from typing import Any

import django_filters
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import absences, clock
from oncall.api import shapes
from oncall.api.swaps import SwapSerializer, person
from oncall.edges.api import VerbsMixin, refuse_unknown
from oncall.edges.instants import InstantFilter
from oncall.models import Absence, Schedule


class AbsenceSerializer(serializers.ModelSerializer):
    """``user`` is by default oneself."""

    user = person(required=False)

    class Meta:
        model = Absence
        fields = ["id", "user", "start", "end", "note"]

    def validate_start(self, at):
        return shapes.in_calendar(at, "start")

    def validate_end(self, at):
        return shapes.in_calendar(at, "end")

    def validate(self, told: dict) -> dict:
        refuse_unknown(self.initial_data, set(self.fields))
        if told["end"] <= told["start"]:
            raise serializers.ValidationError({"end": ["End after the start."]})
        return told

    def create(self, told: dict) -> Absence:
        user = self.context["request"].user
        return absences.add(told.pop("user", user), **told, by=user, at=clock.now())


class ChangeSerializer(serializers.Serializer):
    """The times and the note as they shall be."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    note = serializers.CharField(required=False, allow_blank=True, max_length=200)


class CoverSerializer(serializers.Serializer):
    """Who covers which stretch of which schedule."""

    schedule = serializers.SlugRelatedField("slug", queryset=Schedule.objects.all())
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    cover = person()


class AbsenceFilter(django_filters.FilterSet):
    user = django_filters.CharFilter("user__username", label="Username of who is away")
    ends_after = InstantFilter("end", lookup_expr="gt", label="Only those not over by then")

    class Meta:
        model = Absence
        fields: list[str] = []


class AbsenceViewSet(VerbsMixin, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """When people are away. One entry takes a person off every schedule."""

    queryset = Absence.objects.select_related("user")
    serializer_class = AbsenceSerializer
    filterset_class = AbsenceFilter
    ordering_fields = ["id", "start"]
    actions_with_own_rights = ("create", "cover", "destroy")
    verbs = {"change": absences.change}
    verb_fields = {"change": ChangeSerializer}

    def destroy(self, request: Request, pk: str) -> Response:
        """End it: what was to come goes, what is under way ends now."""
        absences.cancel(self.get_object(), by=request.user, at=clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, pagination_class=None, filterset_class=None)
    def conflicts(self, request: Request, pk: str) -> Response:
        """The shifts from now on that need somebody else, each with who is free."""
        found = absences.conflicts(self.get_object(), at=clock.now())
        return Response({"conflicts": [_conflict(conflict) for conflict in found]})

    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def cover(self, request: Request, pk: str) -> Response:
        """Put somebody in the place of who is away; answered with the swap that did it."""
        body = CoverSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        swap = absences.cover(self.get_object(), **body.validated_data, by=request.user, at=clock.now())
        return Response(SwapSerializer(swap).data)


def _conflict(conflict: absences.Conflict) -> dict[str, Any]:
    return {
        "schedule": conflict.schedule.slug,
        "start": shapes.instant(conflict.start),
        "end": shapes.instant(conflict.end),
        "free": [user.username for user in conflict.free],
        "instead": list(conflict.instead),
        "uncovered": conflict.uncovered,
    }


ROUTES = [("absences", AbsenceViewSet, "absence")]
