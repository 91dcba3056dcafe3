"""Posts and updates that wait for their time, in the staff console."""

from datetime import datetime

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse

from oncall import clock
from oncall.edges.admin import Button, HistoryAdmin, Verb, VerbsAdmin
from oncall.models import User
from statuspage import planning, rights
from statuspage.admin import composing
from statuspage.admin.composer import Composer, Work
from statuspage.admin.told import link, shown_now
from statuspage.models import ComponentStatus, PlannedPost, Post

State = PlannedPost.State


def waits(planned: PlannedPost, user: User) -> bool:
    """Whether it can still be changed."""
    return planned.state in (State.PLANNED, State.REFUSED)


@admin.register(PlannedPost)
class PlannedPostAdmin(Composer, VerbsAdmin, HistoryAdmin):
    """What will be published, what was, and what could not be."""

    verbs = (
        Verb(
            name="publish",
            label="Publish now",
            run=planning.publish_now,
            icon="megaphone",
            allowed=waits,
            help="It does not wait for its time. Whoever wants it is mailed.",
            done="Published: the page shows it now.",
        ),
        Verb(
            name="cancel",
            label="Cancel it",
            run=planning.cancel,
            icon="cross",
            tone="bad",
            allowed=waits,
            done="Cancelled: it is not published.",
        ),
    )
    list_display = ("__str__", "state", "publish_at", "status", "by")
    list_filter = ("state",)
    list_select_related = ("post", "by")
    search_fields = ("name", "post__name")
    fields = (
        "what",
        "state",
        "refusal",
        "publish_at",
        "status",
        "body",
        "affected",
        "notify",
        "started_at",
        "next_update_in",
        "by",
    )

    # -- who sees and may what: the rights of posts --------------------------------------------------------
    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("statuspage.view_plannedpost") or request.user.has_perm(rights.UPDATE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # it begins in the composer of posts

    def has_change_permission(self, request: HttpRequest, obj: PlannedPost | None = None) -> bool:
        return request.user.has_perm(rights.UPDATE if obj is None or obj.post_id else rights.PUBLISH)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_fields(self, request: HttpRequest, obj: PlannedPost | None = None) -> list[str]:
        """Why it was not published, where it was not."""
        return [name for name in self.fields if name != "refusal" or (obj and obj.refusal)]

    def get_readonly_fields(self, request: HttpRequest, obj=None) -> tuple[str, ...]:
        return self.fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlannedPost]:
        return super().get_queryset(request).select_related("page", "post", "by")

    @admin.display(description="What")
    def what(self, planned: PlannedPost) -> str:
        return f"Update of “{planned.post}”" if planned.post_id else planned.name

    @admin.display(description="Components")
    def affected(self, planned: PlannedPost) -> str:
        said = planning.chosen(planned).items()
        return ", ".join(f"{row}: {ComponentStatus(status).label.lower()}" for row, status in said) or "None"

    def verb_version(self, planned: PlannedPost) -> str:
        return planned.updated_at.isoformat()

    def render_change_form(self, request: HttpRequest, context: dict, *args, **options) -> HttpResponse:
        context |= {"show_save": False, "show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **options)

    def buttons(self, request: HttpRequest, obj: PlannedPost, *, back: str = "") -> list[Button]:
        """With the composer first, and the post that it became last."""
        found = super().buttons(request, obj, back=back)
        if self.has_change_permission(request, obj) and waits(obj, request.user):
            url = reverse("admin:statuspage_plannedpost_edit", args=[obj.pk])
            found.insert(0, link("Change it", url, "pencil", "btn-fill"))
        if obj.told_id or obj.post_id:
            post = obj.told or obj.post
            kind = "maintenance" if post.kind == Post.Kind.MAINTENANCE else "post"
            url = reverse(f"admin:statuspage_{kind}_change", args=[post.pk])
            found.append(link("The post", url, "open"))
        return found

    # -- changing it ---------------------------------------------------------------------------------------
    def get_urls(self) -> list:
        edit = self.admin_site.admin_view(self.edit_view)
        return [path("<path:object_id>/edit/", edit, name="statuspage_plannedpost_edit"), *super().get_urls()]

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The composer, with what was written."""
        planned = self.get_object(request, unquote(object_id))
        if planned is None or not waits(planned, request.user):
            raise Http404
        if not self.has_change_permission(request, planned):
            raise PermissionDenied
        form = _form(request, planned)
        return self.compose(
            request,
            form,
            f"Change: {planned}",
            _work(request.user, planned, form),
            back=self.object_url(planned),
        )


def _form(request: HttpRequest, planned: PlannedPost) -> composing.ComposeForm:
    chosen = {row.pk: status for row, status in planning.chosen(planned).items()}
    soon = planned.next_update_in
    start = {
        "status": planned.status,
        "body": planned.body,
        "notify": planned.notify,
        "publish_at": planned.publish_at,
        "next_update_in": str(int(soon.total_seconds() // 60)) if soon else "",
        "seen": planned.seen,
    }
    if planned.post is not None:
        said = dict(planned.post.impacts.filter(end__isnull=True).values_list("component_id", "status"))
        start["seen"] = planning.newest(planned.post)  # it is shown above the form
        form = composing.UpdateForm(
            request.POST or None, post=planned.post, now=said, proposed=chosen, initial=start
        )
        del form.fields["display_at"]
    else:
        start |= {
            "name": planned.name,
            "started_at": planned.started_at,
            "impact_override": planned.impact_override,
        }
        now = shown_now(planned.page)
        form = composing.NewPostForm(
            request.POST or None, page=planned.page, now=now, proposed=chosen, initial=start
        )
        del form.fields["backfilled"], form.fields["ended_at"]
    form.fields["publish_at"].help_text = "Empty: at once."
    return form


def _work(user: User, planned: PlannedPost, form: composing.ComposeForm) -> Work:
    """Keep it for its time, or where none is given publish it at once, as it was changed."""
    version = planned.updated_at.isoformat()

    def said() -> dict:
        return {
            **form.words(),
            "components": form.chosen(),
            "next_update_in": form.promised(),
        }

    def plan(at: datetime) -> PlannedPost:
        return planning.change(planned, version=version, publish_at=form.later(), by=user, at=at, **said())

    def tell(at: datetime) -> Post:
        """As of its time for the preview; at once when there is none."""
        now = clock.now()
        soon = form.later() or now + planning.AT_LEAST
        changed = planning.change(planned, version=version, publish_at=soon, by=user, at=now, **said())
        return planning.publish_now(changed, by=user, at=at).told

    return Work(tell, plan, planned.post)
