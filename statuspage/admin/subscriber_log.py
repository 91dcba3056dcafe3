"""What happened to one subscriber: what was sent, how it ended, what came back, who confirmed and left."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from oncall.admin.page_deliveries import Outcome, outcome
from oncall.messaging.models import Delivery
from statuspage.models import Subscriber

MOST = 200


@dataclass(frozen=True)
class Entry:
    """One line; ``outcome`` where something was sent."""

    at: datetime
    title: str
    text: str = ""
    outcome: Outcome | None = None
    url: str = ""


def of(subscriber: Subscriber, *, with_links: bool) -> list[Entry]:
    """Newest first, at most so many of each kind. Four queries, however much there is."""
    events = subscriber.events.select_related("by").order_by("-at", "-id")[:MOST]
    bounces = subscriber.bounces.all()[:MOST]
    sent = Delivery.objects.filter(recipient=subscriber.recipient).select_related("message")
    sent = sent.prefetch_related("attempts").order_by("-id")[:MOST]
    found = [Entry(one.at, one.text, f"by {one.by}" if one.by else "") for one in events]
    found += [Entry(one.at, one.get_kind_display(), f"{one.source}: {one.text}") for one in bounces]
    found += [_sent(one, with_links) for one in sent]
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def _sent(delivery: Delivery, with_links: bool) -> Entry:
    tries = "1 try" if delivery.attempt_count == 1 else f"{delivery.attempt_count} tries"
    return Entry(
        at=delivery.created_at,
        title=f"{delivery.message.get_purpose_display().capitalize()}: {delivery.message.subject}",
        text=tries,
        outcome=outcome(delivery),
        url=reverse("admin:messaging_delivery_change", args=[delivery.pk]) if with_links else "",
    )
