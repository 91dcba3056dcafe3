"""``subscribers/``: who asked to be told. The limits and the neutral answer are those of the public form.

``email`` is the address on that channel, or a webhook's owner; ``endpoint`` is shown without its path, which is a
secret, and only to those who may change subscribers as a whole.
"""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock
from oncall.edges.api import Idempotent
from oncall.edges.export import CSVList, CSVRenderer
from oncall.edges.network import client_address
from oncall.messaging.errors import DomainError
from statuspage import subscriptions
from statuspage.api.pages import PAGE, OfAPage, OnThePage
from statuspage.models import Component, Post, Subscriber

Channel = Subscriber.Channel


class SubscriberSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)
    page = serializers.CharField(source="page.slug", read_only=True)
    email = serializers.SerializerMethodField()
    endpoint = serializers.SerializerMethodField()
    components = serializers.SlugRelatedField(slug_field="slug", many=True, read_only=True)
    posts = serializers.SlugRelatedField(slug_field="public_id", many=True, read_only=True)

    class Meta:
        model = Subscriber
        fields = [
            "id",
            "page",
            "channel",
            "email",
            "endpoint",
            "state",
            "everything",
            "components",
            "posts",
            "incidents",
            "maintenance",
            "postmortems",
            "created_at",
            "confirmed_at",
            "unsubscribed_at",
        ]
        read_only_fields = fields

    def get_email(self, row: Subscriber) -> str:
        return row.address if row.is_by_mail else row.owner

    def get_endpoint(self, row: Subscriber) -> str | None:
        if row.is_by_mail:
            return None
        user = self.context["request"].user
        return row.address if user.has_perm("statuspage.change_subscriber") else row.shown


class NewSubscriberBody(serializers.Serializer):
    """What POST ``subscribers/`` takes; neither component nor post means everything.

    ``email`` alone, or ``endpoint`` with its ``channel``: ``webhook`` by default, whose owner ``email`` is.
    """

    channel = serializers.ChoiceField(choices=Channel.choices, required=False)
    email = serializers.CharField(max_length=1000, required=False)
    endpoint = serializers.CharField(max_length=1000, required=False)
    components = OnThePage(many=True, required=False, queryset=Component.objects.filter(visible=True))
    posts = OnThePage(slug_field="public_id", many=True, required=False, queryset=Post.objects.open())
    incidents = serializers.BooleanField(default=True)
    maintenance = serializers.BooleanField(default=True)
    postmortems = serializers.BooleanField(default=False)

    def validate(self, given: dict) -> dict:
        channel = given.setdefault("channel", Channel.WEBHOOK if "endpoint" in given else Channel.EMAIL)
        needed = ["email"] if channel == Channel.EMAIL else ["endpoint"]
        needed += ["email"] if channel == Channel.WEBHOOK else []
        missing = {name: ["This is needed on that channel."] for name in needed if not given.get(name)}
        if missing:
            raise serializers.ValidationError(missing)
        return given


@extend_schema(parameters=[PAGE])
class SubscriberViewSet(
    OfAPage,
    Idempotent,
    CSVList,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet,
):
    """Subscribers on every channel; ``?format=csv`` for those who may change them."""

    queryset = Subscriber.objects.prefetch_related("components", "posts")
    found_anywhere = True
    renderer_classes = [JSONRenderer, CSVRenderer]
    csv_right = "statuspage.change_subscriber"
    csv_columns = [
        "id", "page", "channel", "email", "endpoint", "state", "everything", "components", "posts", "incidents",
        "maintenance", "postmortems", "created_at", "confirmed_at", "unsubscribed_at",
    ]  # fmt: skip
    serializer_class = SubscriberSerializer
    lookup_field = "public_id"
    lookup_value_regex = "[a-z0-9]{12}"
    filterset_fields = ["state", "channel"]
    search_fields = ["address"]

    @extend_schema(request=NewSubscriberBody, responses={202: None}, parameters=[PAGE])
    def create(self, request: Request) -> Response:
        """Send the confirmation; the answer is the same whatever becomes of it."""
        page = self.page
        given = NewSubscriberBody(data=request.data, context={"page": page})
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        channel, mail = wanted.pop("channel"), wanted.pop("email", "")
        address = mail if channel == Channel.EMAIL else wanted.get("endpoint", "")
        wanted.pop("endpoint", None)
        components, posts = tuple(wanted.pop("components", ())), tuple(wanted.pop("posts", ()))
        everything = not (components or posts)
        choice = subscriptions.Choice(everything=everything, components=components, posts=posts, **wanted)
        try:
            subscriptions.subscribe(
                address,
                choice,
                network=client_address(request),
                at=clock.now(),
                page=page,
                channel=channel,
                owner=mail,
            )
        except DomainError as refusal:
            about_owner = channel == Channel.EMAIL or refusal.code == "bad_owner"
            raise serializers.ValidationError(
                {"email" if about_owner else "endpoint": [refusal.detail]}
            ) from None
        return Response(
            {"detail": "If that address can be subscribed, a message to confirm is on its way to it."},
            status=status.HTTP_202_ACCEPTED,
        )

    def perform_destroy(self, subscriber: Subscriber) -> None:
        """Unsubscribe: the address is deleted within a day."""
        subscriptions.unsubscribe(
            subscriber, at=clock.now(), by=self.request.user, how="Unsubscribed through the API"
        )
