"""``policies/`` of the REST API: escalation policies with their steps, written as a whole."""

from datetime import timedelta
from typing import Any

import django_filters
from django.db import transaction
from rest_framework import serializers

from oncall import clock, linting, policies
from oncall.api.directory import SetUpViewSet
from oncall.edges.api import DurationSecondsField
from oncall.messages import host_of
from oncall.messaging.errors import DomainError
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


class HoursSerializer(serializers.Serializer):
    """When a step may page: windows as in a schedule's layer, on the clock of a zone."""

    time_zone = serializers.CharField(max_length=64, default="UTC")
    restrictions = serializers.ListField(child=serializers.JSONField(), allow_empty=False)
    outside = serializers.ChoiceField(Step.Outside.choices, default=Step.Outside.SKIP)

    def get_attribute(self, step: Step) -> Step:
        return step

    def to_representation(self, step: Step) -> dict[str, Any] | None:
        if not step.hours:
            return None
        return {"time_zone": step.time_zone, "restrictions": step.hours, "outside": step.outside_hours}

    def validate_restrictions(self, rows: list) -> list:
        try:
            return policies.checked_hours(rows, where="restrictions")
        except DomainError as fault:
            raise serializers.ValidationError(fault.detail) from None


class StepSerializer(serializers.ModelSerializer):
    """One step. ``hours`` null: always; ``outside`` them the step is skipped, or holds until they begin."""

    after_seconds = DurationSecondsField(source="after", min_value=0, max_value=30 * 86400, default=0)
    targets = TargetSerializer(many=True, allow_empty=False)
    round_robin = serializers.BooleanField(default=False)
    everyone_acknowledges = serializers.BooleanField(source="everyone", default=False)
    hours = HoursSerializer(required=False, allow_null=True, default=None)

    class Meta:
        model = Step
        fields = ["after_seconds", "targets", "round_robin", "everyone_acknowledges", "hours"]


class PolicySerializer(serializers.ModelSerializer):
    team = serializers.SlugRelatedField("slug", queryset=Team.objects.all(), allow_null=True, required=False)
    ack_timeout_seconds = DurationSecondsField(
        source="ack_timeout", min_value=60, max_value=30 * 86400, allow_null=True, required=False
    )
    ack_grace_seconds = DurationSecondsField(
        source="ack_grace", min_value=60, max_value=86400, required=False
    )
    steps = StepSerializer(many=True, required=False, max_length=policies.MOST_STEPS)

    class Meta:
        model = EscalationPolicy
        fields = [
            "slug", "name", "team", "repeat", "ack_timeout_seconds", "ack_grace_seconds", "wait_for_duty",
            "version", "steps",
        ]  # fmt: skip
        read_only_fields = ["version"]

    def validate_ack_timeout_seconds(self, seconds: int | None) -> timedelta | None:
        return None if seconds is None else timedelta(seconds=seconds)

    def validate_ack_grace_seconds(self, seconds: int) -> timedelta:
        return timedelta(seconds=seconds)

    def to_representation(self, policy: EscalationPolicy) -> dict[str, Any]:
        """One policy by itself tells what is weak in it; a list does not, since that takes longer."""
        shown = super().to_representation(policy)
        if self.parent is None:
            shown["warnings"] = linting.warnings(policy, at=clock.now())
        return shown

    def create(self, fields: dict[str, Any]) -> EscalationPolicy:
        return self._save(EscalationPolicy(), fields)

    def update(self, policy: EscalationPolicy, fields: dict[str, Any]) -> EscalationPolicy:
        return self._save(policy, fields)

    @transaction.atomic
    def _save(self, policy: EscalationPolicy, fields: dict[str, Any]) -> EscalationPolicy:
        steps = fields.pop("steps", None)
        for name, value in fields.items():
            setattr(policy, name, value)
        saved = policies.save(policy)
        if steps is not None:
            policies.set_steps(policy, [_asked(step) for step in steps], same_version=saved)
        return EscalationPolicy.objects.get(pk=policy.pk)


def _asked(step: dict[str, Any]) -> policies.StepForm:
    hours = step["hours"] or {}
    return policies.StepForm(
        after=timedelta(seconds=step["after"]),
        targets=step["targets"],
        round_robin=step["round_robin"],
        everyone=step["everyone"],
        hours=hours.get("restrictions", ()),
        time_zone=hours.get("time_zone", "UTC"),
        outside_hours=hours.get("outside", Step.Outside.SKIP),
    )


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
