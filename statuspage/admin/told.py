"""What posts and planned maintenance share: one composer with preview, components and "this mails N people"."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from oncall import clock
from oncall.edges.admin import Button, HistoryAdmin, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.messaging.render import fill
from statuspage import audience, public, publishing, rights
from statuspage.admin import composing
from statuspage.documents import cards, mail
from statuspage.models import Impact, Post, PostUpdate, StatusPage


@dataclass(frozen=True)
class Preview:
    """What readers will see, and how many are mailed."""

    mails: int
    card: cards.Card | None
    planned: cards.Planned | None
    subject: str
    text: str
    beside: str = ""

    @property
    def people(self) -> str:
        """ "1,284 people" """
        return "1 person" if self.mails == 1 else f"{self.mails:,} people"


def beside(counts: dict[str, int]) -> str:
    """Who else is told: "31 webhooks, 2 Slack channels"."""
    names = {"webhook": "webhook", "slack": "Slack channel", "teams": "Teams channel"}
    return ", ".join(
        f"{count:,} {names[channel]}{'' if count == 1 else 's'}" for channel, count in counts.items() if count
    )


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


class ToldAdmin(VerbsAdmin, HistoryAdmin):
    """What posts and maintenances share: a list, a page with the story, and the composer.

    Each of the two says by ``publish(request, form, at)`` how its form becomes a post.
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
            found.insert(0, _link("Post an update", self._url("update", obj.pk), "megaphone", "btn-fill"))
        found.append(_link("On the page", f"/incidents/{obj.public_id}/", "open"))
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
        page = StatusPage.main()
        try:
            start = self.draft(request)
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(self._url("changelist"))
        form = self.new_form(
            request.POST or None,
            page=page,
            now=shown_now(page),
            proposed=start.pop("proposed", {}),
            initial=start,
        )
        return self.compose(request, form, self.new_title, lambda at: self.publish(request, form, at))

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
        latest = post.updates.order_by("-created_at", "-pk").first()
        form = composing.UpdateForm(
            request.POST or None,
            post=post,
            now=now,
            proposed=now,
            initial={"status": post.status, "seen": latest.public_id if latest else ""},
        )

        def publish(at: datetime) -> Post:
            soon = form.promised()
            return publishing.update(
                post,
                components=form.chosen(),
                next_update_at=at + soon if soon else None,
                by=request.user,
                at=at,
                **form.words(),
            )

        return self.compose(request, form, f"Post an update: {post.name}", publish, post=post)

    def compose(
        self,
        request: HttpRequest,
        form: composing.ComposeForm,
        title: str,
        publish: Callable[[datetime], Post],
        post: Post | None = None,
    ) -> HttpResponse:
        """Ask, show exactly what will be told and whom it mails, then tell it; never the last first."""
        preview, refusal = None, ""
        if form.is_bound and form.is_valid():
            try:
                if "publish" in request.POST and request.POST.get("previewed") == form.mark():
                    told = publish(clock.now())
                    messages.success(request, "Published: the page shows it now.")
                    return HttpResponseRedirect(self._url("change", told.pk))
                preview = rehearse(publish)
            except DomainError as error:
                refusal = error.detail
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "preview": preview,
            "previewed": form.mark() if preview else "",
            "refusal": refusal,
            "back": self._url("change", post.pk) if post else self._url("changelist"),
        }
        return TemplateResponse(request, "admin/statuspage/compose.html", context)


def shown_now(page: StatusPage) -> dict[int, str]:
    """What the page shows of each component, by its key."""
    shown = {one.id: one.status for one in public.frame(page, at=clock.now()).components}
    return {row.pk: shown[row.public_id] for row in page.components.all() if row.public_id in shown}


def _link(label: str, url: str, icon: str, tone: str = "") -> Button:
    return Button(name="", label=label, icon=icon, tone=tone, url=url, needs_form=True, expected="")


def rehearse(publish: Callable[[datetime], Post]) -> Preview:
    """Do it, look at it as a reader and as a subscriber, and undo it."""
    at = clock.now()
    with transaction.atomic():
        post = publish(at)
        told = post.updates.order_by("-created_at", "-pk").first()
        page = public.one(post.page, post.public_id, at=at)
        shown = page.posts[0]
        letter = mail.update(page, shown, shown.updates[0], is_first=True)
        counts = audience.counted(told)
        transaction.set_rollback(True)
    names = {"to": "alice@shop.example", "why": "everything", "manage_url": "…", "unsubscribe_url": "…"}
    planned = shown.status == Post.Status.SCHEDULED
    return Preview(
        mails=counts.pop("email"),
        beside=beside(counts),
        card=None if planned else cards.card(page, shown),
        planned=cards.planned(page, shown) if planned else None,
        subject=letter.subject,
        text=fill(letter.text, names),
    )
