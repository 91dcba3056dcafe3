"""Addresses that get no mail any more, by their keyed hash: searched by the address, never read from the list."""

from django.contrib import admin
from django.http import HttpRequest

from oncall import clock
from statuspage import suppression
from statuspage.models import Suppression


@admin.register(Suppression)
class SuppressionAdmin(admin.ModelAdmin):
    """Read-only; deleting an entry lets mail through again."""

    list_display = ("short", "reason", "at", "text")
    list_filter = ("reason",)
    search_fields = ("mark",)
    search_help_text = "The whole address that you look for."
    fields = readonly_fields = ("mark", "reason", "at", "text")
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    view_on_site = False
    actions = None

    @admin.display(description="Address, hashed")
    def short(self, row: Suppression) -> str:
        return f"{row.mark[:12]}…"

    def get_search_results(self, request: HttpRequest, queryset, search_term: str):
        if "@" in search_term:
            return queryset.filter(mark__in=suppression.marks(search_term.strip())), False
        return super().get_search_results(request, queryset, search_term)

    def delete_model(self, request: HttpRequest, obj: Suppression) -> None:
        suppression.lift(obj, by=request.user, at=clock.now())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False
