"""``components/``: what the page shows, and its baseline."""

from copy import copy

from django.db import transaction
from django.db.models import RestrictedError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock
from oncall.edges.api import Idempotent
from oncall.messaging.errors import DomainError
from oncall.models import Service
from statuspage import impacts, public
from statuspage.api.pages import PAGE, OfAPage, OnThePage
from statuspage.models import Component, ComponentChange, ComponentStatus


class ComponentSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)
    page = serializers.CharField(source="page.slug", read_only=True)
    group = OnThePage(
        source="parent",
        queryset=Component.objects.filter(is_group=True),
        allow_null=True,
        required=False,
    )
    service = serializers.SlugRelatedField(
        slug_field="slug", queryset=Service.objects.all(), allow_null=True, required=False
    )
    status = serializers.ChoiceField(
        choices=ComponentStatus.choices, required=False, help_text="The baseline."
    )
    shown_status = serializers.SerializerMethodField(help_text="What the page shows.")

    class Meta:
        model = Component
        fields = [
            "id",
            "page",
            "slug",
            "name",
            "description",
            "is_group",
            "group",
            "service",
            "position",
            "status",
            "shown_status",
            "showcase",
            "start_date",
            "only_show_if_degraded",
            "visible",
            "created_at",
            "updated_at",
        ]
        validators = ()  # of slug and page: the page is not in the body

    def get_shown_status(self, component: Component) -> str | None:
        return self.context["shown"].get(component.public_id)

    def validate_slug(self, slug: str) -> str:
        others = Component.objects.filter(page=self.context["page"], slug=slug)
        if others.exclude(pk=self.instance.pk if self.instance else None).exists():
            raise serializers.ValidationError("Another component has this slug.")
        return slug

    def validate(self, given: dict) -> dict:
        row = copy(self.instance) if self.instance else Component(page=self.context["page"])
        for name, value in given.items():
            setattr(row, name, value)
        row.clean()
        return given


class ComponentChangeSerializer(serializers.ModelSerializer):
    post = serializers.CharField(source="post.public_id", default=None)
    by = serializers.CharField(source="by.username", default=None)

    class Meta:
        model = ComponentChange
        fields = ["at", "old", "new", "source", "post", "post_name", "by", "recorded_at"]
        read_only_fields = fields


@extend_schema(parameters=[PAGE])
class ComponentViewSet(OfAPage, Idempotent, viewsets.ModelViewSet):
    """Components and groups. Writing ``status`` sets the baseline; what open posts say is not touched."""

    queryset = Component.objects.select_related("parent", "service")
    serializer_class = ComponentSerializer
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"
    filterset_fields = ["is_group", "visible", "status"]
    search_fields = ["name", "slug"]
    http_method_names = ["get", "head", "options", "post", "patch", "delete"]

    def get_serializer_context(self) -> dict:
        found = super().get_serializer_context()
        if "page" not in found:
            return found
        value = public.frame(found["page"], at=clock.now())
        return found | {"shown": {one.id: one.status for one in value.components}}

    def perform_create(self, serializer: ComponentSerializer) -> None:
        self._save(serializer, page=self.page)

    def perform_update(self, serializer: ComponentSerializer) -> None:
        self._save(serializer)

    @transaction.atomic
    def _save(self, serializer: ComponentSerializer, **new) -> None:
        baseline = serializer.validated_data.pop("status", None)
        component = serializer.save(**new)
        if baseline is not None:
            serializer.instance = impacts.set_status(
                component,
                baseline,
                source=ComponentChange.Source.API,
                by=self.request.user,
                at=clock.now(),
            )

    def perform_destroy(self, component: Component) -> None:
        """A group goes once nothing is in it."""
        try:
            component.delete()
        except RestrictedError:
            raise DomainError("in_use", f"{component.name} is not empty. Move what it holds first.") from None

    @extend_schema(responses=ComponentChangeSerializer(many=True))
    @action(detail=True, methods=["get"])
    def log(self, request: Request, slug: str) -> Response:
        """Every change of what the page shows of it, newest first: from what to what, since when, and why."""
        changes = self.get_object().changes.select_related("post", "by")
        return self.get_paginated_response(
            ComponentChangeSerializer(self.paginate_queryset(changes), many=True).data
        )
