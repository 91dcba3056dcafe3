"""``recurring-maintenances/``: rules that announce a maintenance again and again."""

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock
from oncall.edges.api import DurationSecondsField, VerbsMixin
from statuspage import publishing, recurrence, recurring
from statuspage.api.fields import ComponentsField
from statuspage.api.pages import PAGE, OfAPage
from statuspage.models import MaintenanceRule, Post


class RuleSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)
    components = ComponentsField()
    duration_seconds = DurationSecondsField(source="duration")
    remind_before_seconds = DurationSecondsField(source="remind_before")
    deliver_notifications = serializers.BooleanField(source="notify")
    planned = serializers.SerializerMethodField(help_text="The ids of its maintenances that are to come.")

    class Meta:
        model = MaintenanceRule
        fields = [
            "id",
            "name",
            "body",
            "components",
            "unit",
            "interval",
            "weekdays",
            "month_by",
            "begins_on",
            "begins_at",
            "duration_seconds",
            "until",
            "count",
            "ahead_days",
            "deliver_notifications",
            "auto_start",
            "auto_complete",
            "notify_at_start",
            "notify_at_end",
            "remind_before_seconds",
            "ended_at",
            "planned",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_planned(self, rule: MaintenanceRule) -> list[str]:
        coming = [one for one in rule.occurrences.all() if one.status == Post.Status.SCHEDULED]
        return [one.public_id for one in sorted(coming, key=lambda one: one.scheduled_for)]


class RuleBody(serializers.Serializer):
    """What POST and PATCH take; times are what the clock of the page's zone shows."""

    name = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=publishing.LONGEST_BODY)
    components = ComponentsField(required=False)
    unit = serializers.ChoiceField(choices=MaintenanceRule.Unit.choices, required=False)
    interval = serializers.IntegerField(required=False, min_value=1, max_value=52)
    weekdays = serializers.ListField(child=serializers.ChoiceField(choices=recurrence.DAYS), required=False)
    month_by = serializers.ChoiceField(choices=MaintenanceRule.MonthBy.choices, required=False)
    begins_on = serializers.DateField()
    begins_at = serializers.TimeField()
    duration_seconds = serializers.IntegerField(min_value=60, max_value=60 * 86400)
    until = serializers.DateField(required=False, allow_null=True)
    count = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=500)
    ahead_days = serializers.IntegerField(required=False, min_value=1, max_value=366)
    deliver_notifications = serializers.BooleanField(required=False, source="notify")
    auto_start = serializers.BooleanField(required=False)
    auto_complete = serializers.BooleanField(required=False)
    notify_at_start = serializers.BooleanField(required=False)
    notify_at_end = serializers.BooleanField(required=False)
    remind_before_seconds = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=14 * 86400
    )

    def validate(self, given: dict) -> dict:
        for name in ("duration", "remind_before"):
            if f"{name}_seconds" in given:
                seconds = given.pop(f"{name}_seconds")
                given[name] = timedelta(seconds=seconds) if seconds else None
        return given


class ChangeBody(RuleBody):
    tell = serializers.BooleanField(required=False, help_text="Mail subscribers about what moves.")


class EndBody(serializers.Serializer):
    tell = serializers.BooleanField(required=False, help_text="Mail subscribers about what is cancelled.")


@extend_schema(parameters=[PAGE])
class RecurringViewSet(
    OfAPage, VerbsMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    """Maintenance that comes again."""

    queryset = MaintenanceRule.objects.prefetch_related("components", "occurrences")
    serializer_class = RuleSerializer
    lookup_field = "public_id"
    lookup_value_regex = "[a-z0-9]{12}"
    search_fields = ["name"]
    found_anywhere = True
    verbs = {"end": recurring.end}
    verb_fields = {"end": EndBody}
    actions_with_own_rights = ("create", "partial_update")

    @extend_schema(request=RuleBody)
    def create(self, request: Request) -> Response:
        """Make a rule, and announce what it already owes."""
        given = self._read(RuleBody(data=request.data, context={"page": self.page}))
        rule = recurring.create(page=self.page, by=request.user, at=clock.now(), **given)
        return Response(self._shown(rule), status=status.HTTP_201_CREATED)

    @extend_schema(request=ChangeBody)
    def partial_update(self, request: Request, public_id: str) -> Response:
        """Change it, and those of its maintenances that nobody has touched."""
        rule = self.get_object()
        given = self._read(ChangeBody(data=request.data, partial=True, context={"page": rule.page}))
        rule = recurring.change(rule, by=request.user, at=clock.now(), **given)
        return Response(self._shown(rule))

    def _read(self, body: serializers.Serializer) -> dict:
        body.is_valid(raise_exception=True)
        return body.validated_data

    def _shown(self, rule: MaintenanceRule) -> dict:
        return self.get_serializer(self.get_queryset().get(pk=rule.pk)).data
