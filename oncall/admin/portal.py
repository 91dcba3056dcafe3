"""The portal's settings, and the keys of the API."""

from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from oncall import clock, tokens
from oncall.edges.admin import HistoryAdmin, Verb, VerbsAdmin
from oncall.models import ApiToken, PortalSettings, User


@admin.register(PortalSettings)
class PortalSettingsAdmin(HistoryAdmin):
    """One row: its list is its form."""

    autocomplete_fields = ["catch_all", "incident_manager_policy"]

    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)  # refuses
        PortalSettings.objects.get_or_create(pk=1)
        return HttpResponseRedirect(reverse("admin:oncall_portalsettings_change", args=[1]))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PortalSettings | None = None) -> bool:
        return False


def revoke(token: ApiToken, *, by: User, at: datetime) -> ApiToken:
    """End a token at once."""
    return tokens.revoke(token, at=at)


def is_live(token: ApiToken, user: User) -> bool:
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > clock.now())


@admin.register(ApiToken)
class ApiTokenAdmin(VerbsAdmin):
    """Keys of the API: seen and revoked here, made by ``manage.py createtoken``. A secret is never shown again."""

    list_display = ["__str__", "user", "scope", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = ["scope", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["prefix", "name", "user__username"]
    ordering = ["-pk"]
    actions = None
    show_facets = admin.ShowFacets.NEVER
    fields = [
        "user",
        "name",
        "prefix",
        "scope",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ]
    verbs = (
        Verb(
            name="revoke",
            label="Revoke",
            run=revoke,
            icon="cross",
            tone="bad",
            permission="oncall.change_apitoken",
            allowed=is_live,
            done="The token works no more.",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return super().get_queryset(request).select_related("user")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False
