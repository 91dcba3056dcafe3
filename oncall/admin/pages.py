"""Pages: who waits for an answer, and the story of each. Nothing here can be edited, only answered."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from oncall import clock, paging, partly
from oncall.admin import page_story
from oncall.edges import times
from oncall.edges.admin import Verb, VerbForm, VerbsAdmin
from oncall.models import Page, User
from oncall.templatetags import muster

OPEN = {state for state in Page.State if state != Page.State.RESOLVED}
SNOOZES = [(15, "15 min"), (60, "1 h"), (240, "4 h"), (720, "12 h"), (1440, "1 day")]
TONES = {
    Page.State.ACTIVE: ("bell", "m-bad"),
    Page.State.HELD: ("clock", "m-warn"),
    Page.State.EXHAUSTED: ("alert", "m-bad"),
    Page.State.ACKNOWLEDGED: ("check", "m-good"),
    Page.State.SNOOZED: ("bell-off", ""),
    Page.State.RESOLVED: ("st-closed", ""),
}


class SnoozeForm(VerbForm):
    minutes = forms.TypedChoiceField(label="Be quiet for", choices=SNOOZES, coerce=int)


class ResolveForm(VerbForm):
    reason = forms.CharField(
        max_length=200, required=False, widget=forms.TextInput(attrs={"class": "vTextField"})
    )


def snooze(page: Page, *, minutes: int, by: User, at: datetime) -> Page:
    """Quiet for a while, counted from now."""
    return paging.snooze(page, until=at + timedelta(minutes=minutes), by=by, at=at)


def escalate(page: Page, *, by: User, at: datetime) -> Page:
    """Whoever is next, of the page as it was shown."""
    return paging.escalate_now(page, expected_step=page.step, expected_loop=page.loop, by=by, at=at)


def is_open(page: Page, user: User) -> bool:
    return page.state in OPEN


def can_be_answered(page: Page, user: User) -> bool:
    """Acknowledging is for pages that nobody else has; her own may be confirmed."""
    return is_open(page, user) and (
        page.state != Page.State.ACKNOWLEDGED or page.acknowledged_by_id != user.pk
    )


def has_somebody_next(page: Page, user: User) -> bool:
    return is_open(page, user) and page.state != Page.State.EXHAUSTED


def is_acknowledged(page: Page, user: User) -> bool:
    return page.state == Page.State.ACKNOWLEDGED


def follows_an_old_policy(page: Page, user: User) -> bool:
    return is_open(page, user) and page.policy is not None


def state_words(page: Page) -> str:
    """The state; where some have answered who must, not that nobody has."""
    if page.state == Page.State.EXHAUSTED and partly.in_part(page):
        return "Not everybody answered"
    return page.get_state_display()


@admin.register(Page)
class PageAdmin(VerbsAdmin):
    """The list of pages and the story of one: each step, each message, what comes next.

    ``beside`` are cards that upper floors hang next to the story: callables (request, page) -> markup, or nothing.
    """

    beside: ClassVar[list[Callable[[HttpRequest, Page], str]]] = []

    verbs = (
        Verb("acknowledge", "Acknowledge", paging.acknowledge, icon="check", tone="btn-fill",
             allowed=can_be_answered, versioned=False,
             done="You have it. Nobody else is paged, unless others must answer as well."),
        Verb("escalate", "Escalate", escalate, icon="arrow-up", allowed=has_somebody_next,
             done="Whoever is next is being paged."),
        Verb("unacknowledge", "Give back", paging.unacknowledge, icon="repeat", allowed=is_acknowledged,
             versioned=False, done="Paging begins again in ten seconds, unless somebody acknowledges."),
        Verb("snooze", "Snooze", snooze, icon="bell-off", form=SnoozeForm, allowed=is_open, versioned=False,
             help="It begins again at the first step afterwards.", done="Quiet until then."),
        Verb("resolve", "Resolve", paging.resolve, icon="st-closed", form=ResolveForm, allowed=is_open,
             versioned=False, help="Nothing more is sent, and it never begins again.", done="It is over."),
        Verb("restart", "Begin again", paging.restart_with_current_policy, icon="repeat",
             allowed=follows_an_old_policy, done="It has begun again at the first step."),
    )  # fmt: skip
    list_display = ["about", "state_word", "answered", "next_step", "service", "opened"]
    list_filter = ["state", "urgency", "service"]
    list_select_related = ["service", "acknowledged_by"]
    list_per_page = 50
    empty_value_display = "—"
    search_fields = ["reference", "title"]
    show_facets = admin.ShowFacets.NEVER
    ordering = ["-pk"]
    actions = None

    # -- who sees and may what -----------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[Page]:
        return super().get_queryset(request).visible_to(request.user).with_told()

    def has_view_permission(self, request: HttpRequest, obj: Page | None = None) -> bool:
        return super().has_view_permission(request, obj) or (
            obj is not None and paging.may_answer(obj, request.user)
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Page | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Page | None = None) -> bool:
        return False

    def may(self, request: HttpRequest, verb: Verb, obj: Page) -> bool:
        return paging.may_answer(obj, request.user)

    def verb_version(self, page: Page) -> str:
        """How far it had come: a second press on "Escalate" must skip nobody."""
        return f"{page.cycle}.{page.loop}.{page.step}"

    def verb_name(self, page: Page) -> str:
        return f"Page {page.pk}"

    # -- the list ------------------------------------------------------------------------------------------
    @admin.display(description="Page", ordering="pk")
    def about(self, page: Page) -> str:
        return format_html(
            '{}<span class="m-small m-below">{}</span>', page.title, page.reference or f"Page {page.pk}"
        )

    @admin.display(description="State", ordering="state")
    def state_word(self, page: Page) -> str:
        icon, tone = TONES[page.state]
        shown = '<span class="m-outcome m-nowrap {}">{}{}</span>'
        return format_html(shown, tone, muster.icon(icon), state_words(page))

    @admin.display(description="Answered by")
    def answered(self, page: Page) -> str:
        return partly.in_part(page).words or str(page.acknowledged_by or "")

    @admin.display(description="Next", ordering="next_step_at")
    def next_step(self, page: Page) -> str:
        return times.ago(page.next_step_at, clock.now()) if page.next_step_at else ""

    @admin.display(description="Opened", ordering="created_at")
    def opened(self, page: Page) -> str:
        return muster.moment(page.created_at, clock.now())

    # -- the page ------------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url="", extra_context=None
    ) -> HttpResponse:
        page = self.get_object(request, unquote(object_id))
        found = self.story_context(request, page) if page else {}
        return super().change_view(request, object_id, form_url, {**found, **(extra_context or {})})

    def story_context(self, request: HttpRequest, page: Page) -> dict:
        now = clock.now()
        icon, tone = TONES[page.state]
        return {
            "now": now,
            "page": page,
            "state_words": state_words(page),
            "state_icon": icon,
            "state_tone": tone,
            "step_words": page_story.step_words(page),
            "lead_words": page_story.summary(page, now),
            "story": page_story.story(page, with_links=request.user.has_perm("messaging.view_delivery")),
            "upcoming": page_story.next_row(page),
            "beside": [card for hook in self.beside for card in [hook(request, page)] if card],
            "began": page_story.interval_began(page),
            "policy_changed": is_open(page, request.user) and paging.policy_changed_since(page),
        }
