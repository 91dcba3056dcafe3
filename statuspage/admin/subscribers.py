"""Subscribers: to look up, to let go, to take in and out as a file, each with its log.

Nobody is subscribed by hand: only the address itself can confirm, or the operator's word for a whole file.
"""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path

from oncall.edges.admin import HistoryAdmin, Verb, VerbsAdmin
from statuspage import subscriptions, suppression
from statuspage.admin import subscriber_files, subscriber_log
from statuspage.admin.several import OfAPage
from statuspage.models import Subscriber


def is_subscribed(subscriber: Subscriber, user) -> bool:
    return subscriber.state in subscriptions.STILL_HERE


UNSUBSCRIBE = Verb(
    name="unsubscribe",
    label="Unsubscribe",
    run=lambda subscriber, *, by, at: subscriptions.unsubscribe(
        subscriber, by=by, at=at, how="Unsubscribed in the portal"
    ),
    icon="cross",
    permission="statuspage.delete_subscriber",
    allowed=is_subscribed,
    tone="bad",
    done="Unsubscribed. The address is deleted within a day.",
)
LET_THROUGH = Verb(
    name="let-through",
    label="Let mail through again",
    run=suppression.let_through,
    icon="repeat",
    permission="statuspage.change_subscriber",
    allowed=lambda subscriber, user: suppression.may_let_through(subscriber),
    done="News goes there again.",
)


@admin.register(Subscriber)
class SubscriberAdmin(OfAPage, VerbsAdmin):
    """Read-only, with two verbs, a log, and files in and out."""

    verbs = (LET_THROUGH, UNSUBSCRIBE)
    change_form_template = "admin/statuspage/subscriber/change_form.html"
    change_list_template = "admin/statuspage/subscriber/change_list.html"
    show_facets = HistoryAdmin.show_facets
    show_full_result_count = False
    list_per_page = 50
    view_on_site = False
    actions = None
    list_display = ("shown", "channel", "state", "what", "created_at", "confirmed_at")
    list_filter = ("channel", "state", "everything")
    search_fields = ("address", "owner")
    fields = (
        "whole_address",
        "channel",
        "owner",
        "state",
        "what",
        "incidents",
        "maintenance",
        "postmortems",
        "created_at",
        "asked_at",
        "confirmed_at",
        "unsubscribed_at",
        "held_until",
        "forget_at",
    )
    readonly_fields = (*fields, "page")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).prefetch_related("components", "posts")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None):
        subscriber = super().get_object(request, object_id, from_field)
        if subscriber is not None:
            subscriber.viewer_may_change = request.user.has_perm("statuspage.change_subscriber")
        return subscriber

    @admin.display(description="Address", ordering="address")
    def shown(self, subscriber: Subscriber) -> str:
        return subscriber.shown

    @admin.display(description="Address")
    def whole_address(self, subscriber: Subscriber) -> str:
        """A webhook's address is a secret: whole for those who may change subscribers."""
        return subscriber.address if subscriber.viewer_may_change else subscriber.shown

    @admin.display(description="Subscribed to")
    def what(self, subscriber: Subscriber) -> str:
        return subscriptions.subject_of(subscriber, subscriber.components.all())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    # -- the log and the files -------------------------------------------------------------------------------
    def change_view(self, request: HttpRequest, object_id: str, form_url="", extra_context=None):
        subscriber = Subscriber.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        with_links = request.user.has_perm("messaging.view_delivery")
        log = subscriber_log.of(subscriber, with_links=with_links) if subscriber else []
        return super().change_view(request, object_id, form_url, {"log": log, **(extra_context or {})})

    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        context = {
            "may_export": request.user.has_perm(subscriber_files.EXPORTS),
            "may_import": request.user.has_perm(subscriber_files.IMPORTS),
            "export_query": request.GET.urlencode(),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(self.export_view), name="statuspage_subscriber_export"),
            path("import/", wrap(self.import_view), name="statuspage_subscriber_import"),
            *super().get_urls(),
        ]

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The list as it is filtered, as CSV."""
        return subscriber_files.export(
            request, lambda: self.get_changelist_instance(request).get_queryset(request)
        )

    def import_view(self, request: HttpRequest) -> HttpResponse:
        return subscriber_files.take_in(self, request)
