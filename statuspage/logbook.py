"""What happened to a subscription, for the people who look after it."""

from datetime import datetime

from oncall.messaging.render import clean_header
from oncall.models import User
from statuspage.models import Subscriber, SubscriberEvent


def note(subscriber: Subscriber, text: str, *, by: User | None = None, at: datetime) -> None:
    """Write it down, in the caller's transaction."""
    SubscriberEvent.objects.create(subscriber=subscriber, text=clean_header(text), by=by, at=at)
