"""The levels of severity and what each asks of the people who respond."""

from django.contrib import admin

from incidents.models import Severity
from oncall.edges.admin import HistoryAdmin
from oncall.templatetags import muster


@admin.register(Severity)
class SeverityAdmin(HistoryAdmin):
    list_display = [
        "chip",
        "rank",
        "urgency",
        "policy",
        "update_every",
        "all_clear_required",
        "review_required",
    ]
    list_display_links = ["chip"]
    list_select_related = ["policy"]
    autocomplete_fields = ["policy"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "rank", "description"]}),
        ("Paging", {"fields": ["urgency", "policy", "ack_timeout"]}),
        ("Telling others", {"fields": ["first_update_after", "update_every"]}),
        ("Response", {"fields": ["required_roles", "all_clear_required"]}),
        ("Review", {"fields": ["review_required", "review_within", "action_due_within"]}),
    ]
    ordering = ["rank"]
    prepopulated_fields = {"slug": ["name"]}

    @admin.display(description="Severity", ordering="rank")
    def chip(self, severity: Severity) -> str:
        return muster.severity(severity)
