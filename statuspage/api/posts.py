"""``posts/`` and ``maintenances/``: telling the public, with a dry run that says whom it would mail."""

from collections.abc import Callable
from datetime import datetime, timedelta
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
from statuspage import maintenance, planning, publishing, reach, templating
from statuspage.api import bodies
from statuspage.api.pages import PAGE, OfAPage
from statuspage.api.planned import PlannedPostSerializer
from statuspage.api.templates import worded
from statuspage.models import PlannedPost, Post, StatusPage

DRY_RUN = OpenApiParameter(
    "dry_run", OpenApiTypes.BOOL, description="1: write nothing, answer how many it would mail."
)
FOLLOW_UPS = ("news", "amend", "resolve", "start", "complete", "cancel", "reschedule")


class Told(OfAPage, Idempotent, viewsets.ReadOnlyModelViewSet):
    """What posts and maintenances share."""

    lookup_field = "public_id"
    lookup_value_regex = "[a-z0-9]{12}"
    filterset_fields = ["status"]
    search_fields = ["name"]
    actions_with_own_rights = FOLLOW_UPS
    found_anywhere = True
    kind: str
    #: What an update takes of a template; the components of a maintenance turn when it begins.
    of_an_update: tuple[str, ...] = ("status", "body")

    def get_queryset(self) -> QuerySet[Post]:
        posts = super().get_queryset().filter(kind=self.kind)
        return posts.select_related("rule").prefetch_related("updates", "components", "impacts")

    def get_serializer_context(self) -> dict:
        """With the keys of the incidents that this person may see; a private one stays unnamed."""
        seen = Incident.objects.visible_to(self.request.user).filter(posts__isnull=False)
        return super().get_serializer_context() | {"seen": set(seen.values_list("pk", flat=True))}

    def read(self, body: type[serializers.Serializer], page: StatusPage | None = None) -> dict[str, Any]:
        given = body(data=self.request.data, context={"request": self.request, "page": page or self.page})
        given.is_valid(raise_exception=True)
        return given.validated_data

    def tell(self, work: Callable[[], Post], code: int = status.HTTP_200_OK) -> Response:
        """Do it, or with ``?dry_run=1`` do it, count whom it would mail, and undo it."""
        with transaction.atomic():
            post = work()
            if self.is_dry_run:
                count = recipients(post)
                transaction.set_rollback(True)
                return Response({"dry_run": True, "recipients": count})
        return Response(self.shown(post), status=code)

    def shown(self, post: Post) -> dict:
        """A post of whatever page, as the API shows it."""
        rows = Post.objects.select_related("page", "rule").prefetch_related(
            "updates", "components", "impacts"
        )
        return self.get_serializer(rows.get(pk=post.pk)).data

    @extend_schema(request=bodies.AmendBody, parameters=[PAGE])
    @action(detail=True, methods=["post"])
    def amend(self, request: Request, public_id: str) -> Response:
        """Correct the title or the impact."""
        post = self.get_object()
        given = self.read(bodies.AmendBody, post.page)
        said = {"name": post.name, "impact_override": post.impact_override, **given}
        post = publishing.amend(post, by=request.user, at=clock.now(), **said)
        return Response(self.shown(post))

    @property
    def is_dry_run(self) -> bool:
        return self.request.query_params.get("dry_run") in {"1", "true"}

    def plan(self, work: Callable[[], PlannedPost]) -> Response:
        """Write it for later; a dry run publishes it as of its time, counts, and undoes that."""
        with transaction.atomic():
            planned = work()
            if self.is_dry_run:
                count = recipients(planning.rehearse(planned))
                transaction.set_rollback(True)
                return Response({"dry_run": True, "recipients": count})
        return Response(PlannedPostSerializer(planned).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=bodies.NewsBody, parameters=[DRY_RUN, PAGE])
    @action(detail=True, methods=["post"], url_path="update", url_name="update-told")
    def news(self, request: Request, public_id: str) -> Response:
        """Tell the public what is new, now or at ``publish_at``."""
        post = self.get_object()
        given = self.read(bodies.NewsBody, post.page)
        now, publish_at = clock.now(), given.pop("publish_at", None)
        at = publish_at or now
        seconds = given.pop("next_update_in", None)
        soon = timedelta(seconds=seconds) if seconds else None
        promised = at + soon if soon else None
        facts = templating.of_post(post, next_update_at=promised)
        given = worded(given, facts, self.kind, takes=self.of_an_update, at=at)
        given.setdefault("status", post.status)
        if publish_at:
            said = {"post": post, "next_update_in": soon, **_later(given, publish_at)}
            return self.plan(lambda: planning.plan(**said, by=request.user, at=now))
        return self.tell(
            lambda: publishing.update(post, next_update_at=promised, by=request.user, at=at, **given)
        )


def recipients(post: Post) -> dict[str, int]:
    """How many subscribers of each channel the newest update of this post is for."""
    return reach.counted(post.updates.order_by("-created_at", "-pk").first())


def _later(given: dict[str, Any], publish_at: datetime) -> dict[str, Any]:
    """What is planned of a post: its next update is promised from when it is published."""
    if {"backfilled", "ended_at", "display_at"} & set(given):
        raise serializers.ValidationError(
            {"publish_at": ["What is told after the fact is published at once."]}
        )
    promised = given.pop("next_update_at", None)
    soon = {"next_update_in": promised - publish_at} if promised and promised > publish_at else {}
    return {**given, **soon, "publish_at": publish_at}


@extend_schema(parameters=[PAGE])
class PostViewSet(Told):
    """Incidents as the public reads them."""

    queryset = Post.objects.all()
    serializer_class = bodies.PostSerializer
    kind = Post.Kind.INCIDENT
    of_an_update = ("status", "body", "components")

    @extend_schema(request=bodies.NewPostBody, parameters=[DRY_RUN, PAGE])
    def create(self, request: Request) -> Response:
        """Tell the public about an incident, now or at ``publish_at``."""
        given, now = self.read(bodies.NewPostBody), clock.now()
        publish_at = given.pop("publish_at", None)
        at, page = publish_at or now, self.page
        facts = templating.Facts(
            page, started_at=given.get("started_at"), next_update_at=given.get("next_update_at")
        )
        given = worded(given, facts, self.kind, takes=("name", "status", "body", "components"), at=at)
        given = {"name": "", "status": Post.Status.INVESTIGATING, "page": page, **given}
        if publish_at:
            return self.plan(lambda: planning.plan(**_later(given, publish_at), by=request.user, at=now))
        return self.tell(lambda: publishing.publish(by=request.user, at=at, **given), status.HTTP_201_CREATED)

    @extend_schema(request=bodies.LastWordBody, parameters=[DRY_RUN, PAGE])
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, public_id: str) -> Response:
        """It is over."""
        post, given = self.get_object(), self.read(bodies.LastWordBody)
        return self.tell(lambda: publishing.resolve(post, by=request.user, at=clock.now(), **given))


@extend_schema(parameters=[PAGE])
class MaintenanceViewSet(Told):
    """Planned maintenance."""

    queryset = Post.objects.all()
    serializer_class = bodies.MaintenanceSerializer
    kind = Post.Kind.MAINTENANCE

    @extend_schema(request=bodies.NewMaintenanceBody, parameters=[DRY_RUN, PAGE])
    def create(self, request: Request) -> Response:
        """Announce a maintenance."""
        given, at, page = self.read(bodies.NewMaintenanceBody), clock.now(), self.page
        window = {name: given[name] for name in ("scheduled_for", "scheduled_until")}
        given = worded(
            given, templating.Facts(page, **window), self.kind, takes=("name", "body", "components"), at=at
        )
        given = {"name": "", "page": page, **given}
        return self.tell(
            lambda: maintenance.schedule(by=request.user, at=at, **given), status.HTTP_201_CREATED
        )

    @extend_schema(request=bodies.EdgeBody, parameters=[DRY_RUN, PAGE])
    @action(detail=True, methods=["post"])
    def start(self, request: Request, public_id: str) -> Response:
        """Begin now."""
        post, given = self.get_object(), self.read(bodies.EdgeBody)
        return self.tell(lambda: maintenance.start(post, by=request.user, at=clock.now(), **given))

    @extend_schema(request=bodies.EdgeBody, parameters=[DRY_RUN, PAGE])
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, public_id: str) -> Response:
        """End now."""
        post, given = self.get_object(), self.read(bodies.EdgeBody)
        return self.tell(lambda: maintenance.complete(post, by=request.user, at=clock.now(), **given))

    @extend_schema(request=bodies.LastWordBody, parameters=[DRY_RUN, PAGE])
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, public_id: str) -> Response:
        """It does not take place."""
        post, given = self.get_object(), self.read(bodies.LastWordBody)
        return self.tell(lambda: maintenance.cancel(post, by=request.user, at=clock.now(), **given))

    @extend_schema(request=bodies.MoveBody, parameters=[DRY_RUN, PAGE])
    @action(detail=True, methods=["post"])
    def reschedule(self, request: Request, public_id: str) -> Response:
        """Move its window."""
        post, given = self.get_object(), self.read(bodies.MoveBody)
        return self.tell(lambda: maintenance.reschedule(post, by=request.user, at=clock.now(), **given))
