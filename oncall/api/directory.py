"""``users/ teams/ services/ runbooks/`` of the REST API (contract.md section 3).

Keys are slugs, usernames for people.
"""

import re
from datetime import time
from typing import Any

import django_filters
from django.db import transaction
from django.db.models import Prefetch, ProtectedError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, viewsets

from oncall import clock, contacts, paging, schedules
from oncall.edges.api import Idempotent
from oncall.messaging.errors import DomainError
from oncall.models import ContactMethod, EscalationPolicy, Runbook, Service, Team, Urgency, User


class SetUpViewSet(Idempotent, viewsets.ModelViewSet):
    """Things that people set up: reading needs the view right, writing its own and a token of scope ``admin``."""

    is_setup = True
    lookup_field = "slug"

    def perform_destroy(self, instance: Any) -> None:
        try:
            instance.delete()
        except ProtectedError as error:
            user = next(iter(error.protected_objects))
            raise DomainError("in_use", f"It is used by {user._meta.verbose_name} “{user}”.") from None


class ContactSerializer(serializers.ModelSerializer):
    class Meta:
        model = ContactMethod
        fields = ["name", "medium", "address", "verified_at"]


TIME = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


@extend_schema_field(
    {
        "type": "object",
        "properties": {"from": TIME, "to": TIME},
        "required": ["from", "to"],
        "nullable": True,
    }
)
class QuietHours(serializers.Field):
    """``{"from": "22:00", "to": "07:00"}`` on the person's clock, every day; null: none."""

    def __init__(self) -> None:
        super().__init__(source="*", required=False, allow_null=True)

    def to_representation(self, person: User) -> dict[str, str] | None:
        if person.quiet_from is None:
            return None
        return {"from": f"{person.quiet_from:%H:%M}", "to": f"{person.quiet_to:%H:%M}"}

    def to_internal_value(self, told: Any) -> dict[str, time | None]:
        if told is None:
            return {"quiet_from": None, "quiet_to": None}
        if not isinstance(told, dict) or set(told) != {"from", "to"}:
            raise serializers.ValidationError('Send {"from": "22:00", "to": "07:00"}, or null.')
        found = {f"quiet_{key}": self._time(told[key]) for key in ("from", "to")}
        if found["quiet_from"] == found["quiet_to"]:
            raise serializers.ValidationError("Quiet hours end at another time than they begin.")
        return found

    @staticmethod
    def _time(text: Any) -> time:
        if not isinstance(text, str) or not re.fullmatch(TIME["pattern"], text, re.ASCII):
            raise serializers.ValidationError("Write times as 22:00.")
        return time.fromisoformat(text)


class UserSerializer(serializers.ModelSerializer):
    """A person. Addresses, rules and quiet hours are shown to herself and to those who may change people."""

    name = serializers.CharField(source="get_full_name", max_length=300, required=False)
    teams = serializers.SlugRelatedField("slug", many=True, read_only=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    contacts = ContactSerializer(many=True, read_only=True)
    rules = serializers.SerializerMethodField()
    quiet_hours = QuietHours()

    class Meta:
        model = User
        fields = [
            "username", "name", "email", "time_zone", "is_active", "teams", "contacts", "rules", "quiet_hours",
        ]  # fmt: skip

    def get_rules(self, person: User) -> dict[str, list[dict[str, Any]]]:
        """``{"high": [{"after_seconds", "contact"}], "low": […]}``."""
        found: dict[str, list[dict[str, Any]]] = {urgency: [] for urgency in Urgency.values}
        for rule in sorted(person.rules.all(), key=lambda rule: (rule.after, rule.pk)):
            seconds = int(rule.after.total_seconds())
            found[rule.urgency].append({"after_seconds": seconds, "contact": rule.contact.name})
        return found

    def to_representation(self, person: User) -> dict[str, Any]:
        shown = super().to_representation(person)
        viewer = self.context["request"].user
        if viewer != person and not viewer.has_perm("oncall.change_user"):
            shown |= {"email": None, "contacts": None, "rules": None, "quiet_hours": None}
        return shown

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if "get_full_name" in fields:
            first, _, last = fields.pop("get_full_name").strip().partition(" ")
            fields |= {"first_name": first[:150], "last_name": last.strip()[:150]}
        return fields

    def create(self, fields: dict[str, Any]) -> User:
        person = User(**fields)
        person.set_unusable_password()
        person.save()
        return contacts.give_defaults(person, by=self.context["request"].user, at=clock.now())

    def update(self, person: User, fields: dict[str, Any]) -> User:
        before = person.email
        person = super().update(person, fields)
        contacts.follow_account(person, before=before, by=self.context["request"].user, at=clock.now())
        return person


class UserViewSet(SetUpViewSet):
    """People. They are not deleted: what they did stays theirs; deactivate them."""

    queryset = User.objects.prefetch_related("teams", "contacts", "rules__contact")
    serializer_class = UserSerializer
    lookup_field = "username"
    lookup_value_regex = "[^/]+"
    http_method_names = ["get", "head", "options", "post", "put", "patch"]
    filterset_fields = {"is_active": ["exact"], "teams__slug": ["exact"]}
    search_fields = ["username", "first_name", "last_name"]
    ordering_fields = ["username"]

    @transaction.atomic
    def perform_update(self, serializer: UserSerializer) -> None:
        if serializer.instance.is_superuser and not self.request.user.is_superuser:
            raise DomainError("forbidden", "Only a superuser changes the account of one.")
        before = serializer.instance.username
        if {"username", "is_active"} & set(serializer.validated_data):
            schedules.hold_naming(serializer.instance)
        person = serializer.save()
        if person.username != before:  # stored answers name people
            schedules.touch_naming(person, by=self.request.user, at=clock.now())


class TeamSerializer(serializers.ModelSerializer):
    members = serializers.SlugRelatedField("username", many=True, queryset=User.objects.all(), required=False)
    admins = serializers.SlugRelatedField("username", many=True, queryset=User.objects.all(), required=False)

    class Meta:
        model = Team
        fields = ["slug", "name", "members", "admins"]


class TeamViewSet(SetUpViewSet):
    """Teams."""

    queryset = Team.objects.prefetch_related(
        Prefetch("members", User.objects.order_by("username")),
        Prefetch("admins", User.objects.order_by("username")),
    )
    serializer_class = TeamSerializer
    filterset_fields = {"members__username": ["exact"]}
    search_fields = ["slug", "name"]
    ordering_fields = ["slug", "name"]


class RunbookSerializer(serializers.ModelSerializer):
    service = serializers.SlugRelatedField("slug", queryset=Service.objects.all())

    class Meta:
        model = Runbook
        fields = ["id", "service", "title", "url"]


class RunbookViewSet(SetUpViewSet):
    """What to do when a service breaks."""

    queryset = Runbook.objects.select_related("service")
    serializer_class = RunbookSerializer
    lookup_field = "pk"
    lookup_value_regex = "[0-9]{1,18}"
    filterset_fields = {"service__slug": ["exact"]}
    search_fields = ["title", "service__name"]


class ListedRunbookSerializer(serializers.ModelSerializer):
    class Meta:
        model = Runbook
        fields = ["title", "url"]


class ServiceSerializer(serializers.ModelSerializer):
    team = serializers.SlugRelatedField("slug", queryset=Team.objects.all(), allow_null=True, required=False)
    policy = serializers.SlugRelatedField(
        "slug", queryset=EscalationPolicy.objects.all(), allow_null=True, required=False
    )
    runbooks = ListedRunbookSerializer(many=True, read_only=True)

    class Meta:
        model = Service
        fields = ["slug", "name", "description", "team", "policy", "audience", "critical", "runbooks"]


class ServiceFilter(django_filters.FilterSet):
    team = django_filters.CharFilter("team__slug")
    policy = django_filters.CharFilter("policy__slug")

    class Meta:
        model = Service
        fields = ["team", "policy", "audience", "critical"]


class ServiceViewSet(SetUpViewSet):
    """Services, their team, their policy."""

    queryset = Service.objects.select_related("team", "policy").prefetch_related("runbooks")
    serializer_class = ServiceSerializer
    filterset_class = ServiceFilter
    search_fields = ["slug", "name", "description"]
    ordering_fields = ["slug", "name"]

    @transaction.atomic
    def perform_update(self, serializer: ServiceSerializer) -> None:
        """Its open pages follow it to another policy."""
        paging.follow_service(serializer.save(), by=self.request.user, at=clock.now())


ROUTES = [
    ("users", UserViewSet, "user"),
    ("teams", TeamViewSet, "team"),
    ("services", ServiceViewSet, "service"),
    ("runbooks", RunbookViewSet, "runbook"),
]
