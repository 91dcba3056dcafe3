"""People, teams and services."""

from collections.abc import Callable
from typing import ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from oncall import clock, contacts, linting, paging, schedules
from oncall.admin.contacts import ContactInline, RuleInline, has_unverified_contacts, verify_contacts
from oncall.admin.inbox import Inbox
from oncall.admin.tryouts import SEND_TEST
from oncall.admin.ways import Ways
from oncall.edges.admin import HTTPS, HistoryAdmin, Verb, VerbsAdmin
from oncall.models import Runbook, Service, Team, User

UNPROVEN = (
    "Add an address below and verify it: until then nobody can rely on being able to reach this person."
)


@admin.register(User)
class PersonAdmin(VerbsAdmin, HistoryAdmin, UserAdmin):
    """Django's own form for accounts, with the person's wall clock, addresses and rules."""

    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email", "time_zone", "readiness"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "usable_password", "password1", "password2"]}),
        ("Person", {"fields": ["first_name", "last_name", "email", "time_zone"]}),
    ]
    readonly_fields = ["last_login", "date_joined", "readiness"]
    inlines = [ContactInline, RuleInline]
    verbs = (
        Verb(
            name="verify",
            label="Verify contacts",
            run=verify_contacts,
            icon="check",
            permission="oncall.change_contactmethod",
            allowed=has_unverified_contacts,
            done="Pages may go to these addresses now.",
        ),
        SEND_TEST,
    )
    list_display = ["full_name", "username", "email", "time_zone", "is_active"]
    list_filter = ["is_active", "groups", "teams"]
    search_fields = ["username", "first_name", "last_name", "email"]
    ordering = ["first_name", "last_name", "username"]

    def get_urls(self) -> list:
        return [*Inbox(self.admin_site).urls(), *Ways(self).urls(), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """A new person is told by mail at once; an address that is corrected is corrected everywhere.

        Stored answers name people, so those that name her hold no longer when she is called otherwise.
        """
        if change and {"username", "is_active"} & set(form.changed_data):
            schedules.hold_naming(obj)
        super().save_model(request, obj, form, change)
        told = {"by": request.user, "at": clock.now()}
        if change and "username" in form.changed_data:
            schedules.touch_naming(obj, **told)
        if not change:
            contacts.give_defaults(obj, **told)
        elif "email" in form.changed_data:
            contacts.follow_account(obj, before=form.initial.get("email", ""), **told)

    def as_it_was(self) -> "PersonAdmin":
        """Without the password: no version of it is kept, and Django's link to change it leads astray there."""
        shown = super().as_it_was()
        shown.fieldsets = [(None, {"fields": ["username"]}), *self.fieldsets[1:]]
        return shown

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Only who may do everything hands that right out."""
        fixed = list(super().get_readonly_fields(request, obj))
        return fixed if request.user.is_superuser else [*fixed, "is_superuser", "groups"]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody takes over the account of somebody who may do more."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        schedules.touch_naming(obj, by=request.user, at=clock.now())
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        schedules.touch_naming(*queryset, by=request.user, at=clock.now())
        super().delete_queryset(request, queryset)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list:
        """Addresses belong to somebody who is there already."""
        return self.inlines if obj else []

    def save_related(self, request: HttpRequest, form, formsets, change: bool) -> None:
        """Whoever is deactivated but still counted on is pointed out (field/oncall.md rule 14)."""
        super().save_related(request, form, formsets, change)
        if change and "is_active" in form.changed_data and not form.instance.is_active:
            for sentence in linting.left_behind(form.instance, at=clock.now()):
                messages.warning(request, sentence)

    @admin.display(description="Can be reached")
    def readiness(self, person: User) -> str:
        """What is missing before a page reaches her as it should."""
        if not person.pk:
            return "Save first, then add addresses."
        faults = contacts.readiness(person)
        link = format_html(
            '<p><a href="{}">Contacts and rules, with a test</a></p>',
            reverse("admin:oncall_ways", args=[person.pk]),
        )
        if not faults:
            return format_html('<p class="m-good">{}</p>{}', "Yes, for high and for low urgency", link)
        if not contacts.is_proven(person):
            said = format_html_join(
                "", '<p class="m-bad">{}</p>', ((fault,) for fault in [*faults, UNPROVEN])
            )
        else:
            said = format_html_join("", '<p class="m-warn">{}</p>', ((fault,) for fault in faults))
        return format_html("{}{}", said, link)

    @admin.display(description="Name", ordering="first_name")
    def full_name(self, person: User) -> str:
        return str(person)


@admin.register(Team)
class TeamAdmin(HistoryAdmin):
    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["members", "admins"]


class RunbookInline(admin.TabularInline):
    model = Runbook
    extra = 0
    formfield_overrides = HTTPS


@admin.register(Service)
class ServiceAdmin(HistoryAdmin):
    """``neighbours`` are ways upper floors hang on the page: (service, user) -> (label, url, icon), or None."""

    neighbours: ClassVar[list[Callable[[Service, User], tuple[str, str, str] | None]]] = []
    list_display = ["name", "team", "policy", "audience", "critical"]
    list_filter = ["team", "audience", "critical"]
    list_select_related = ["team", "policy"]
    search_fields = ["name", "slug", "description"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["team"]
    inlines = [RunbookInline]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url="", extra_context=None
    ) -> HttpResponse:
        service = self.get_object(request, unquote(object_id))
        links = [hook(service, request.user) for hook in self.neighbours] if service else []
        context = {"neighbours": [link for link in links if link], **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Service, form, change: bool) -> None:
        """Its open pages follow it to another policy."""
        super().save_model(request, obj, form, change)
        moved = paging.follow_service(obj, by=request.user, at=clock.now()) if change else 0
        if moved:
            pages = f"{moved} open page{'s' * (moved != 1)}"
            begin = "begins" if moved == 1 else "begin"
            messages.warning(request, f"{pages} {begin} at the first step of {obj.policy or 'no policy'}.")


@admin.register(Runbook)
class RunbookAdmin(HistoryAdmin):
    list_display = ["title", "service", "url"]
    list_select_related = ["service"]
    search_fields = ["title", "url", "service__name"]
    autocomplete_fields = ["service"]
