"""``/api/v1/swaps/``: ask others to take a shift, take one, take it back."""

from typing import Any

import django_filters
from rest_framework import mixins, serializers, viewsets

from oncall import clock, swaps
from oncall.api import shapes
from oncall.edges.api import VerbsMixin, refuse_unknown
from oncall.edges.instants import InstantFilter
from oncall.models import Schedule, Swap, User


def person(**options: Any) -> serializers.SlugRelatedField:
    """A person by username."""
    return serializers.SlugRelatedField("username", queryset=User.objects.filter(is_active=True), **options)


class SwapSerializer(serializers.ModelSerializer):
    """``requester`` is by default oneself; with a ``taker`` the shift changes hands at once."""

    schedule = serializers.SlugRelatedField("slug", queryset=Schedule.objects.all())
    requester = person(required=False)
    taker = person(required=False, allow_null=True)

    class Meta:
        model = Swap
        fields = ["id", "schedule", "requester", "taker", "start", "end", "state", "note"]
        read_only_fields = ["state"]

    def validate_start(self, at):
        return shapes.in_calendar(at, "start")

    def validate_end(self, at):
        return shapes.in_calendar(at, "end")

    def validate(self, told: dict) -> dict:
        refuse_unknown(self.initial_data, set(self.fields))
        if told["end"] <= told["start"]:
            raise serializers.ValidationError({"end": ["End after the start."]})
        return told

    def create(self, told: dict) -> Swap:
        user, schedule = self.context["request"].user, told.pop("schedule")
        told.setdefault("requester", user)
        if told.get("taker"):
            return swaps.take_at_once(schedule, **told, by=user, at=clock.now())
        told.pop("taker", None)
        return swaps.ask(schedule, **told, by=user, at=clock.now())


class TakeSerializer(serializers.Serializer):
    """Who takes it, by default oneself."""

    taker = person(required=False)


class SwapFilter(django_filters.FilterSet):
    schedule = django_filters.CharFilter("schedule__slug", label="Slug of the schedule")
    requester = django_filters.CharFilter("requester__username", label="Username of whose shift it is")
    taker = django_filters.CharFilter("taker__username", label="Username of who takes it")
    ends_after = InstantFilter("end", lookup_expr="gt", label="Only those not over by then")

    class Meta:
        model = Swap
        fields = ["state"]


class SwapViewSet(VerbsMixin, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Shifts that people ask others to take, or have taken."""

    queryset = Swap.objects.select_related("schedule", "requester", "taker")
    serializer_class = SwapSerializer
    filterset_class = SwapFilter
    ordering_fields = ["id", "start"]
    actions_with_own_rights = ("create",)
    verbs = {"take": swaps.take, "take-back": swaps.take_back, "cancel": swaps.cancel}
    verb_fields = {"take": TakeSerializer}


ROUTES = [("swaps", SwapViewSet, "swap")]
