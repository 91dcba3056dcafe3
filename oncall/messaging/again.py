"""Once more on a person's word: what ended without arriving, alone or with what was in the same message."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from oncall.messaging import doorbell
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.messaging.render import clean_header

#: Nothing is sent later than so long after it was due.
LIFETIME = timedelta(hours=24)
#: Ended without arriving.
LOST = (Delivery.State.DEAD, Delivery.State.EXPIRED)


def send_again(delivery: Delivery, *, by_name: str, at: datetime) -> Delivery:
    """Try once more, on a person's word, what ended without arriving (or is said not to have).

    The same delivery with the same Message-ID, so that a receiver who did get it can fold the two. Raises
    ``DomainError`` while it is under way, and for what was cancelled: its reason still holds.
    """
    if delivery.state == Delivery.State.CANCELLED:
        raise DomainError("cancelled", f"This was cancelled and is not sent again. {delivery.last_error}")
    ended = Delivery.objects.exclude(state__in=[*Delivery.OPEN, Delivery.State.CANCELLED])
    if not _put_back(ended.filter(pk=delivery.pk, generation=delivery.generation), by_name, at):
        raise DomainError("under_way", "This is being sent already; look again in a minute.")
    doorbell.ring()
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def send_bundle_again(delivery: Delivery, *, by_name: str, at: datetime) -> Delivery:
    """The same for everything that was to go out in one message with it and did not arrive: one message again.

    What has arrived or was cancelled meanwhile stays as it is.
    """
    lost = list(lost_with(delivery).values_list("pk", flat=True))
    again = send_again(delivery, by_name=by_name, at=at)
    _put_back(Delivery.objects.filter(pk__in=lost, state__in=LOST), by_name, at)
    return again


def lost_with(delivery: Delivery) -> QuerySet[Delivery]:
    """The other deliveries of its last message that have not arrived."""
    leader = delivery.bundled_into_id or delivery.pk
    together = Delivery.objects.filter(Q(pk=leader) | Q(bundled_into=leader))
    return together.filter(state__in=LOST).exclude(pk=delivery.pk)


def _put_back(ended: QuerySet[Delivery], by_name: str, at: datetime) -> int:
    return ended.update(
        state=Delivery.State.PENDING,
        due_at=at,
        expires_at=at + LIFETIME,
        finished_at=None,
        held_until=at,  # a person asks for it: no limit holds it
        bundled_into=None,
        generation=F("generation") + 1,
        last_error=clean_header(f"Sent again by {by_name}."),
    )
