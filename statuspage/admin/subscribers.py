"""Subscribers: to look up, and to let go. Nobody is subscribed by hand: only the address itself can confirm."""

from django.contrib import admin
from django.http import HttpRequest

from oncall.edges.admin import HistoryAdmin, Verb, VerbsAdmin
from statuspage import subscriptions
from statuspage.admin.several import OfAPage
from statuspage.models import Subscriber


def is_subscribed(subscriber: Subscriber, user) -> bool:
    return subscriber.state in {Subscriber.State.ACTIVE, Subscriber.State.PENDING}


UNSUBSCRIBE = Verb(
    name="unsubscribe",
    label="Unsubscribe",
    run=lambda subscriber, *, by, at: subscriptions.unsubscribe(subscriber, at=at),
    icon="cross",
    permission="statuspage.delete_subscriber",
    allowed=is_subscribed,
    tone="bad",
    done="Unsubscribed. The address is deleted within a day.",
)


@admin.register(Subscriber)
class SubscriberAdmin(OfAPage, VerbsAdmin):
    """Read-only, with one verb."""

    verbs = (UNSUBSCRIBE,)
    show_facets = HistoryAdmin.show_facets
    show_full_result_count = False
    list_per_page = 50
    view_on_site = False
    actions = None
    list_display = ("address", "state", "what", "created_at", "confirmed_at")
    list_filter = ("state", "everything")
    search_fields = ("address",)
    fields = (
        "address",
        "state",
        "what",
        "incidents",
        "maintenance",
        "postmortems",
        "created_at",
        "asked_at",
        "confirmed_at",
        "unsubscribed_at",
        "forget_at",
    )
    readonly_fields = (*fields, "page")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).prefetch_related("components")

    @admin.display(description="Subscribed to")
    def what(self, subscriber: Subscriber) -> str:
        return subscriptions.subject_of(subscriber, subscriber.components.all())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False
