"""``planned-posts/``: what is written and not yet published. POST ``posts/`` with ``publish_at`` makes one."""

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock
from oncall.edges.api import DurationSecondsField, VerbsMixin
from statuspage import planning, publishing
from statuspage.api.fields import InstantField, StatusesField
from statuspage.api.pages import PAGE, OfAPage
from statuspage.models import Impact, PlannedPost, Post


class PlannedPostSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)
    post = serializers.CharField(source="post.public_id", default=None, help_text="Of which it is an update.")
    components = serializers.SerializerMethodField()
    deliver_notifications = serializers.BooleanField(source="notify")
    next_update_in = DurationSecondsField(help_text="Seconds after it is published.")
    published_as = serializers.CharField(source="told.public_id", default=None)
    by = serializers.CharField(source="by.username", default=None)

    class Meta:
        model = PlannedPost
        fields = [
            "id",
            "post",
            "name",
            "status",
            "body",
            "components",
            "deliver_notifications",
            "impact_override",
            "started_at",
            "next_update_in",
            "publish_at",
            "state",
            "refusal",
            "published_as",
            "by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_components(self, planned: PlannedPost) -> dict[str, str]:
        """By slug, those that still exist."""
        slugs = {row.public_id: row.slug for row in planned.page.components.all()}
        return {slugs[code]: status for code, status in planned.components.items() if code in slugs}


class RewriteBody(serializers.Serializer):
    """What PATCH takes; what is not named stays."""

    name = serializers.CharField(required=False, max_length=200)
    status = serializers.ChoiceField(choices=Post.Status.choices, required=False)
    body = serializers.CharField(required=False, max_length=publishing.LONGEST_BODY)
    components = StatusesField(required=False)
    deliver_notifications = serializers.BooleanField(required=False, source="notify")
    impact_override = serializers.ChoiceField(choices=Impact.choices, required=False, allow_blank=True)
    started_at = InstantField(required=False, allow_null=True)
    next_update_in = serializers.IntegerField(
        required=False, allow_null=True, min_value=60, max_value=7 * 86400
    )
    publish_at = InstantField(required=False)

    def validate(self, given: dict) -> dict:
        seconds = given.get("next_update_in")
        return given | ({"next_update_in": timedelta(seconds=seconds)} if seconds else {})


@extend_schema(parameters=[PAGE])
class PlannedPostViewSet(
    OfAPage, VerbsMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet
):
    """Posts and updates that wait for their time."""

    queryset = PlannedPost.objects.select_related("page", "post", "told", "by").prefetch_related(
        "page__components"
    )
    serializer_class = PlannedPostSerializer
    lookup_field = "public_id"
    lookup_value_regex = "[a-z0-9]{12}"
    filterset_fields = ["state"]
    found_anywhere = True
    search_fields = ["name"]
    verbs = {"cancel": planning.cancel, "publish": planning.publish_now}
    actions_with_own_rights = ("partial_update",)

    @extend_schema(request=RewriteBody)
    def partial_update(self, request: Request, public_id: str) -> Response:
        """Other words, components or another time, until it is published."""
        planned = self.get_object()
        given = RewriteBody(data=request.data, context={"request": request, "page": planned.page})
        given.is_valid(raise_exception=True)
        planned = planning.change(planned, by=request.user, at=clock.now(), **given.validated_data)
        return Response(self.get_serializer(planned).data)
