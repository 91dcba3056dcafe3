"""The composer: ask, show exactly what will be told and whom it reaches, and only then tell it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from oncall import clock
from oncall.edges import times
from oncall.messaging import render
from oncall.messaging.errors import DomainError
from statuspage import planning, public, reach, rollup
from statuspage.admin import composing
from statuspage.documents import cards, mail
from statuspage.documents.page import Page
from statuspage.documents.words import STATUS_WORD
from statuspage.models import PlannedPost, Post, PostUpdate, StatusPage, Template

#: What variables said of the time at the preview still holds at the second click, for so long.
PREVIEW_HOLDS = timedelta(minutes=30)
#: What a mail program shows beside the subject, and nobody in the mail itself.
HIDDEN_IN_MAIL = re.compile(r"<div style=\"display:none[^>]*>.*?</div>", re.S)
#: What stands for a recipient in the mail that is shown.
SOMEBODY = {"to": "alice@shop.example", "why": "everything", "manage_url": "#", "unsubscribe_url": "#"}


@dataclass(frozen=True)
class Change:
    """One component in the preview: what the page shows of it, in words, before and after."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Preview:
    """What readers will see, what subscribers get, and how many they are."""

    reach: dict[str, int]
    card: cards.Card | None
    planned: cards.Planned | None
    changes: list[Change]
    subject: str
    text: str
    html: SafeString

    @property
    def people(self) -> str:
        """ "1,284 people and 31 webhooks" """
        return reach.words(self.reach)

    @property
    def verb(self) -> str:
        """ "mail", or "tell" where it goes to others than people too"""
        return reach.verb(self.reach)

    @property
    def mark(self) -> str:
        return reach.mark(self.reach)


@dataclass(frozen=True)
class Work:
    """What the composer's second click does: ``tell(at)`` now, or ``plan(at)`` where a later time is given."""

    tell: Callable[[datetime], Post]
    plan: Callable[[datetime], PlannedPost] | None = None
    post: Post | None = None
    button: str = "Publish"


class Composer(admin.ModelAdmin):
    """The page on which something for the public is written; what it becomes is the caller's ``Work``."""

    def compose(
        self,
        request: HttpRequest,
        form: composing.ComposeForm,
        title: str,
        work: Work,
        *,
        back: str,
        extra: dict | None = None,
    ) -> HttpResponse:
        """Ask, preview, tell; never the last first, and never anything but what was previewed."""
        now, preview, refusal, notice = clock.now(), None, "", ""
        if form.is_bound and form.is_valid():
            form.as_of = form.later() or _as_of(request, now)
            try:
                preview = rehearse(work.tell, form.page, form.later() or now)
                if "publish" in request.POST and request.POST.get("previewed") == form.mark():
                    notice = _changed(request, work, preview)
                    if not notice:
                        return self._done(request, form, work, now)
            except DomainError as error:
                refusal, preview = error.detail, None
                if error.code == "changed" and work.post is not None:
                    form.know(planning.newest(work.post))
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "preview": preview,
            "previewed": form.mark() if preview else "",
            "as_of": form.as_of.isoformat() if preview else "",
            "version": _version(work.post),
            "refusal": refusal,
            "notice": notice,
            "later": _words(form.later(), now) if preview and form.later() else "",
            "button": work.button,
            "latest": work.post.updates.order_by("-created_at", "-pk").first() if work.post else None,
            "back": back,
            **(extra or {}),
        }
        return TemplateResponse(request, "admin/statuspage/compose.html", context)

    def _done(
        self, request: HttpRequest, form: composing.ComposeForm, work: Work, now: datetime
    ) -> HttpResponse:
        if form.later() and work.plan is not None:
            planned = work.plan(now)
            messages.success(
                request,
                f"Planned: it is published {_words(planned.publish_at, now)}, and nothing of it before.",
            )
            return HttpResponseRedirect(reverse("admin:statuspage_plannedpost_change", args=[planned.pk]))
        told = work.tell(now)
        messages.success(request, "Published: the page shows it now.")
        kind = "maintenance" if told.kind == Post.Kind.MAINTENANCE else "post"
        return HttpResponseRedirect(reverse(f"admin:statuspage_{kind}_change", args=[told.pk]))


def _as_of(request: HttpRequest, now: datetime) -> datetime:
    """The time of the preview, so that the second click says what the first has shown."""
    try:
        said = parse_datetime(request.POST.get("as_of", ""))
    except ValueError:
        said = None
    if said is None or timezone.is_naive(said) or not now - PREVIEW_HOLDS <= said <= now:
        return now
    return said


def _changed(request: HttpRequest, work: Work, preview: Preview) -> str:
    """What is no longer as the preview said; empty when all is."""
    if request.POST.get("version", _version(work.post)) != _version(work.post):
        return "The post has changed since this preview. Nothing was published. Look again, then publish."
    if request.POST.get("counted", preview.mark) != preview.mark:
        reached = f"reaches {preview.people}" if preview.people else "reaches nobody"
        return (
            f"Subscribers have come or gone since this preview: it now {reached}. Nothing was published yet."
        )
    return ""


def _version(post: Post | None) -> str:
    return post.updated_at.isoformat() if post else ""


def _words(at: datetime, now: datetime) -> str:
    zone = timezone.get_current_timezone()
    return f"at {times.clock(at, now, zone)} ({times.ago(at, now)})"


def rehearse(tell: Callable[[datetime], Post], page: StatusPage, at: datetime) -> Preview:
    """Do it, look at it as a reader and as a subscriber, and undo it."""
    before = {one.id: one.status for one in public.frame(page, at=at).components}
    with transaction.atomic():
        post = tell(at)
        told = post.updates.order_by("-created_at", "-pk").first()
        value = public.one(post.page, post.public_id, at=at)
        shown = value.posts[0]
        first = not post.updates.exclude(pk=told.pk).filter(deliver_notifications=True).exists()
        with translation.override(page.language):
            letter = mail.update(value, shown, public.update(value, told), is_first=first)
        counts = reach.counted(told)
        changes = _changes(told, before, value)
        transaction.set_rollback(True)
    planned = shown.status == Post.Status.SCHEDULED
    with translation.override(page.language):
        return Preview(
            reach=counts,
            card=None if planned else cards.card(value, shown),
            planned=cards.planned(value, shown) if planned else None,
            changes=changes,
            subject=letter.subject,
            text=render.fill(letter.text, SOMEBODY),
            html=render.mail_body(HIDDEN_IN_MAIL.sub("", render.fill(letter.html, SOMEBODY, escape=True))),
        )


def _changes(told: PostUpdate, before: dict[str, str], after: Page) -> list[Change]:
    """What the page shows of each component that it names, before and after; those that change first."""
    rows = [
        Change(known.name, STATUS_WORD[before[known.id]], STATUS_WORD[known.status])
        for one in told.affected
        if (known := after.by_id.get(one["code"])) and known.id in before
    ]
    worth = [row for row in rows if {row.old, row.new} != {STATUS_WORD[rollup.OPERATIONAL]}]
    return sorted(worth, key=lambda row: row.old == row.new)


def wanted_template(request: HttpRequest, page: StatusPage, kind: str) -> Template | None:
    """The template that ``?template=`` names, if it is one of this page and kind."""
    slug = request.GET.get("template", "")[:100]
    return page.templates.filter(slug=slug, kind=kind).first() if slug else None


def offered_templates(request: HttpRequest, page: StatusPage, kind: str) -> dict:
    """What the picker shows: the templates of this kind, the chosen one, and what else the address says."""
    kept = {name: value for name, value in request.GET.items() if name in {"incident", "propose", "page"}}
    return {
        "templates": list(page.templates.filter(kind=kind)),
        "template": wanted_template(request, page, kind),
        "kept": kept,
    }
