"""``policies/`` of the REST API: escalation policies with their steps, written as a whole."""

from datetime import timedelta
from typing import Any

import django_filters
from django.db import transaction
from rest_framework import serializers

from oncall import policies
from oncall.api.directory import SetUpViewSet
from oncall.edges.api import DurationSecondsField
from oncall.messages import host_of
from oncall.models import EscalationPolicy, Schedule, Step, StepTarget, Team, User


class TargetSerializer(serializers.ModelSerializer):
    """Exactly one of ``user``, ``schedule``, ``team`` and ``webhook``.

    A webhook's path often is its secret: whoever may not change policies sees its host only.
    """

    user = serializers.SlugRelatedField("username", queryset=User.objects.all(), required=False)
    schedule = serializers.SlugRelatedField("slug", queryset=Schedule.objects.all(), required=False)
    team = serializers.SlugRelatedField("slug", queryset=Team.objects.all(), required=False)
    webhook = serializers.URLField(max_length=1000, required=False)

    class Meta:
        model = StepTarget
        fields = ["user", "schedule", "team", "webhook"]

    def validate(self, target: dict[str, Any]) -> dict[str, Any]:
        if len(target) != 1:
            raise serializers.ValidationError("A target is one of user, schedule, team and webhook.")
        return target

    def to_representation(self, target: StepTarget) -> dict[str, Any]:
        shown = {name: value for name, value in super().to_representation(target).items() if value}
        if "webhook" in shown and not self.context["request"].user.has_perm("oncall.change_escalationpolicy"):
            shown["webhook"] = f"https://{host_of(target.webhook)}/…"
        return shown


class StepSerializer(serializers.ModelSerializer):
    after_seconds = DurationSecondsField(source="after", min_value=0, max_value=30 * 86400, default=0)
    targets = TargetSerializer(many=True, allow_empty=False)

    class Meta:
        model = Step
        fields = ["after_seconds", "targets"]


class PolicySerializer(serializers.ModelSerializer):
    team = serializers.SlugRelatedField("slug", queryset=Team.objects.all(), allow_null=True, required=False)
    ack_timeout_seconds = DurationSecondsField(
        source="ack_timeout", min_value=60, max_value=30 * 86400, allow_null=True, required=False
    )
    steps = StepSerializer(many=True, required=False, max_length=policies.MOST_STEPS)

    class Meta:
        model = EscalationPolicy
        fields = ["slug", "name", "team", "repeat", "ack_timeout_seconds", "steps"]

    def validate_ack_timeout_seconds(self, seconds: int | None) -> timedelta | None:
        return None if seconds is None else timedelta(seconds=seconds)

    def create(self, fields: dict[str, Any]) -> EscalationPolicy:
        return self._save(EscalationPolicy(), fields)

    def update(self, policy: EscalationPolicy, fields: dict[str, Any]) -> EscalationPolicy:
        return self._save(policy, fields)

    @transaction.atomic
    def _save(self, policy: EscalationPolicy, fields: dict[str, Any]) -> EscalationPolicy:
        steps = fields.pop("steps", None)
        for name, value in fields.items():
            setattr(policy, name, value)
        policy.save()
        if steps is not None:
            wanted = [(timedelta(seconds=step["after"]), step["targets"]) for step in steps]
            policies.set_steps(policy, wanted)
        return EscalationPolicy.objects.get(pk=policy.pk)


class PolicyFilter(django_filters.FilterSet):
    team = django_filters.CharFilter("team__slug")

    class Meta:
        model = EscalationPolicy
        fields = ["team"]


class PolicyViewSet(SetUpViewSet):
    """Escalation policies. Pages under way keep the steps that they began with."""

    queryset = EscalationPolicy.objects.select_related("team").prefetch_related(
        "steps__targets__user", "steps__targets__schedule", "steps__targets__team"
    )
    serializer_class = PolicySerializer
    filterset_class = PolicyFilter
    search_fields = ["slug", "name"]
    ordering_fields = ["slug", "name"]


ROUTES = [("policies", PolicyViewSet, "policy")]
