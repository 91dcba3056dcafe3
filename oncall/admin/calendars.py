"""Calendars: addresses from which calendar programs read shifts."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from oncall import calendars, clock
from oncall.edges.admin import Verb, VerbsAdmin
from oncall.models import CalendarFeed, Schedule, User

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
class CalendarFeedAdmin(VerbsAdmin):
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
