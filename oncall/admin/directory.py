"""People, teams and services."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from oncall import contacts
from oncall.admin.contacts import ContactInline, RuleInline, has_unverified_contacts, verify_contacts
from oncall.admin.tryouts import SEND_TEST
from oncall.edges.admin import HTTPS, HistoryAdmin, Verb, VerbsAdmin
from oncall.models import Runbook, Service, Team, User


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

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list:
        """Addresses belong to somebody who is there already."""
        return self.inlines if obj else []

    @admin.display(description="Can be reached")
    def readiness(self, person: User) -> str:
        """What is missing before a page reaches her as it should."""
        if not person.pk:
            return "Save first, then add addresses."
        faults = contacts.readiness(person)
        if not faults:
            return format_html('<span class="m-good">{}</span>', "Yes, for high and for low urgency")
        return format_html_join("", '<p class="m-warn">{}</p>', ((fault,) for fault in faults))

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
    list_display = ["name", "team", "policy", "audience", "critical"]
    list_filter = ["team", "audience", "critical"]
    list_select_related = ["team", "policy"]
    search_fields = ["name", "slug", "description"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["team"]
    inlines = [RunbookInline]


@admin.register(Runbook)
class RunbookAdmin(HistoryAdmin):
    list_display = ["title", "service", "url"]
    list_select_related = ["service"]
    search_fields = ["title", "url", "service__name"]
    autocomplete_fields = ["service"]
