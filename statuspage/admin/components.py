"""Components: what a page tells of."""

from django import forms
from django.contrib import admin
from django.db.models import F
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse

from oncall import clock
from oncall.edges.admin import Button, HistoryAdmin, Verb, VerbForm, VerbsAdmin
from statuspage import impacts, public, rights
from statuspage.admin.several import OfAPage
from statuspage.admin.told import link
from statuspage.documents.words import STATUS_WORD
from statuspage.models import Component, ComponentStatus, StatusPage


class StatusForm(VerbForm):
    """The baseline of a component."""

    status = forms.ChoiceField(choices=ComponentStatus.choices, label="Status from now on")


SET_STATUS = Verb(
    name="set-status",
    label="Set status",
    run=impacts.set_status,
    icon="flag",
    form=StatusForm,
    permission=rights.SET_STATUS,
    allowed=lambda component, user: not component.is_group,
    help="Without a post: nobody is mailed and nothing is explained. What open posts say is not touched.",
    done="The status is set.",
)


@admin.register(Component)
class ComponentAdmin(OfAPage, VerbsAdmin, HistoryAdmin):
    """The tree as a list; the baseline changes through its verb, which keeps what uptime is computed from."""

    verbs = (SET_STATUS,)
    fields = (
        "name",
        "slug",
        "description",
        "is_group",
        "parent",
        "position",
        "service",
        "showcase",
        "start_date",
        "only_show_if_degraded",
        "visible",
        "page",
    )
    prepopulated_fields = {"slug": ("name",)}
    list_display = ("name", "group", "shown", "status", "service", "showcase", "visible")
    list_filter = ("is_group", "status", "visible")
    list_select_related = ("parent", "service")
    search_fields = ("name", "slug")
    ordering = (  # a group, then what it holds
        Coalesce("parent__position", "position"),
        Coalesce("parent__name", "name"),
        F("parent").asc(nulls_first=True),
        "position",
        "name",
    )

    def get_changelist_instance(self, request: HttpRequest):
        """With what the page shows, computed once for the whole list."""
        found = super().get_changelist_instance(request)
        wanted = StatusPage.objects.filter(pk__in={component.page_id for component in found.result_list})
        frames = [public.frame(page, at=clock.now()) for page in wanted]
        shown = {one.id: STATUS_WORD[one.status] for frame in frames for one in frame.components}
        for component in found.result_list:
            component.shown_word = shown.get(component.public_id, "Not shown")
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Component | None = None) -> tuple[str, ...]:
        """What was told of a component stands on its page: it stays there."""
        return ("page",) if obj else ()

    @admin.display(description="On the page")
    def shown(self, component: Component) -> str:
        return component.shown_word

    @admin.display(description="Group", ordering="parent__name")
    def group(self, component: Component) -> str:
        return component.parent.name if component.parent else ""

    def buttons(self, request: HttpRequest, obj: Component, *, back: str = "") -> list[Button]:
        """With the way to its log."""
        found = super().buttons(request, obj, back=back)
        if not obj.is_group and request.user.has_perm("statuspage.view_componentchange"):
            log = reverse("admin:statuspage_componentchange_changelist")
            found.append(link("Log", f"{log}?component__id__exact={obj.pk}", "clock"))
        return found

    def verb_version(self, component: Component) -> str:
        return component.updated_at.isoformat()
