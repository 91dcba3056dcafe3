"""``postmortems/`` and ``actions/`` of the REST API (contract.md section 3)."""

import django_filters
from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from incidents.api import bodies
from oncall import clock
from oncall.edges.api import VerbsMixin
from oncall.models import User
from postmortems import actions, drafting, review
from postmortems.models import ActionItem, PostMortem, Section


class SectionSerializer(serializers.ModelSerializer):
    title = serializers.CharField(source="get_kind_display", read_only=True)

    class Meta:
        model = Section
        fields = ["kind", "title", "text"]
        read_only_fields = ["kind"]


class PostMortemSerializer(serializers.ModelSerializer):
    incident = serializers.CharField(source="incident.key", read_only=True)
    lead = serializers.SlugRelatedField(
        slug_field="username", queryset=User.objects.filter(is_active=True), allow_null=True, required=False
    )
    sections = SectionSerializer(many=True, read_only=True)
    approved_by = serializers.SerializerMethodField()

    class Meta:
        model = PostMortem
        fields = [
            "id",
            "incident",
            "state",
            "lead",
            "due_at",
            "meeting_at",
            "sections",
            "facts",
            "approved_by",
            "submitted_at",
            "approved_at",
            "published_at",
        ]
        read_only_fields = ["state", "facts", "submitted_at", "approved_at", "published_at"]

    def get_approved_by(self, postmortem: PostMortem) -> list[str]:
        return [approval.user.username for approval in postmortem.approvals.all()]


class WriteFields(serializers.Serializer):
    sections = serializers.DictField(child=serializers.CharField(allow_blank=True, max_length=50_000))


class ReasonFields(serializers.Serializer):
    reason = serializers.CharField(max_length=2000)


class PostMortemFilter(django_filters.FilterSet):
    incident = django_filters.CharFilter(method="of_incident", label="INC-47")

    class Meta:
        model = PostMortem
        fields = ["state", "lead__username"]

    def of_incident(self, rows: QuerySet, name: str, key: str) -> QuerySet:
        return rows.filter(incident=bodies.number_of(key) or 0)


class PostMortemViewSet(VerbsMixin, mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Post-mortems of the incidents that the caller may see."""

    queryset = PostMortem.objects.all()
    serializer_class = PostMortemSerializer
    filterset_class = PostMortemFilter
    search_fields = ["incident__title", "sections__text"]
    http_method_names = ["get", "head", "options", "patch", "post"]
    verbs = {
        "write": drafting.write,
        "refresh": drafting.refresh,
        "submit": review.submit,
        "send-back": review.send_back,
        "approve": review.approve,
        "publish": review.publish,
    }
    verb_fields = {"write": WriteFields, "send-back": ReasonFields}

    def get_queryset(self):
        seen = PostMortem.objects.visible_to(self.request.user)
        return seen.select_related("incident", "lead").prefetch_related("sections", "approvals__user")

    def perform_update(self, serializer: PostMortemSerializer) -> None:
        serializer.instance._history_user = self.request.user
        serializer.save()


class ActionItemSerializer(serializers.ModelSerializer):
    postmortem = serializers.PrimaryKeyRelatedField(queryset=PostMortem.objects.none())
    incident = serializers.CharField(source="postmortem.incident.key", read_only=True)
    owner = serializers.SlugRelatedField(
        slug_field="username", queryset=User.objects.filter(is_active=True), allow_null=True, required=False
    )

    class Meta:
        model = ActionItem
        fields = [
            "id",
            "postmortem",
            "incident",
            "title",
            "details",
            "owner",
            "priority",
            "essential",
            "due_on",
            "state",
            "ended_at",
            "waived_because",
        ]
        read_only_fields = ["state", "ended_at", "waived_because"]

    def get_fields(self) -> dict:
        fields = super().get_fields()
        if self.instance is None or isinstance(self.instance, ActionItem):
            fields["postmortem"].queryset = PostMortem.objects.visible_to(self.context["request"].user)
        return fields


class ActionItemFilter(django_filters.FilterSet):
    owner = django_filters.CharFilter(field_name="owner__username")
    due_before = django_filters.DateFilter(field_name="due_on", lookup_expr="lt")

    class Meta:
        model = ActionItem
        fields = ["state", "priority", "essential", "postmortem"]


class ActionItemViewSet(
    VerbsMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet
):
    """Action items of the post-mortems that the caller may see, and her own."""

    queryset = ActionItem.objects.all()
    serializer_class = ActionItemSerializer
    filterset_class = ActionItemFilter
    search_fields = ["title", "details"]
    ordering_fields = ["id", "due_on", "priority"]
    http_method_names = ["get", "head", "options", "patch", "post"]
    verbs = {"finish": actions.finish, "waive": actions.waive, "reopen": actions.reopen}
    verb_fields = {"waive": ReasonFields}

    def get_queryset(self):
        return ActionItem.objects.visible_to(self.request.user).select_related(
            "owner", "postmortem__incident"
        )

    def perform_create(self, serializer: ActionItemSerializer) -> None:
        fields = dict(serializer.validated_data)
        postmortem = fields.pop("postmortem")
        serializer.instance = actions.add(postmortem, by=self.request.user, at=clock.now(), **fields)

    def perform_update(self, serializer: ActionItemSerializer) -> None:
        fields = dict(serializer.validated_data)
        fields.pop("postmortem", None)
        actions.change(serializer.instance, by=self.request.user, at=clock.now(), **fields)


ROUTES = [
    ("postmortems", PostMortemViewSet, "postmortem"),
    ("actions", ActionItemViewSet, "action"),
]
