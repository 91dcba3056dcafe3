"""Messages of pages that never arrived: the person's next way is taken at once (field/oncall.md rule 15)."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from oncall.messaging import doorbell, outbox
from oncall.messaging.models import Delivery
from oncall.models import Page, PageEvent
from oncall.page_events import locked, move, record

logger = logging.getLogger(__name__)
Kind, State = PageEvent.Kind, Page.State

LOOKS_BACK = timedelta(hours=1)
FAILED = [Delivery.State.DEAD, Delivery.State.EXPIRED]


def note_undelivered(*, now: Callable[[], datetime]) -> int:
    """Pulse line: say which messages of waiting pages were given up, and wait no longer; the number noted."""
    since = now() - LOOKS_BACK
    failed = Delivery.objects.filter(state__in=FAILED, finished_at__gt=since, topic__startswith="page:")
    events = PageEvent.objects.filter(kind=Kind.UNDELIVERED, at__gt=since - LOOKS_BACK)
    noted = set(events.values_list("data__delivery", flat=True))
    return sum(
        _alone(delivery, now())
        for delivery in failed.exclude(recipient="").order_by("pk")
        if delivery.pk not in noted
    )


def _alone(delivery: Delivery, at: datetime) -> bool:
    """One delivery in a transaction of its own; what fails is tried again with the next run."""
    try:
        with transaction.atomic():
            return _note(delivery, at)
    except Exception:
        logger.exception("Delivery %s could not be noted as undelivered", delivery.pk)
        return False


def _note(delivery: Delivery, at: datetime) -> bool:
    page = Page.objects.waiting().filter(pk=delivery.topic.removeprefix("page:")).first()
    if page is None:
        return False
    page = locked(page)
    if page.state not in (State.ACTIVE, State.EXHAUSTED):
        return False
    if page.events.filter(kind=Kind.UNDELIVERED, data__delivery=delivery.pk).exists():
        return False
    reason = delivery.last_error.splitlines()[0] if delivery.last_error else "it came too late"
    text = f"No {delivery.medium} message reached {delivery.recipient}: {reason}"
    record(page, Kind.UNDELIVERED, text, at=at, user=delivery.recipient, delivery=delivery.pk)
    sooner = outbox.bring_forward(topic=page.topic, recipient=delivery.recipient, at=at)
    if not sooner and page.state == State.ACTIVE and page.next_step_at > at and _nobody_was_told(page):
        move(page, next_step_at=at)
        doorbell.ring()
    return True


def _nobody_was_told(page: Page) -> bool:
    """Whether every message of the page so far has failed or been cancelled: then nobody can be waited for."""
    in_vain = [*FAILED, Delivery.State.CANCELLED]
    return (
        not Delivery.objects.filter(topic=page.topic)
        .exclude(recipient="")
        .exclude(state__in=in_vain)
        .exists()
    )
