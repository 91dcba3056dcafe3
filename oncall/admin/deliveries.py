"""What was sent to whom, how each try ended, and once more on a person's word. Nothing here can be edited."""

from datetime import datetime

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from oncall.edges import addresses
from oncall.edges.admin import Verb, VerbsAdmin
from oncall.edges.visible import visible_deliveries
from oncall.messaging import outbox
from oncall.messaging.models import Attempt, Callback, Delivery
from oncall.messaging.render import fill, mail_body
from oncall.models import User


class ReadOnly:
    """Rows that the engine alone writes."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class AttemptInline(ReadOnly, admin.TabularInline):
    model = Attempt
    fields = ["n", "started_at", "ended_at", "outcome", "code", "text"]
    extra = 0


class CallbackInline(ReadOnly, admin.TabularInline):
    model = Callback
    fields = ["at", "kind", "said", "code", "outcome", "text"]
    extra = 0
    verbose_name_plural = "what the provider said"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Callback]:
        return super().get_queryset(request).order_by("pk")


def may_be_sent_again(delivery: Delivery, user: User) -> bool:
    """It has ended, and not because its reason has gone."""
    return delivery.state not in {*Delivery.OPEN, Delivery.State.CANCELLED}


def send_again(delivery: Delivery, *, by: User, at: datetime) -> Delivery:
    """Put it back into the outbox, with the person's name."""
    return outbox.send_again(delivery, by_name=by.get_username(), at=at)


def was_lost_with_others(delivery: Delivery, user: User) -> bool:
    """Others went in the same message, and did not arrive either."""
    return may_be_sent_again(delivery, user) and outbox.lost_with(delivery).exists()


def send_bundle_again(delivery: Delivery, *, by: User, at: datetime) -> Delivery:
    """Put all of one message back into the outbox, with the person's name."""
    return outbox.send_bundle_again(delivery, by_name=by.get_username(), at=at)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, VerbsAdmin):
    """The outbox as a list; without a mail server it is where messages are read."""

    list_display = ["subject", "recipient", "medium", "stage", "attempt_count", "due_at", "finished_at"]
    list_filter = ["state", "medium", "lane", "message__purpose"]
    list_select_related = ["message"]
    list_per_page = 50
    search_fields = ["recipient", "address", "message__subject", "stable_id"]
    ordering = ["-pk"]
    view_on_site = False
    fieldsets = [
        (
            None,
            {"fields": ["subject", "recipient", "medium", "shown_address", "state", "reported", "last_error"]},
        ),
        ("Message", {"fields": ["text", "html"]}),
        (
            "Times",
            {
                "fields": [
                    *("created_at", "due_at", "held_until", "expires_at", "finished_at"),
                    *("bundled_into", "attempt_count", "stable_id", "provider_id"),
                ]
            },
        ),
    ]
    inlines = [AttemptInline, CallbackInline]
    verbs = (
        Verb(
            name="send-again",
            label="Send again",
            run=send_again,
            permission="messaging.change_delivery",
            allowed=may_be_sent_again,
            done="It is in the outbox again.",
        ),
        Verb(
            name="send-bundle-again",
            label="Send all of its message again",
            run=send_bundle_again,
            permission="messaging.change_delivery",
            allowed=was_lost_with_others,
            done="Everything that was in one message with it is in the outbox again.",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return visible_deliveries(super().get_queryset(request), request.user)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None):
        """The delivery, and who looks at it."""
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            found.viewer = request.user
        return found

    @admin.display(description="Address")
    def shown_address(self, delivery: Delivery) -> str:
        medium, address, owner = delivery.medium, delivery.address, delivery.recipient
        return addresses.shown_to(delivery.viewer, medium=medium, address=address, owner=owner)

    @admin.display(description="Message", ordering="message__subject")
    def subject(self, delivery: Delivery) -> str:
        return fill(delivery.message.subject, _shown(delivery))

    @admin.display(description="State", ordering="state")
    def stage(self, delivery: Delivery) -> str:
        """The state, and in plain words that a limit delays it or that it went along with others."""
        if delivery.state == Delivery.State.PENDING and delivery.held_until == delivery.due_at:
            return f"Held by the limit until {timezone.localtime(delivery.due_at):%H:%M:%S}"
        is_along = delivery.bundled_into_id and delivery.state not in Delivery.OPEN
        along = f" (with delivery {delivery.bundled_into_id})" if is_along else ""
        return f"{delivery.get_state_display()}{along}"

    @admin.display(description="Text")
    def text(self, delivery: Delivery) -> str:
        return fill(delivery.message.text, _shown(delivery))

    @admin.display(description="As HTML")
    def html(self, delivery: Delivery) -> SafeString:
        return mail_body(fill(delivery.message.html, _shown(delivery), escape=True))


@admin.register(Callback)
class CallbackAdmin(ReadOnly, admin.ModelAdmin):
    """What came in from providers of text messages and calls, refused or taken."""

    list_display = ["at", "provider", "kind", "said", "code", "outcome", "text", "recipient"]
    list_filter = ["outcome", "kind", "provider"]
    list_select_related = ["delivery"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    ordering = ["-pk"]
    actions = None
    fields = ["at", "provider", "kind", "said", "code", "outcome", "text", "recipient", "provider_id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Callback]:
        seen = visible_deliveries(Delivery.objects.all(), request.user)
        found = super().get_queryset(request)
        return found.filter(Q(delivery=None) | Q(delivery__in=seen))

    @admin.display(description="Person")
    def recipient(self, callback: Callback) -> str:
        return callback.delivery.recipient if callback.delivery else ""


def _shown(delivery: Delivery) -> dict[str, str]:
    """The values that a reader other than the recipient sees.

    A personal link, or code, acts in the recipient's name, so it stays ``{{link}}``; only where the message was
    kept, this page is the one place in which anybody can find it.
    """
    if delivery.state == Delivery.State.KEPT:
        return delivery.values
    return {name: value for name, value in delivery.values.items() if "://" not in value and name != "code"}
