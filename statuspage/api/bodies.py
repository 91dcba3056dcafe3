"""What goes into and comes out of ``posts/`` and ``maintenances/``, in the words of Statuspage's manage API."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from oncall.edges.api import DurationSecondsField
from statuspage import publishing, reminders, rollup
from statuspage.api.fields import ComponentsField, InstantField, StatusesField, VisibleIncidentField
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
    scheduled_remind_prior = serializers.SerializerMethodField()
    remind_before_seconds = DurationSecondsField(source="remind_before", read_only=True)
    scheduled_reminded_at = serializers.DateTimeField(source="reminded_at", read_only=True)
    rule = serializers.CharField(source="rule.public_id", read_only=True, default=None)

    class Meta(PostSerializer.Meta):
        fields = [
            *(name for name in PostSerializer.Meta.fields if name != "backfilled"),
            "scheduled_for",
            "scheduled_until",
            "scheduled_auto_in_progress",
            "scheduled_auto_completed",
            "auto_transition_deliver_notifications_at_start",
            "auto_transition_deliver_notifications_at_end",
            "scheduled_remind_prior",
            "remind_before_seconds",
            "scheduled_reminded_at",
            "rule",
        ]

    def get_scheduled_remind_prior(self, post: Post) -> bool:
        return post.remind_before is not None


class Templated(serializers.Serializer):
    """Words of one's own, or those of a template with its variables filled in; what is given goes before."""

    template = serializers.SlugField(required=False, max_length=100)
    variables = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)

    without_template: tuple[str, ...] = ("body",)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in self.without_template if name not in given]
        if missing and "template" not in given:
            raise serializers.ValidationError({name: ["Give it, or a template."] for name in missing})
        return given


class Reminding(serializers.Serializer):
    """When subscribers are reminded: Statuspage's switch, or how long before; nothing said is an hour."""

    scheduled_remind_prior = serializers.BooleanField(required=False)
    remind_before_seconds = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=14 * 86400
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = given.pop("scheduled_remind_prior", None)
        seconds = given.pop("remind_before_seconds", ...)
        if wanted is False:
            given["remind_before"] = None
        elif seconds is not ...:
            given["remind_before"] = timedelta(seconds=seconds) if seconds else None
        elif wanted:
            given["remind_before"] = reminders.USUAL
        return super().validate(given)


class NewPostBody(Templated):
    """What POST ``posts/`` takes."""

    name = serializers.CharField(max_length=200, required=False)
    status = serializers.ChoiceField(choices=Post.OF_INCIDENT, required=False)
    body = serializers.CharField(max_length=publishing.LONGEST_BODY, required=False)
    components = StatusesField(required=False)
    deliver_notifications = serializers.BooleanField(default=True, source="notify")
    impact_override = serializers.ChoiceField(choices=Impact.choices, required=False, allow_blank=True)
    started_at = InstantField(required=False)
    backfill_date = InstantField(required=False)
    ended_at = InstantField(required=False)
    next_update_at = InstantField(required=False)
    incident = VisibleIncidentField(required=False)
    publish_at = InstantField(required=False, help_text="Later: nothing of it is public before.")

    without_template = ("name", "body")

    def validate(self, given: dict) -> dict:
        """Statuspage's ``backfill_date`` says both since when and that it is told after the fact."""
        given = super().validate(given)
        backfill = given.pop("backfill_date", None)
        return given | ({"started_at": backfill, "backfilled": True} if backfill else {})


class NewsBody(Templated):
    """What POST ``…/update/`` takes."""

    status = serializers.ChoiceField(choices=Post.Status.choices, required=False)
    body = serializers.CharField(max_length=publishing.LONGEST_BODY, required=False)
    components = StatusesField(required=False)
    deliver_notifications = serializers.BooleanField(default=True, source="notify")
    next_update_in = serializers.IntegerField(
        required=False,
        min_value=60,
        max_value=7 * 86400,
        help_text="Seconds until the next update is promised.",
    )
    display_at = InstantField(required=False)
    publish_at = InstantField(required=False, help_text="Later: nothing of it is public before.")

    without_template = ("status", "body")


class NewMaintenanceBody(Reminding, Templated):
    """What POST ``maintenances/`` takes; of ``components`` only the names count."""

    name = serializers.CharField(max_length=200, required=False)
    body = serializers.CharField(max_length=publishing.LONGEST_BODY, required=False)
    components = ComponentsField(required=False)
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

    without_template = ("name", "body")


class AmendBody(serializers.Serializer):
    """What POST ``…/amend/`` takes; what is not named stays. Nobody is mailed."""

    name = serializers.CharField(required=False, max_length=200)
    impact_override = serializers.ChoiceField(choices=Impact.choices, required=False, allow_blank=True)


class MoveBody(Reminding):
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
