"""A test message to one contact of a person: it really goes out, and says whether it arrived."""

from datetime import datetime, timedelta

from django.conf import settings

from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import MEDIUMS, label, missing
from oncall.messaging.models import Delivery, Message
from oncall.models import ContactMethod, User

#: After that a test that has not left is no test any more.
LIFETIME = timedelta(minutes=5)
#: How often one contact may be tested.
PAUSE = timedelta(seconds=20)


def send_test(contact: ContactMethod, *, by: User, at: datetime) -> Delivery:
    """Put a test into the outbox; verified or not, since a test is how one finds out.

    Raises ``DomainError``: ``not_set_up``, ``too_soon``.
    """
    if contact.medium not in MEDIUMS or missing(contact.medium):
        raise DomainError(
            "not_set_up", f"{label(contact.medium)} is not set up here. docs/mediums.md says how."
        )
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
        topic=_topic(contact),
        key=f"test:{contact.pk}:{at.isoformat()}",
        lane=Delivery.Lane.PAGE,
        at=at,
        expires_at=at + LIFETIME,
    )


def last_test(contact: ContactMethod) -> Delivery | None:
    """The latest test of this contact's present address."""
    tests = Delivery.objects.filter(topic=_topic(contact), medium=contact.medium, address=contact.address)
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


def _topic(contact: ContactMethod) -> str:
    return f"test:{contact.pk}"


def _inert(text: str) -> str:
    return text.replace("{{", "{ {")
