"""What chat and push services called back with: who answered from where, and what was not believed."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from oncall.admin.deliveries import ReadOnly
from oncall.models import Callback


@admin.register(Callback)
class CallbackAdmin(ReadOnly, admin.ModelAdmin):
    """Read only: the portal writes these rows."""

    list_display = ["at", "medium", "user", "verb", "page", "outcome", "reason"]
    list_filter = ["outcome", "medium"]
    list_select_related = ["user", "page"]
    list_per_page = 50
    empty_value_display = "—"
    search_fields = ["user__username", "reason", "client"]
    fields = ["at", "medium", "user", "verb", "page", "outcome", "reason", "client"]
    ordering = ["-pk"]
    actions = None
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Callback]:
        return super().get_queryset(request).visible_to(request.user)
