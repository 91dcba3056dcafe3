"""Posts about incidents, and planned maintenance, in the staff console."""

from datetime import datetime

from django.contrib import admin
from django.http import HttpRequest

from incidents.models import Incident
from statuspage import drafts, maintenance, planning, publishing, rollup
from statuspage.admin import composing
from statuspage.admin.composer import Work
from statuspage.admin.told import ToldAdmin
from statuspage.admin.told_verbs import AMEND, CANCEL, COMPLETE, MOVE, RESOLVE, START
from statuspage.models import Maintenance, PlannedPost, Post


@admin.register(Post)
class PostAdmin(ToldAdmin):
    """Incidents as the public reads them."""

    kind = Post.Kind.INCIDENT
    verbs = (RESOLVE, AMEND)
    new_form = composing.NewPostForm
    new_title = "Tell the public"
    list_display = ("name", "status", "impact_word", "started_at", "resolved_at")
    list_filter = ("status", "impact")
    fields = (
        "name",
        "status",
        "impact_word",
        "affected",
        "started_at",
        "resolved_at",
        "next_update_at",
        "about",
    )

    @admin.display(description="About")
    def about(self, post: Post) -> str:
        """The internal incident, for those who may see it."""
        return (
            str(post.incident) if post.incident_id and post.incident_id in post.seen_incidents else "\u2013"
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Post | None:
        post = super().get_object(request, object_id, from_field)
        if post is not None:
            seen = Incident.objects.visible_to(request.user).filter(pk=post.incident_id)
            post.seen_incidents = set(seen.values_list("pk", flat=True))
        return post

    def draft(self, request: HttpRequest) -> dict:
        incident = self._incident(request)
        if incident is None:
            return {}
        proposed = drafts.draft_from(incident)
        return {
            "status": proposed.status,
            "started_at": proposed.started_at,
            "proposed": {row.pk: status for row, status in proposed.components.items()},
        }

    def _incident(self, request: HttpRequest) -> Incident | None:
        """The incident that ``?incident=`` names, if this person may see it."""
        wanted = request.GET.get("incident", "")
        if not wanted.isdecimal() or len(wanted) > 18:
            return None
        return Incident.objects.visible_to(request.user).filter(pk=int(wanted)).first()

    def proposal(self, request: HttpRequest, post: Post) -> dict:
        """``?propose=resolved``: the last word, ready to be read and changed; nobody but a person publishes it."""
        if request.GET.get("propose") != Post.Status.RESOLVED or not post.is_open:
            return {}
        proposed = drafts.draft_end(post)
        return {
            "status": proposed.status,
            "body": proposed.body,
            "proposed": {row.pk: status for row, status in proposed.components.items()},
        }

    def work(self, request: HttpRequest, form: composing.NewPostForm) -> Work:
        incident, page = self._incident(request), form.page

        def tell(at: datetime) -> Post:
            soon = form.promised()
            return publishing.publish(
                components=form.chosen(),
                next_update_at=at + soon if soon else None,
                incident=incident,
                page=page,
                by=request.user,
                at=at,
                **form.words(),
                **form.past(),
            )

        def plan(at: datetime) -> PlannedPost:
            return planning.plan(
                components=form.chosen(),
                next_update_in=form.promised(),
                publish_at=form.later(),
                incident=incident,
                page=page,
                by=request.user,
                at=at,
                **form.words(),
            )

        return Work(tell, plan)


@admin.register(Maintenance)
class MaintenanceAdmin(ToldAdmin):
    """Planned maintenance."""

    kind = Post.Kind.MAINTENANCE
    verbs = (START, COMPLETE, MOVE, CANCEL, AMEND)
    new_form = composing.NewMaintenanceForm
    new_title = "Announce maintenance"
    list_display = ("name", "status", "scheduled_for", "scheduled_until")
    list_filter = ("status",)
    ordering = ("-scheduled_for",)
    fields = (
        "name",
        "status",
        "affected",
        "scheduled_for",
        "scheduled_until",
        "auto_start",
        "auto_complete",
        "notify_at_start",
        "notify_at_end",
        "remind_before",
        "reminded_at",
        "rule",
    )

    def work(self, request: HttpRequest, form: composing.NewMaintenanceForm) -> Work:
        def tell(at: datetime) -> Post:
            rows = [row for row, status in form.chosen().items() if status == rollup.MAINTENANCE]
            return maintenance.schedule(
                components=rows, page=form.page, by=request.user, at=at, **form.words()
            )

        return Work(tell)
