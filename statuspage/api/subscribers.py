"""``subscribers/``: who asked to be told. The limits and the neutral answer are those of the public form."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock
from oncall.edges.api import Idempotent
from oncall.messaging.errors import DomainError
from statuspage import subscriptions
from statuspage.api.pages import PAGE, OfAPage, OnThePage
from statuspage.models import Component, Subscriber
from statuspage.views.subscribers import client_address


class SubscriberSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)
    page = serializers.CharField(source="page.slug", read_only=True)
    email = serializers.CharField(source="address", read_only=True)
    components = serializers.SlugRelatedField(slug_field="slug", many=True, read_only=True)

    class Meta:
        model = Subscriber
        fields = [
            "id",
            "page",
            "email",
            "state",
            "everything",
            "components",
            "incidents",
            "maintenance",
            "postmortems",
            "created_at",
            "confirmed_at",
            "unsubscribed_at",
        ]
        read_only_fields = fields


class NewSubscriberBody(serializers.Serializer):
    """What POST ``subscribers/`` takes; no component means everything."""

    email = serializers.CharField(max_length=1000)
    components = OnThePage(many=True, required=False, queryset=Component.objects.filter(visible=True))
    incidents = serializers.BooleanField(default=True)
    maintenance = serializers.BooleanField(default=True)
    postmortems = serializers.BooleanField(default=False)


@extend_schema(parameters=[PAGE])
class SubscriberViewSet(
    OfAPage,
    Idempotent,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet,
):
    """Subscribers by e-mail."""

    queryset = Subscriber.objects.prefetch_related("components")
    found_anywhere = True
    serializer_class = SubscriberSerializer
    lookup_field = "public_id"
    lookup_value_regex = "[a-z0-9]{12}"
    filterset_fields = ["state"]
    search_fields = ["address"]

    @extend_schema(request=NewSubscriberBody, responses={202: None}, parameters=[PAGE])
    def create(self, request: Request) -> Response:
        """Send the confirmation; the answer is the same whatever becomes of it."""
        page = self.page
        given = NewSubscriberBody(data=request.data, context={"page": page})
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        address, components = wanted.pop("email"), tuple(wanted.pop("components", ()))
        choice = subscriptions.Choice(everything=not components, components=components, **wanted)
        try:
            subscriptions.subscribe(
                address, choice, network=client_address(request), at=clock.now(), page=page
            )
        except DomainError as refusal:
            raise serializers.ValidationError({"email": [refusal.detail]}) from None
        return Response(
            {"detail": "If that address can be subscribed, a message to confirm is on its way to it."},
            status=status.HTTP_202_ACCEPTED,
        )

    def perform_destroy(self, subscriber: Subscriber) -> None:
        """Unsubscribe: the address is deleted within a day."""
        subscriptions.unsubscribe(subscriber, at=clock.now())
