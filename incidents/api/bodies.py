"""What the verbs of ``/api/v1/incidents/`` are told: one serializer for each body."""

import re
from datetime import timedelta

from rest_framework import serializers

from incidents.models import Engagement, Incident, Role, Severity, TimelineEntry, Update
from oncall.models import Service, Team, User

KEY = re.compile(r"(?:INC-)?([0-9]{1,15})", re.IGNORECASE)
LENGTH = re.compile(r"([0-9]{1,6})([smhd])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def number_of(key: str) -> int | None:
    """47 for INC-47; None for what is no key."""
    match = KEY.fullmatch(str(key).strip())
    return int(match[1]) if match else None


class KeyField(serializers.Field):
    """An incident, named by its key; one that the person may not see does not exist."""

    default_error_messages = {"unknown": "There is no incident {told}."}

    def to_internal_value(self, data) -> Incident:
        visible = Incident.objects.visible_to(self.context["request"].user)
        found = visible.filter(pk=number_of(data) or 0).first()
        if found is None:
            self.fail("unknown", told=str(data)[:40])
        return found

    def to_representation(self, value: Incident) -> str:
        return value.key


class LengthField(serializers.Field):
    """A length of time: whole seconds, or text as in files (``30m``)."""

    default_error_messages = {"invalid": "A length of time is a number of seconds, or 30s, 15m, 2h or 1d."}

    def to_internal_value(self, data) -> timedelta:
        if isinstance(data, int) and not isinstance(data, bool) and 0 < data < 10_000_000:
            return timedelta(seconds=data)
        match = LENGTH.fullmatch(data) if isinstance(data, str) else None
        if match is None:
            self.fail("invalid")
        return timedelta(**{UNITS[match[2]]: int(match[1])})

    def to_representation(self, value: timedelta) -> int:
        return int(value.total_seconds())


def slug(queryset, field: str = "slug", **options) -> serializers.SlugRelatedField:
    """A row named by its slug (a person by username)."""
    return serializers.SlugRelatedField(field, queryset=queryset, **options)


class Versioned(serializers.Serializer):
    """``expected_version``: the version that the caller saw; an older one is refused."""

    expected_version = serializers.IntegerField(required=False, min_value=0)


class Details(serializers.Serializer):
    """What may be told of an incident when it is declared."""

    summary = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    description = serializers.CharField(required=False, allow_blank=True, max_length=20000)
    impact_started_at = serializers.DateTimeField(required=False)
    detection_method = serializers.ChoiceField(Incident.Detection.choices, required=False)
    hurt = serializers.CharField(required=False, allow_blank=True, max_length=200)
    users_share = serializers.DecimalField(4, 3, required=False, min_value=0, max_value=1)
    regions_lost = serializers.IntegerField(required=False, min_value=0, max_value=1000)
    brand_at_stake = serializers.BooleanField(required=False)
    proactive = serializers.BooleanField(required=False)
    kind = serializers.ChoiceField(Incident.Kind.choices, required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False, max_length=50)
    custom_fields = serializers.DictField(required=False)


class DeclareNew(Details):
    title = serializers.CharField(max_length=300)
    services = serializers.ListField(
        child=slug(Service.objects.select_related("policy", "team")), max_length=100
    )
    audience = serializers.ChoiceField(Incident.Audience.choices)
    private = serializers.BooleanField(required=False)


class Backfill(DeclareNew):
    """An incident of the past with all its milestones (contract.md section 3)."""

    impact_started_at = serializers.DateTimeField()
    severity = slug(Severity.objects.all())
    detected_at = serializers.DateTimeField(required=False, allow_null=True)
    declared_at = serializers.DateTimeField(required=False, allow_null=True)
    acknowledged_at = serializers.DateTimeField(required=False, allow_null=True)
    classified_at = serializers.DateTimeField(required=False, allow_null=True)
    mitigated_at = serializers.DateTimeField(required=False, allow_null=True)
    resolved_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(required=False, allow_null=True)
    mitigation = serializers.CharField(required=False, allow_blank=True)
    resolution = serializers.CharField(required=False, allow_blank=True)
    root_cause_type = serializers.ChoiceField(Incident.Cause.choices, required=False)
    root_cause_service = slug(Service.objects.all(), required=False)


class Edit(Details, Versioned):
    """Fields to correct; a milestone needs a reason."""

    title = serializers.CharField(required=False, max_length=300)
    audience = serializers.ChoiceField(Incident.Audience.choices, required=False)
    root_cause_type = serializers.ChoiceField(Incident.Cause.choices, required=False)
    root_cause_service = slug(Service.objects.all(), required=False, allow_null=True)
    mitigation = serializers.CharField(required=False, allow_blank=True)
    resolution = serializers.CharField(required=False, allow_blank=True)
    channel_url = serializers.URLField(required=False, allow_blank=True, max_length=500)
    bridge_url = serializers.URLField(required=False, allow_blank=True, max_length=500)
    detected_at = serializers.DateTimeField(required=False)
    acknowledged_at = serializers.DateTimeField(required=False)
    mitigated_at = serializers.DateTimeField(required=False)
    resolved_at = serializers.DateTimeField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True)


class Declare(Details, Versioned):
    title = serializers.CharField(required=False, max_length=300)
    services = serializers.ListField(
        child=slug(Service.objects.select_related("policy", "team")), required=False, max_length=100
    )
    audience = serializers.ChoiceField(Incident.Audience.choices, required=False)


class Classify(Versioned):
    severity = slug(Severity.objects.all())
    reason = serializers.CharField(required=False, allow_blank=True)


class Engage(serializers.Serializer):
    service = slug(Service.objects.select_related("policy", "team"), required=False)
    team = slug(Team.objects.all(), required=False)
    user = slug(User.objects.filter(is_active=True), "username", required=False)
    kind = serializers.ChoiceField(Engagement.Kind.choices, required=False)


class MoveService(serializers.Serializer):
    service = slug(Service.objects.all())
    to = slug(Service.objects.select_related("policy", "team"))


class AssignRole(serializers.Serializer):
    role = serializers.ChoiceField(Role.choices)
    user = slug(User.objects.filter(is_active=True), "username")
    note = serializers.CharField(required=False, allow_blank=True, max_length=500)


class Note(serializers.Serializer):
    kind = serializers.ChoiceField(
        [(kind.value, kind.label) for kind in TimelineEntry.WRITTEN], required=False
    )
    text = serializers.CharField()
    happened_at = serializers.DateTimeField(required=False)


class SendUpdate(serializers.Serializer):
    audience = serializers.ChoiceField(Update.Audience.choices)
    text = serializers.CharField()
    next_update_in = LengthField(required=False)


class Acted(Versioned):
    """A text, and when it was so."""

    text = serializers.CharField()
    severity = slug(Severity.objects.all(), required=False)
    effective_at = serializers.DateTimeField(required=False)


class Mitigate(Acted):
    temporary = serializers.BooleanField(required=False)


class Resolve(Acted):
    reason = serializers.CharField(required=False, allow_blank=True)


class Identify(Versioned):
    text = serializers.CharField(required=False, allow_blank=True)
    effective_at = serializers.DateTimeField(required=False)


class AllClear(serializers.Serializer):
    service = slug(Service.objects.all())


class Reason(Versioned):
    reason = serializers.CharField()


class Recur(Reason):
    effective_at = serializers.DateTimeField(required=False)


class Merge(Versioned):
    into = KeyField()
