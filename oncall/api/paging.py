"""``pages/`` and ``deliveries/`` of the REST API (contract.md section 3)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock, paging, partly
from oncall.edges.addresses import shown_to
from oncall.edges.api import VerbsMixin
from oncall.edges.export import CSVList, CSVRenderer
from oncall.edges.visible import visible_deliveries
from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Attempt, Delivery
from oncall.models import Page, PageEvent, Service, Team, Urgency, User


class PageSerializer(serializers.ModelSerializer):
    """A page as others see it. Everything is read only: it changes by its verbs and by itself."""

    incident = serializers.CharField(source="reference", help_text="What it is about: INC-47; or empty.")
    policy = serializers.SlugRelatedField("slug", read_only=True)
    service = serializers.SlugRelatedField("slug", read_only=True)
    team = serializers.SlugRelatedField("slug", read_only=True)
    acknowledged_by = serializers.SlugRelatedField("username", read_only=True)
    answered = serializers.SerializerMethodField(help_text="Of several who must acknowledge, those who have.")
    awaited = serializers.SerializerMethodField(help_text="Of several who must acknowledge, those who have not.")

    class Meta:
        model = Page
        fields = [
            "id", "incident", "title", "policy", "service", "team", "state", "held_for", "urgency", "step", "loop",
            "cycle", "next_step_at", "reached_anybody", "created_at", "acknowledged_by", "acknowledged_at",
            "unacknowledge_at", "ended_at", "answered", "awaited", "policy_reason",
        ]  # fmt: skip
        read_only_fields = fields

    def get_answered(self, page: Page) -> list[str]:
        return [user.username for user in partly.in_part(page).answered]

    def get_awaited(self, page: Page) -> list[str]:
        return [user.username for user in partly.in_part(page).awaited]


class EventSerializer(serializers.ModelSerializer):
    by = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = PageEvent
        fields = ["at", "kind", "by", "text", "data"]


class DirectPage(serializers.Serializer):
    """Whom to page, one of ``user``, ``team`` and ``service``, and what to say."""

    user = serializers.SlugRelatedField(
        "username", queryset=User.objects.filter(is_active=True), required=False
    )
    team = serializers.SlugRelatedField("slug", queryset=Team.objects.all(), required=False)
    service = serializers.SlugRelatedField("slug", queryset=Service.objects.all(), required=False)
    title = serializers.CharField(max_length=500)
    text = serializers.CharField(max_length=20_000, required=False, allow_blank=True, default="")
    urgency = serializers.ChoiceField(Urgency.choices, default=Urgency.HIGH)

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if len({"user", "team", "service"} & set(fields)) != 1:
            raise serializers.ValidationError("Name one of user, team and service.")
        return fields


class EscalateFields(serializers.Serializer):
    step = serializers.IntegerField(
        required=False,
        min_value=0,
        help_text="The page's step as you saw it: refused if it has gone on since.",
    )
    loop = serializers.IntegerField(
        required=False, min_value=0, help_text="Its pass, which tells apart the rounds of a short policy."
    )


class SnoozeFields(serializers.Serializer):
    until = serializers.DateTimeField(help_text="At most 7 days from now.")


def if_allowed(verb: Callable[..., Page]) -> Callable[..., Page]:
    """The verb for whoever has the right to change pages, or was paged."""

    def allowed(page: Page, *, by: User, at: datetime, **fields: Any) -> Page:
        if not paging.may_answer(page, by):
            raise DomainError("forbidden", "You were not paged and may not answer for others.")
        return verb(page, by=by, at=at, **fields)

    allowed.__doc__ = verb.__doc__
    return allowed


def escalate(page: Page, *, by: User, at: datetime, step: int | None = None, loop: int | None = None) -> Page:
    """Page whoever is next without waiting."""
    seen = {"expected_step": page.step if step is None else step, "expected_loop": loop}
    return paging.escalate_now(page, **seen, by=by, at=at)


class PageFilter(django_filters.FilterSet):
    incident = django_filters.CharFilter("reference", "iexact", label="INC-47")
    policy = django_filters.CharFilter("policy__slug")
    service = django_filters.CharFilter("service__slug")
    team = django_filters.CharFilter("team__slug")
    user = django_filters.CharFilter(method="that_reached", label="Username of somebody who was paged")

    class Meta:
        model = Page
        fields = ["incident", "state", "urgency", "policy", "service", "team"]

    def that_reached(self, pages, name: str, username: str):
        return pages.filter(pk__in=Page.objects.filter(notified__user__username=username).values("pk"))


class PageViewSet(VerbsMixin, CSVList, viewsets.ReadOnlyModelViewSet):
    """Pages, newest first."""

    queryset = Page.objects.select_related("policy", "service", "team", "acknowledged_by").with_told()
    serializer_class = PageSerializer
    filterset_class = PageFilter
    renderer_classes = [JSONRenderer, CSVRenderer]
    search_fields = ["title", "reference"]
    ordering_fields = ["created_at", "next_step_at"]
    csv_columns = ["id", "incident", "title", "state", "urgency", "policy", "service", "team", "created_at",
                   "acknowledged_by", "acknowledged_at", "ended_at"]  # fmt: skip
    verbs = {
        "acknowledge": if_allowed(paging.acknowledge),
        "escalate": if_allowed(escalate),
        "snooze": if_allowed(paging.snooze),
        "unacknowledge": if_allowed(paging.unacknowledge),
        "restart": if_allowed(paging.restart_with_current_policy),
        "resolve": if_allowed(paging.resolve),
    }
    verb_fields = {"escalate": EscalateFields, "snooze": SnoozeFields}

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)

    @extend_schema(request=DirectPage, responses={201: PageSerializer})
    def create(self, request: Request) -> Response:
        """Page a person, a team or a service directly."""
        body = DirectPage(data=request.data)
        body.is_valid(raise_exception=True)
        page = paging.page(**body.validated_data, by=request.user, at=clock.now())
        return Response(self.get_serializer(page).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=EventSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def events(self, request: Request, pk: str) -> Response:
        """What happened to the page and why, oldest first."""
        events = self.get_object().events.select_related("by").order_by("pk")
        return Response(EventSerializer(events, many=True).data)


class AttemptSerializer(serializers.ModelSerializer):
    class Meta:
        model = Attempt
        fields = ["n", "started_at", "ended_at", "outcome", "code", "text"]


class DeliverySerializer(serializers.ModelSerializer):
    """A delivery without what it says: a page's message holds the link to answer it."""

    purpose = serializers.CharField(source="message.purpose")
    user = serializers.CharField(source="recipient")
    message_id = serializers.CharField(source="stable_id")
    address = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Delivery
        fields = [
            "id", "purpose", "medium", "address", "user", "state", "due_at", "held_until", "bundled_into",
            "message_id", "reported", "reported_at", "attempts",
        ]  # fmt: skip
        read_only_fields = fields

    def get_address(self, delivery: Delivery) -> str:
        viewer, owner = self.context["request"].user, delivery.recipient
        return shown_to(viewer, medium=delivery.medium, address=delivery.address, owner=owner)


class DeliveryFilter(django_filters.FilterSet):
    page = django_filters.CharFilter(method="of_page", label="Number of a page")
    user = django_filters.CharFilter("recipient")
    purpose = django_filters.CharFilter("message__purpose")

    class Meta:
        model = Delivery
        fields = ["page", "user", "purpose", "medium", "state"]

    def of_page(self, deliveries, name: str, number: str):
        is_number = number.isascii() and number.isdecimal() and len(number) < 19
        return deliveries.filter(topic=f"page:{int(number)}") if is_number else deliveries.none()


def _if_may_send(verb: Callable[..., Delivery]) -> Callable[..., Delivery]:
    """The verb for whoever has the right to change deliveries."""

    def allowed(delivery: Delivery, *, by: User, at: datetime) -> Delivery:
        if not by.has_perm("messaging.change_delivery"):
            raise DomainError("forbidden", "You may not send messages again.")
        return verb(delivery, by_name=by.get_username(), at=at)

    allowed.__doc__ = verb.__doc__
    return allowed


class DeliveryViewSet(VerbsMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """What was sent to whom, newest first, with every attempt. What did not arrive can be sent again."""

    queryset = Delivery.objects.select_related("message").prefetch_related("attempts")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    search_fields = ["address", "recipient", "stable_id"]
    verbs = {
        "send-again": _if_may_send(outbox.send_again),
        "send-bundle-again": _if_may_send(outbox.send_bundle_again),
    }

    def get_queryset(self):
        return visible_deliveries(super().get_queryset(), self.request.user)


ROUTES = [("pages", PageViewSet, "page"), ("deliveries", DeliveryViewSet, "delivery")]
