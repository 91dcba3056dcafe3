"""Trying one's rules: test messages to every way that a page would take, through the outbox as a page would."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from oncall import contacts
from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import Urgency, User

MOST, WITHIN = 6, timedelta(hours=1)
EXPIRES_AFTER = timedelta(hours=1)
#: After every page and every code.
PRIORITY = 9


@dataclass(frozen=True)
class Trial:
    """One test: of which urgency, when, and its deliveries, in the order of the rules."""

    urgency: str
    at: datetime
    deliveries: list[Delivery]


@transaction.atomic
def run(user: User, *, urgency: str, by: User, at: datetime) -> Trial:
    """Send a test to each of a person's ways, all at once: neither delays nor quiet hours are waited for.

    Raises ``DomainError``: ``unreachable``, ``too_many``.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    urgency = Urgency(urgency)
    found = contacts.ways(user, urgency)
    if not found:
        raise DomainError("unreachable", "There is no way to reach you. Add a contact first.")
    lately = _sent(user).filter(created_at__gt=at - WITHIN).values("topic").distinct()
    if lately.count() >= MOST:
        raise DomainError("too_many", f"There were {MOST} tests within an hour. Try again later.")
    said = f"This is a test of your rules for {urgency.label.lower()} urgency"
    asked = "" if by == user else f", asked for by {by}"
    message = outbox.compose(
        purpose="notice",
        subject=f"[Test] Your rules for {urgency.label.lower()} urgency",
        text=f"{said}, from Muster{_inert(asked)}. Nothing is wrong, and there is nothing to answer.",
        at=at,
    )
    topic = f"{_topic(user)}{urgency}:{at:%Y%m%d%H%M%S}"
    for way in found:
        outbox.send(
            message,
            medium=way.medium,
            address=way.address,
            recipient=user.username,
            topic=topic,
            key=f"{topic}:{way.key}",
            values={"way": way.name, "after": str(int(way.after.total_seconds()))},
            lane=Delivery.Lane.PAGE,
            priority=PRIORITY,
            at=at,
            expires_at=at + EXPIRES_AFTER,
        )
    return last(user)


def last(user: User) -> Trial | None:
    """The newest test of a person's rules, with how each message did; None if there never was one."""
    newest = _sent(user).order_by("-pk").values_list("topic", flat=True).first()
    if newest is None:
        return None
    deliveries = list(_sent(user).filter(topic=newest).prefetch_related("attempts").order_by("pk"))
    return Trial(newest.split(":")[2], deliveries[0].created_at, deliveries)


def _sent(user: User):
    return Delivery.objects.filter(recipient=user.username, topic__startswith=_topic(user))


def _topic(user: User) -> str:
    return f"trial:{user.pk}:"


def _inert(text: str) -> str:
    return text.replace("{{", "{ {")
