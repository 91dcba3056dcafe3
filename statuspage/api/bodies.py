"""What goes into and comes out of ``posts/`` and ``maintenances/``, in the words of Statuspage's manage API."""

from rest_framework import serializers

from statuspage import publishing, rollup
from statuspage.api.fields import InstantField, StatusesField, VisibleIncidentField
from statuspage.models import Impact, Post, PostUpdate


class PostUpdateSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)

    class Meta:
        model = PostUpdate
        fields = [
            "id",
            "status",
            "body",
            "display_at",
            "affected",
            "deliver_notifications",
            "mailed_count",
            "created_at",
            "updated_at",
        ]


class PostSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)
    impact = serializers.CharField(source="shown_impact", read_only=True)
    page = serializers.CharField(source="page.slug", read_only=True)
    incident = serializers.SerializerMethodField()
    components = serializers.SerializerMethodField()
    updates = PostUpdateSerializer(many=True, read_only=True)

    class Meta:
        model = Post
        fields = [
            "id",
            "page",
            "name",
            "status",
            "impact",
            "impact_override",
            "incident",
            "components",
            "started_at",
            "monitoring_at",
            "resolved_at",
            "next_update_at",
            "backfilled",
            "created_at",
            "updated_at",
            "updates",
        ]

    def get_incident(self, post: Post) -> str | None:
        """The key of the internal incident, for those who may see it."""
        return f"INC-{post.incident_id}" if post.incident_id in self.context["seen"] else None

    def get_components(self, post: Post) -> dict[str, str]:
        now = {one.component_id: one.status for one in post.impacts.all() if one.end is None}
        return {row.slug: now.get(row.pk, rollup.OPERATIONAL) for row in post.components.all()}


class MaintenanceSerializer(PostSerializer):
    scheduled_auto_in_progress = serializers.BooleanField(source="auto_start", read_only=True)
    scheduled_auto_completed = serializers.BooleanField(source="auto_complete", read_only=True)
    auto_transition_deliver_notifications_at_start = serializers.BooleanField(
        source="notify_at_start", read_only=True
    )
    auto_transition_deliver_notifications_at_end = serializers.BooleanField(
        source="notify_at_end", read_only=True
    )

    class Meta(PostSerializer.Meta):
        fields = [
            *(name for name in PostSerializer.Meta.fields if name != "backfilled"),
            "scheduled_for",
            "scheduled_until",
            "scheduled_auto_in_progress",
            "scheduled_auto_completed",
            "auto_transition_deliver_notifications_at_start",
            "auto_transition_deliver_notifications_at_end",
        ]


class NewPostBody(serializers.Serializer):
    """What POST ``posts/`` takes."""

    name = serializers.CharField(max_length=200)
    status = serializers.ChoiceField(choices=Post.OF_INCIDENT, default=Post.Status.INVESTIGATING)
    body = serializers.CharField(max_length=publishing.LONGEST_BODY)
    components = StatusesField(required=False)
    deliver_notifications = serializers.BooleanField(default=True, source="notify")
    impact_override = serializers.ChoiceField(choices=Impact.choices, required=False, allow_blank=True)
    started_at = InstantField(required=False)
    backfill_date = InstantField(required=False)
    ended_at = InstantField(required=False)
    next_update_at = InstantField(required=False)
    incident = VisibleIncidentField(required=False)

    def validate(self, given: dict) -> dict:
        """Statuspage's ``backfill_date`` says both since when and that it is told after the fact."""
        backfill = given.pop("backfill_date", None)
        return given | ({"started_at": backfill, "backfilled": True} if backfill else {})


class NewsBody(serializers.Serializer):
    """What POST ``…/update/`` takes."""

    status = serializers.ChoiceField(choices=Post.Status.choices)
    body = serializers.CharField(max_length=publishing.LONGEST_BODY)
    components = StatusesField(required=False)
    deliver_notifications = serializers.BooleanField(default=True, source="notify")
    next_update_in = serializers.IntegerField(
        required=False,
        min_value=60,
        max_value=7 * 86400,
        help_text="Seconds until the next update is promised.",
    )
    display_at = InstantField(required=False)


class NewMaintenanceBody(serializers.Serializer):
    """What POST ``maintenances/`` takes; of ``components`` only the names count."""

    name = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=publishing.LONGEST_BODY)
    components = serializers.ListField(child=serializers.CharField(), required=False)
    deliver_notifications = serializers.BooleanField(default=True, source="notify")
    scheduled_for = InstantField()
    scheduled_until = InstantField()
    scheduled_auto_in_progress = serializers.BooleanField(default=True, source="auto_start")
    scheduled_auto_completed = serializers.BooleanField(default=True, source="auto_complete")
    auto_transition_deliver_notifications_at_start = serializers.BooleanField(
        default=True, source="notify_at_start"
    )
    auto_transition_deliver_notifications_at_end = serializers.BooleanField(
        default=True, source="notify_at_end"
    )


class MoveBody(serializers.Serializer):
    """What POST ``maintenances/<id>/reschedule/`` takes."""

    scheduled_for = InstantField()
    scheduled_until = InstantField()
    body = serializers.CharField(max_length=publishing.LONGEST_BODY)
    deliver_notifications = serializers.BooleanField(default=True, source="notify")


class EdgeBody(serializers.Serializer):
    """What POST ``start/`` and ``complete/`` take; without a body our own words are used."""

    body = serializers.CharField(required=False, max_length=publishing.LONGEST_BODY)
    deliver_notifications = serializers.BooleanField(required=False, source="notify")


class LastWordBody(serializers.Serializer):
    """What POST ``resolve/`` and ``cancel/`` take."""

    body = serializers.CharField(max_length=publishing.LONGEST_BODY)
    deliver_notifications = serializers.BooleanField(default=True, source="notify")
