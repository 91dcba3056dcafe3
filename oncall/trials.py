"""Trying one's rules, or one contact: test messages that go through the outbox as a page would."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from oncall import contacts
from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import MEDIUMS
from oncall.messaging.models import Delivery, Message
from oncall.models import ContactMethod, Urgency, User

MOST, WITHIN = 6, timedelta(hours=1)
EXPIRES_AFTER = timedelta(hours=1)
#: After every page and every code.
PRIORITY = 9
#: After that a test that has not left is no test any more.
ONE_EXPIRES_AFTER = timedelta(minutes=5)
#: How often one contact may be tested.
PAUSE = timedelta(seconds=20)


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


# -- one contact -------------------------------------------------------------------------------------------
def send_test(contact: ContactMethod, *, by: User, at: datetime) -> Delivery:
    """Put a test into the outbox; verified or not, since a test is how one finds out.

    Raises ``DomainError``: ``not_set_up``, ``too_soon``.
    """
    if not contacts.is_set_up(contact):
        raise DomainError("not_set_up", f"{_label(contact)} is not set up here. docs/mediums.md says how.")
    latest = last_test(contact)
    if latest and latest.created_at > at - PAUSE:
        raise DomainError("too_soon", "A test was sent a moment ago. Look at how it went, then try again.")
    message = outbox.compose(
        purpose=Message.Purpose.CANARY,
        subject=f"[{settings.ORGANISATION}] This is a test",
        text=f"{_inert(str(by))} has sent this to see whether {_inert(str(contact.user))} can be reached here. "
        "Nothing is wrong, and there is nothing to do.\n",
        at=at,
    )
    return outbox.send(
        message,
        medium=contact.medium,
        address=contact.address,
        recipient=contact.user.username,
        topic=_topic_of_one(contact),
        key=f"test:{contact.pk}:{at.isoformat()}",
        lane=Delivery.Lane.PAGE,
        at=at,
        expires_at=at + ONE_EXPIRES_AFTER,
    )


def last_test(contact: ContactMethod) -> Delivery | None:
    """The latest test of this contact's present address."""
    tests = Delivery.objects.filter(topic=_topic_of_one(contact), medium=contact.medium, address=contact.address)
    return tests.order_by("-pk").first()


def outcome(test: Delivery) -> str:
    """How a test went, in a sentence."""
    latest = test.attempts.last()
    if test.state == Delivery.State.SENT:
        return f"Sent. {latest.text if latest else ''}".strip()
    if test.state == Delivery.State.KEPT:
        return "Nothing was sent: no mail server is set, so the message is kept here."
    said = test.last_error or (latest.text if latest else "")
    if test.state in Delivery.OPEN:
        return f"It has not arrived yet and is tried again. {said}" if said else "It is on its way."
    return f"It did not arrive. {said}".strip()


def _topic_of_one(contact: ContactMethod) -> str:
    return f"test:{contact.pk}"


def _label(contact: ContactMethod) -> str:
    medium = MEDIUMS.get(contact.medium)
    return medium.label if medium else contact.medium


def _inert(text: str) -> str:
    return text.replace("{{", "{ {")
