"""What posts and planned maintenance share: one composer with preview, components and "this mails N people"."""

from datetime import datetime

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from oncall import clock
from oncall.edges.admin import Button, HistoryAdmin, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import planning, public, publishing, rights, templating
from statuspage.admin import composing, several
from statuspage.admin.composer import Composer, Work, offered_templates
from statuspage.admin.several import OfAPage
from statuspage.models import Impact, PlannedPost, Post, PostUpdate, StatusPage, Template


class UpdatesInline(admin.TabularInline):
    """What was told, newest first; words can be corrected, nothing is mailed again."""

    model = PostUpdate
    fields = ("status", "body", "display_at", "deliver_notifications", "mailed_count", "by")
    readonly_fields = ("status", "display_at", "deliver_notifications", "mailed_count", "by")
    extra = 0
    can_delete = False
    verbose_name_plural = "Updates"

    def has_add_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm(rights.UPDATE)

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("statuspage.view_post")


class ToldAdmin(OfAPage, Composer, VerbsAdmin, HistoryAdmin):
    """What posts and maintenances share: a list, a page with the story, and the composer.

    Each of the two says by ``work(request, form)`` how its form becomes a post.
    """

    kind: str
    inlines = (UpdatesInline,)
    search_fields = ("name",)
    date_hierarchy = None
    new_form: type[composing.ComposeForm]
    new_title: str

    # -- who sees and may what: the rights of posts, also for the proxy ------------------------------------
    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("statuspage.view_post") or request.user.has_perm(rights.UPDATE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(rights.PUBLISH)

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm(rights.UPDATE)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("statuspage.delete_post")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Post]:
        return super().get_queryset(request).filter(kind=self.kind)

    # -- the page of one post ------------------------------------------------------------------------------
    def render_change_form(self, request: HttpRequest, context: dict, *args, **options) -> HttpResponse:
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **options)

    def get_readonly_fields(self, request: HttpRequest, obj=None) -> tuple[str, ...]:
        return self.fields

    def save_model(self, request: HttpRequest, obj: Post, form, change: bool) -> None:
        """Nothing of the post itself is written here: its verbs do that."""

    def save_formset(self, request: HttpRequest, form, formset, change: bool) -> None:
        """The words of an update, corrected."""
        formset.save(commit=False)
        for told, _changed in formset.changed_objects:
            publishing.correct(told, body=told.body, by=request.user, at=clock.now())

    @admin.display(description="Components")
    def affected(self, post: Post) -> str:
        return ", ".join(str(row) for row in post.components.select_related("parent")) or "None"

    @admin.display(description="Impact")
    def impact_word(self, post: Post) -> str:
        return Impact(post.shown_impact).label

    def verb_version(self, post: Post) -> str:
        return post.updated_at.isoformat()

    def buttons(self, request: HttpRequest, obj: Post, *, back: str = "") -> list[Button]:
        """With the composer first; a link to the page as readers see it last."""
        found = super().buttons(request, obj, back=back)
        if self.has_change_permission(request, obj):
            found.insert(0, link("Post an update", self._url("update", obj.pk), "megaphone", "btn-fill"))
        found += [
            link(f"Planned: {planned.get_status_display().lower()}", _planned(planned), "clock")
            for planned in obj.planned_updates.filter(state__in=("planned", "refused")).order_by("publish_at")
        ]
        found.append(link("On the page", obj.page.link(f"/incidents/{obj.public_id}/"), "open"))
        return found

    # -- the composer --------------------------------------------------------------------------------------
    def get_urls(self) -> list:
        name = f"{self.opts.app_label}_{self.opts.model_name}_update"
        view = self.admin_site.admin_view(self.update_view)
        return [path("<path:object_id>/update/", view, name=name), *super().get_urls()]

    def _url(self, page: str, *args) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context=None) -> HttpResponse:
        """Write a new one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            start = self.draft(request)
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(self._url("changelist"))
        page = several.chosen(request, start.get("proposed", {}))
        offered = offered_templates(request, page, self.kind) | {"pages": several.choices(request, page)}
        start |= _from_template(offered["template"])
        form = self.new_form(
            request.POST or None,
            page=page,
            now=shown_now(page),
            proposed=start.pop("proposed", {}),
            template=offered["template"],
            initial=start,
        )
        back = self._url("changelist")
        return self.compose(request, form, self.new_title, self.work(request, form), back=back, extra=offered)

    def draft(self, request: HttpRequest) -> dict:
        """What the form holds before anybody has typed."""
        return {}

    def update_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write an update."""
        post = self.get_object(request, unquote(object_id))
        if post is None:
            raise Http404
        if not self.has_change_permission(request, post):
            raise PermissionDenied
        now = dict(post.impacts.filter(end__isnull=True).values_list("component_id", "status"))
        offered = offered_templates(request, post.page, self.kind)
        start = {"status": post.status, "seen": planning.newest(post), "proposed": now}
        start |= self.proposal(request, post) | _from_template(offered["template"], now=now)
        if self.kind == Post.Kind.MAINTENANCE:
            start["proposed"] = now  # its components turn when it begins, not when it is spoken of
        form = composing.UpdateForm(
            request.POST or None,
            post=post,
            now=now,
            proposed=start.pop("proposed"),
            template=offered["template"],
            initial=start,
        )
        return self.compose(
            request,
            form,
            f"Post an update: {post.name}",
            update_work(request.user, post, form),
            back=self._url("change", post.pk),
            extra=offered,
        )

    def proposal(self, request: HttpRequest, post: Post) -> dict:
        """What the form of an update holds before anybody has typed, beyond how things stand."""
        return {}


def update_work(user: User, post: Post, form: composing.UpdateForm) -> Work:
    """An update, told now or at its time."""

    def tell(at: datetime) -> Post:
        soon = form.promised()
        promised = at + soon if soon else None
        return publishing.update(
            post,
            components=form.chosen(),
            next_update_at=promised,
            by=user,
            at=at,
            **form.words(),
            **form.past(),
        )

    def plan(at: datetime) -> PlannedPost:
        return planning.plan(
            post=post,
            components=form.chosen(),
            next_update_in=form.promised(),
            publish_at=form.later(),
            by=user,
            at=at,
            **form.words(),
        )

    return Work(tell, plan, post)


def _from_template(template: Template | None, *, now: dict[int, str] | None = None) -> dict:
    """What a form starts with when it begins with a template."""
    if template is None:
        return {}
    found = {"name": template.title, "body": template.body, "status": template.status}
    rows = {row.pk: status for row, status in templating.proposed(template).items()}
    found = {name: value for name, value in found.items() if value}
    return found | ({"proposed": {**(now or {}), **rows}} if rows else {})


def shown_now(page: StatusPage) -> dict[int, str]:
    """What the page shows of each component, by its key."""
    shown = {one.id: one.status for one in public.frame(page, at=clock.now()).components}
    return {row.pk: shown[row.public_id] for row in page.components.all() if row.public_id in shown}


def link(label: str, url: str, icon: str, tone: str = "") -> Button:
    """A button that only leads somewhere."""
    return Button(name="", label=label, icon=icon, tone=tone, url=url, needs_form=True, expected="")


def _planned(planned: PlannedPost) -> str:
    return reverse("admin:statuspage_plannedpost_change", args=[planned.pk])
