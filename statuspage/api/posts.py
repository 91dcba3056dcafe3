"""``posts/`` and ``maintenances/``: telling the public, with a dry run that says whom it would mail."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from incidents.models import Incident
from oncall import clock
from oncall.edges.api import Idempotent
from statuspage import audience, maintenance, publishing
from statuspage.api import bodies
from statuspage.models import Component, Post, StatusPage, Subscriber

DRY_RUN = OpenApiParameter(
    "dry_run", OpenApiTypes.BOOL, description="1: write nothing, answer how many it would mail."
)
FOLLOW_UPS = ("news", "resolve", "start", "complete", "cancel", "reschedule")


class Told(Idempotent, viewsets.ReadOnlyModelViewSet):
    """What posts and maintenances share."""

    lookup_field = "public_id"
    lookup_value_regex = "[a-z0-9]{12}"
    filterset_fields = ["status"]
    search_fields = ["name"]
    actions_with_own_rights = FOLLOW_UPS
    kind: str

    def get_queryset(self) -> QuerySet[Post]:
        posts = Post.objects.filter(page__slug="main", kind=self.kind)
        return posts.prefetch_related("updates", "components", "impacts")

    def get_serializer_context(self) -> dict:
        """With the keys of the incidents that this person may see; a private one stays unnamed."""
        seen = Incident.objects.visible_to(self.request.user).filter(posts__isnull=False)
        return super().get_serializer_context() | {"seen": set(seen.values_list("pk", flat=True))}

    def read(self, body: type[serializers.Serializer]) -> dict[str, Any]:
        given = body(data=self.request.data, context={"request": self.request})
        given.is_valid(raise_exception=True)
        return given.validated_data

    def tell(self, work: Callable[[], Post], code: int = status.HTTP_200_OK) -> Response:
        """Do it, or with ``?dry_run=1`` do it, count whom it would mail, and undo it."""
        with transaction.atomic():
            post = work()
            if self.request.query_params.get("dry_run") in {"1", "true"}:
                count = recipients(post)
                transaction.set_rollback(True)
                return Response({"dry_run": True, "recipients": count})
        return Response(self.get_serializer(self.get_queryset().get(pk=post.pk)).data, status=code)

    @extend_schema(request=bodies.NewsBody, parameters=[DRY_RUN])
    @action(detail=True, methods=["post"], url_path="update", url_name="update-told")
    def news(self, request: Request, public_id: str) -> Response:
        """Tell the public what is new."""
        post, given, at = self.get_object(), self.read(bodies.NewsBody), clock.now()
        soon = given.pop("next_update_in", None)
        promised = at + timedelta(seconds=soon) if soon else None
        return self.tell(
            lambda: publishing.update(post, next_update_at=promised, by=request.user, at=at, **given)
        )


def recipients(post: Post) -> dict[str, int]:
    """How many on each channel the newest update of this post is for."""
    told = post.updates.order_by("-created_at", "-pk").first()
    return audience.counted(told) if told else dict.fromkeys(Subscriber.Channel.values, 0)


class PostViewSet(Told):
    """Incidents as the public reads them."""

    queryset = Post.objects.all()
    serializer_class = bodies.PostSerializer
    kind = Post.Kind.INCIDENT

    @extend_schema(request=bodies.NewPostBody, parameters=[DRY_RUN])
    def create(self, request: Request) -> Response:
        """Tell the public about an incident."""
        given, at = self.read(bodies.NewPostBody), clock.now()
        return self.tell(lambda: publishing.publish(by=request.user, at=at, **given), status.HTTP_201_CREATED)

    @extend_schema(request=bodies.LastWordBody, parameters=[DRY_RUN])
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, public_id: str) -> Response:
        """It is over."""
        post, given = self.get_object(), self.read(bodies.LastWordBody)
        return self.tell(lambda: publishing.resolve(post, by=request.user, at=clock.now(), **given))


class MaintenanceViewSet(Told):
    """Planned maintenance."""

    queryset = Post.objects.all()
    serializer_class = bodies.MaintenanceSerializer
    kind = Post.Kind.MAINTENANCE

    @extend_schema(request=bodies.NewMaintenanceBody, parameters=[DRY_RUN])
    def create(self, request: Request) -> Response:
        """Announce a maintenance."""
        given, at = self.read(bodies.NewMaintenanceBody), clock.now()
        names = given.pop("components", [])
        rows = list(Component.objects.filter(page=StatusPage.main(), slug__in=names, is_group=False))
        unknown = set(names) - {row.slug for row in rows}
        if unknown:
            raise serializers.ValidationError(
                {"components": [f"There is no component {min(unknown)[:100]!r}."]}
            )
        return self.tell(
            lambda: maintenance.schedule(components=rows, by=request.user, at=at, **given),
            status.HTTP_201_CREATED,
        )

    @extend_schema(request=bodies.EdgeBody, parameters=[DRY_RUN])
    @action(detail=True, methods=["post"])
    def start(self, request: Request, public_id: str) -> Response:
        """Begin now."""
        post, given = self.get_object(), self.read(bodies.EdgeBody)
        return self.tell(lambda: maintenance.start(post, by=request.user, at=clock.now(), **given))

    @extend_schema(request=bodies.EdgeBody, parameters=[DRY_RUN])
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, public_id: str) -> Response:
        """End now."""
        post, given = self.get_object(), self.read(bodies.EdgeBody)
        return self.tell(lambda: maintenance.complete(post, by=request.user, at=clock.now(), **given))

    @extend_schema(request=bodies.LastWordBody, parameters=[DRY_RUN])
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, public_id: str) -> Response:
        """It does not take place."""
        post, given = self.get_object(), self.read(bodies.LastWordBody)
        return self.tell(lambda: maintenance.cancel(post, by=request.user, at=clock.now(), **given))

    @extend_schema(request=bodies.MoveBody, parameters=[DRY_RUN])
    @action(detail=True, methods=["post"])
    def reschedule(self, request: Request, public_id: str) -> Response:
        """Move its window."""
        post, given = self.get_object(), self.read(bodies.MoveBody)
        return self.tell(lambda: maintenance.reschedule(post, by=request.user, at=clock.now(), **given))
