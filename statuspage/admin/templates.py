"""Templates, and the log of components, in the staff console."""

from django.contrib import admin
from django.http import HttpRequest

from oncall.edges.admin import HistoryAdmin, OneButtonAdmin
from statuspage.models import ComponentChange, Template


@admin.register(Template)
class TemplateAdmin(OneButtonAdmin, HistoryAdmin):
    """Words to begin with; the composer offers them."""

    fields = (
        "name",
        "slug",
        "page",
        "kind",
        "title",
        "body",
        "status",
        "components",
        "component_status",
    )
    prepopulated_fields = {"slug": ("name",)}
    filter_horizontal = ("components",)
    list_display = ("name", "kind", "status", "asks_for")
    list_filter = ("kind",)
    search_fields = ("name", "slug", "title", "body")

    @admin.display(description="Asks for")
    def asks_for(self, template: Template) -> str:
        return ", ".join(template.variables)


@admin.register(ComponentChange)
class ComponentChangeAdmin(admin.ModelAdmin):
    """What the page has shown of each component: read, never written here."""

    list_display = ("at", "component", "change", "source", "post_name", "by")
    list_display_links = None
    list_filter = ("source", "new")
    list_select_related = ("component__parent", "post", "by")
    list_per_page = 100
    search_fields = ("component__name", "post_name")
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="From, to")
    def change(self, row: ComponentChange) -> str:
        return f"{row.get_old_display()} → {row.get_new_display()}"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "component__id__exact" or super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False
