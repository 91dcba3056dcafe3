"""The levels of severity and what each asks of the people who respond."""

from django.contrib import admin

from incidents.models import Severity
from oncall.edges.admin import HistoryAdmin
from oncall.templatetags import muster


@admin.register(Severity)
class SeverityAdmin(HistoryAdmin):
    list_display = ["chip", "rank", "urgency", "update_every", "all_clear_required", "review_required"]
    list_display_links = ["chip"]
    ordering = ["rank"]
    prepopulated_fields = {"slug": ["name"]}

    @admin.display(description="Severity", ordering="rank")
    def chip(self, severity: Severity) -> str:
        return muster.severity(severity)
