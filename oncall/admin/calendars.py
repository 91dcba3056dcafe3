"""Calendars: addresses from which other programs read shifts, and calendars that become layers."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join

from oncall import calendars, clock
from oncall.edges import addresses, times
from oncall.edges.admin import HistoryAdmin, OneButtonAdmin, Verb, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import CalendarFeed, CalendarImport, Schedule, User

#: Whoever sees schedules in the portal may take them along in a calendar.
READS_SCHEDULES = "oncall.view_schedule"
MANAGES = "oncall.change_calendarfeed"


class FeedForm(forms.ModelForm):
    """Of whom or of what, and how long before to be reminded."""

    class Meta:
        model = CalendarFeed
        fields = ["user", "schedule", "alarm_minutes"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors and bool(cleaned.get("user")) == bool(cleaned.get("schedule")):
            self.add_error("schedule", "Choose either a person or a schedule.")
        return cleaned


def is_live(feed: CalendarFeed, user: User) -> bool:
    return feed.revoked_at is None


@admin.register(CalendarFeed)
class CalendarFeedAdmin(OneButtonAdmin, VerbsAdmin):
    """One's own addresses; who manages calendars sees everybody's. An address is shown once, when it is made."""

    form = FeedForm
    list_display = ["__str__", "owner", "alarm_minutes", "created_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["owner", "user", "schedule"]
    ordering = ["-pk"]
    actions = None
    show_facets = admin.ShowFacets.NEVER
    empty_value_display = "—"
    fields = ["owner", "user", "schedule", "alarm_minutes", "created_at", "last_used_at", "revoked_at"]
    verbs = (
        Verb(
            name="revoke",
            label="Revoke",
            run=calendars.revoke,
            icon="cross",
            tone="bad",
            allowed=is_live,
            done="The address works no more.",
        ),
    )

    # -- who sees and may what -----------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[CalendarFeed]:
        feeds = super().get_queryset(request).select_related("owner", "user", "schedule")
        if request.user.has_perm(MANAGES):
            return feeds
        return feeds.filter(Q(owner=request.user) | Q(user=request.user))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_view_permission(self, request: HttpRequest, obj: CalendarFeed | None = None) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_change_permission(self, request: HttpRequest, obj: CalendarFeed | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: CalendarFeed | None = None) -> bool:
        return False

    def may(self, request: HttpRequest, verb: Verb, obj: CalendarFeed) -> bool:
        """Its owner, the person whose shifts it shows, and who manages calendars."""
        own = request.user.pk in (obj.owner_id, obj.user_id)
        return own or request.user.has_perm(MANAGES)

    # -- making one ----------------------------------------------------------------------------------------
    def get_fields(self, request: HttpRequest, obj: CalendarFeed | None = None) -> list[str]:
        return list(self.fields if obj else FeedForm.Meta.fields)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        asked = super().get_changeform_initial_data(request)
        return asked or {"user": request.user.pk}

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> forms.Field:
        """Of people oneself; who manages calendars also makes them for others."""
        if db_field.name == "user":
            active = User.objects.filter(is_active=True).order_by("first_name", "last_name", "username")
            everybody = request.user.has_perm(MANAGES)
            options["queryset"] = active if everybody else active.filter(pk=request.user.pk)
        if db_field.name == "schedule":
            options["queryset"] = Schedule.objects.order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: CalendarFeed, form: FeedForm, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in FeedForm.Meta.fields}
        made, request.calendar_address = calendars.create(owner=request.user, at=clock.now(), **fields)
        obj.pk, obj.owner = made.pk, made.owner

    def response_add(
        self, request: HttpRequest, obj: CalendarFeed, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The one page that shows the address; neither a message nor a redirect carries it."""
        shown = {
            **self.admin_site.each_context(request),
            "title": str(obj),
            "opts": self.opts,
            "address": request.calendar_address,
        }
        response = TemplateResponse(request, "admin/oncall/calendarfeed/made.html", shown)
        response.headers["Cache-Control"] = "no-store"
        return response


class ImportForm(forms.ModelForm):
    class Meta:
        model = CalendarImport
        fields = ["schedule", "name", "priority", "url"]

    def clean_url(self) -> str:
        try:
            return calendars.check_address(self.cleaned_data["url"])
        except DomainError as error:
            raise forms.ValidationError(error.detail) from None


@admin.register(CalendarImport)
class CalendarImportAdmin(VerbsAdmin, HistoryAdmin):
    """Calendars read as layers. The address is seen by those alone who may change it: it often holds a secret."""

    form = ImportForm
    list_display = ["name", "schedule", "priority", "refreshed", "trouble"]
    list_filter = ["schedule"]
    list_select_related = ["schedule"]
    search_fields = ["name", "schedule__name"]
    ordering = ["schedule__name", "name"]
    autocomplete_fields = ["schedule"]
    actions = None
    set_up = ("schedule", "name", "priority")
    reading = ("refreshed", "trouble", "left_out")
    verbs = (
        Verb(
            name="read-again",
            label="Read now",
            run=calendars.read_again,
            icon="repeat",
            versioned=False,
            done="It will be read within a minute.",
        ),
    )

    def get_fields(self, request: HttpRequest, obj: CalendarImport | None = None) -> list[str]:
        if obj is None:
            return [*self.set_up, "url"]
        address = "url" if self.has_change_permission(request, obj) else "host"
        return [*self.set_up, address, *self.reading]

    def get_readonly_fields(self, request: HttpRequest, obj: CalendarImport | None = None) -> list[str]:
        """A calendar stays with its schedule; for another one it is imported anew."""
        return ["host", *self.reading, *(["schedule"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: CalendarImport, form: ImportForm, change: bool) -> None:
        Schedule.objects.select_for_update().get(pk=obj.schedule_id)  # held first, as everywhere
        super().save_model(request, obj, form, change)
        calendars.settle(obj, by=request.user, at=clock.now())

    def delete_model(self, request: HttpRequest, obj: CalendarImport) -> None:
        calendars.remove(obj, by=request.user, at=clock.now())

    @admin.display(description="Address")
    def host(self, row: CalendarImport) -> str:
        return addresses.masked(row.url)

    @admin.display(description="Last read", ordering="refreshed_at")
    def refreshed(self, row: CalendarImport) -> str:
        return times.ago(row.refreshed_at, clock.now()) if row.refreshed_at else "not yet"

    @admin.display(description="Trouble")
    def trouble(self, row: CalendarImport) -> str:
        """Why the last reading failed, else how many events are left out."""
        if row.error:
            kept = "The last good copy is in use." if row.refreshed_at else "Nothing is in use yet."
            return format_html('<span class="m-bad">{} {}</span>', row.error, kept)
        if row.problems:
            count = len(row.problems)
            return format_html('<span class="m-warn">{} problem{}</span>', count, "s" * (count != 1))
        return ""

    @admin.display(description="Left out or unclear")
    def left_out(self, row: CalendarImport) -> str:
        return format_html_join("", '<p class="m-warn">{}</p>', ((problem,) for problem in row.problems))
