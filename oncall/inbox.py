"""The in-app inbox: messages to a person that were kept in the portal instead of being sent.

That is what could reach her by no medium (field/oncall.md rule 15), and without a mail server every mail.
"""

from datetime import datetime

from django.db.models import QuerySet

from oncall.messaging.models import Delivery
from oncall.models import Reading, User


def messages(user: User) -> QuerySet[Delivery]:
    """Everything kept for a person, newest first."""
    kept = Delivery.objects.filter(recipient=user.username, state=Delivery.State.KEPT)
    return kept.select_related("message", "reading").order_by("-pk")


def unread(user: User) -> QuerySet[Delivery]:
    """What she has not said to have read."""
    return messages(user).filter(reading=None)


def mark_read(user: User, *, only: int | None = None, at: datetime) -> int:
    """Say that a message, or all of them, has been read; the number that had not been."""
    rows = unread(user) if only is None else unread(user).filter(pk=only)
    readings = [Reading(delivery=delivery, at=at) for delivery in rows]
    Reading.objects.bulk_create(readings, ignore_conflicts=True)
    return len(readings)
