"""Hand-over notes: the one to write before one's shift ends, and those that were handed over."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import Truncator

from oncall import clock, handover, handover_mail, standing_pages
from oncall.admin.swaps import READS_SCHEDULES
from oncall.edges import schedule_words, times
from oncall.edges.admin import Button, HistoryAdmin, Verb, VerbForm, VerbsAdmin
from oncall.models import HandOverNote, Page, User
from oncall.models.handover import LONGEST_TEXT

ROWS = {"rows": 8, "cols": 60, "class": "vLargeTextField"}


class WriteForm(VerbForm):
    """What the next person should know."""

    text = forms.CharField(
        label="Note",
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs=ROWS),
        help_text="Whoever sees schedules in the portal can read it. Empty: only open pages are told of.",
    )


class Whose(admin.SimpleListFilter):
    """One's own to write."""

    title, parameter_name = "whose", "whose"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("mine", "Mine to write"), ("past", "Handed over")]

    def queryset(self, request: HttpRequest, notes: QuerySet[HandOverNote]) -> QuerySet[HandOverNote]:
        if self.value() == "mine":
            return notes.filter(sent_at__isnull=True, outgoing=request.user)
        return notes.filter(sent_at__isnull=False) if self.value() == "past" else notes


@dataclass(frozen=True)
class Line:
    """A page that stands open, as the viewer reads it."""

    title: str
    url: str
    how: str


def is_coming(note: HandOverNote, user: User) -> bool:
    return note.sent_at is None


@admin.register(HandOverNote)
class HandOverNoteAdmin(VerbsAdmin, HistoryAdmin):
    """Notes are written by those on call, handed over by the pulse, and never edited afterwards."""

    list_display = ["schedule", "when", "goes_off", "comes_on", "words"]
    list_filter = [Whose, "schedule"]
    list_select_related = ["schedule"]
    search_fields = ["schedule__name", "text"]
    ordering = ["-at", "-pk"]
    actions = None
    fields: list[str] = []
    change_form_template = "admin/oncall/handovernote/change_form.html"
    verbs = (
        Verb(
            "write",
            "Write",
            handover.write,
            icon="pencil",
            form=WriteForm,
            tone="btn-fill",
            allowed=is_coming,
            submit="Save note",
            done="Saved. It is mailed to the next person when your shift ends.",
        ),
    )

    def get_urls(self) -> list:
        mine = self.admin_site.admin_view(self.mine_view)
        return [path("mine/", mine, name="oncall_handovernote_mine"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[HandOverNote]:
        people = (Prefetch(name, User.objects.order_by("pk")) for name in ("outgoing", "incoming"))
        return (
            super().get_queryset(request).select_related("schedule", "written_by").prefetch_related(*people)
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_view_permission(self, request: HttpRequest, obj: HandOverNote | None = None) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: HandOverNote | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: HandOverNote | None = None) -> bool:
        return False

    # -- writing -------------------------------------------------------------------------------------------
    def may(self, request: HttpRequest, verb: Verb, obj: HandOverNote) -> bool:
        """The verb itself refuses who may not, in a sentence, so that nobody's words are lost with the page."""
        return request.method == "POST" or handover.may_write(obj, request.user)

    def verb_initial(self, request: HttpRequest, verb: Verb, obj: HandOverNote) -> dict[str, Any]:
        return {"text": obj.text}

    def still_current(self, request: HttpRequest, verb: Verb, fresh: HandOverNote) -> None:
        """Whose shift is over while she types is told so by the verb, with her words still before her."""
        if fresh.sent_at is None and handover.may_write(fresh, request.user):
            super().still_current(request, verb, fresh)

    def _changed_meanwhile(self, verb: Verb, obj: HandOverNote) -> str:
        whose = f"{obj.written_by} has changed this note" if obj.text else "The shift has changed"
        return f"{whose} since you opened it, so yours was not saved. It says now: “{obj.text}”"

    def mine_view(self, request: HttpRequest) -> HttpResponse:
        """On to the note that is the viewer's to write; to a list where there are several."""
        mine = list(HandOverNote.objects.coming().filter(outgoing=request.user)[:2])
        if len(mine) == 1:
            return HttpResponseRedirect(self.object_url(mine[0]))
        if not mine:
            messages.info(request, "You are on call on no schedule, so there is nothing to hand over.")
        query = "?whose=mine" if mine else ""
        return HttpResponseRedirect(reverse("admin:oncall_handovernote_changelist") + query)

    # -- the page ------------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        note = self.get_object(request, unquote(object_id))
        shown = self._shown(request, note) if note else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def _shown(self, request: HttpRequest, note: HandOverNote) -> dict[str, Any]:
        now = clock.now()
        found = standing_pages.seen_by(_pages(note, now), request.user)
        writes = note.sent_at is None and handover.may_write(note, request.user)
        return {
            "now": now,
            "note": note,
            "goes_off": self.goes_off(note),
            "comes_on": self.comes_on(note),
            "write_form": self._form(note, request.user) if writes else None,
            "write_url": self._verb_url(note, "write"),
            "expected": self.verb_version(note),
            "groups": [_group(key, pages, request.user, now, note) for key, pages in found.items()],
            "zone": ZoneInfo(note.schedule.time_zone),
        }

    def _form(self, note: HandOverNote, user: User) -> WriteForm:
        return WriteForm(obj=note, user=user, initial={"text": note.text})

    def buttons(self, request: HttpRequest, obj: HandOverNote, *, back: str = "") -> list[Button]:
        """The form stands on the page itself."""
        return []

    # -- columns -------------------------------------------------------------------------------------------
    @admin.display(description="Hand-over, your time", ordering="at")
    def when(self, note: HandOverNote) -> str:
        if note.at is None:
            return "none ahead"
        now = clock.now()
        there = times.date_and_time(note.at, now, timezone.get_current_timezone())
        return f"{there} ({times.ago(note.at, now)})"

    @admin.display(description="From")
    def goes_off(self, note: HandOverNote) -> str:
        return _names(note.outgoing.all())

    @admin.display(description="To")
    def comes_on(self, note: HandOverNote) -> str:
        return _names(note.incoming.all())

    @admin.display(description="Note")
    def words(self, note: HandOverNote) -> str:
        return Truncator(note.text).chars(80)


def _pages(note: HandOverNote, now: Any) -> handover.Pages:
    """As they stand for a note to come; as they stood, where they are still known, for one handed over."""
    if note.sent_at is None:
        return handover.draft(note, at=now)
    known = {page.pk: page for page in Page.objects.filter(pk__in=sum(note.pages.values(), []))}
    listed = {
        key: [known[pk] for pk in note.pages.get(key, ()) if pk in known] for key in standing_pages.HEADINGS
    }
    return {key: pages for key, pages in listed.items() if pages}


def _group(key: str, pages: list[Page], user: User, now: Any, note: HandOverNote) -> tuple[str, list[Line]]:
    """A heading with its pages; of a note handed over without how they stand now, which is another story."""
    return standing_pages.HEADINGS[key], [
        Line(
            str(page),
            page.url or reverse("admin:oncall_page_change", args=[page.pk]),
            "" if note.sent_at else handover_mail.says(page, user, now),
        )
        for page in pages
    ]


def _names(people: Iterable[User]) -> str:
    names = [str(user) for user in people]
    return schedule_words.together(names) if names else "—"
