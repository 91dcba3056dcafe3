"""Emergencies that Pushover repeats until somebody acknowledges: asking for the receipts.

Pushover calls back as well (``oncall/webhooks/pushover.py``), but a portal behind a firewall does not hear
it. Whichever comes first acts; the other is the same call again.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from oncall import presses
from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums import by_name, missing
from oncall.messaging.mediums.pushover import REPEAT_FOR_S
from oncall.messaging.models import Delivery
from oncall.models import Page
from oncall.presses import Press

logger = logging.getLogger(__name__)

MEDIUM = "pushover"
#: How many receipts one run asks for, so that a storm does not hold up the others of its lane for long.
MOST_AT_ONCE = 20
MOST_PAGES = 500


def look_up(*, now: Callable[[], datetime]) -> int:
    """Pulse line: acknowledge what people have acknowledged on their phones; how many."""
    if missing(MEDIUM):
        return 0
    pushover = by_name(MEDIUM)
    return sum(_acknowledged(pushover, delivery, now) for delivery in _asked_for(now()))


def of_page(page: int, receipt: str) -> Delivery | None:
    """The message of a page that has this receipt."""
    if not receipt:
        return None
    return Delivery.objects.filter(topic=f"page:{page}", medium=MEDIUM, provider_id=receipt).first()


def press_of(delivery: Delivery, address: str, *, client: str = "") -> Press:
    """The acknowledgement of an emergency, by the user key of whoever gave it; the same however we learn of it."""
    return Press(
        medium=MEDIUM,
        call=f"{delivery.provider_id}:{address}",
        verb="acknowledge",
        page=int(delivery.topic.removeprefix("page:")),
        step=-1,
        address=address,
        client=client,
    )


def _asked_for(at: datetime) -> list[Delivery]:
    """Emergencies of waiting pages, while they are repeated; of many a random few, so that all get a turn."""
    waiting = [page.topic for page in Page.objects.waiting().only("pk").order_by("-pk")[:MOST_PAGES]]
    sent = Delivery.objects.filter(topic__in=waiting, medium=MEDIUM, state=Delivery.State.SENT)
    since = at - timedelta(seconds=REPEAT_FOR_S)
    found = sent.filter(finished_at__gt=since, values__urgency="high").exclude(provider_id="")
    return list(found.order_by("?")[:MOST_AT_ONCE])


def _acknowledged(pushover, delivery: Delivery, now: Callable[[], datetime]) -> bool:
    """One receipt; that Pushover does not answer is no reason to leave out the others."""
    try:
        found = pushover.acknowledged_by(delivery.provider_id)
    except DeliveryError as error:
        logger.warning("The receipt of delivery %s cannot be asked for: %s", delivery.pk, error.text)
        return False
    if found is None:
        return False
    try:
        return presses.press(press_of(delivery, found.by), at=now()).done
    except presses.Repeated:
        return False
