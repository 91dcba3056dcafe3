"""Messages of pages that never arrived: the person's next way is taken at once (field/oncall.md rule 15).

After her last one come her e-mail addresses, then the inbox; what lies there has reached nobody.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from oncall import contacts, messages, quiet
from oncall.messaging import doorbell, outbox
from oncall.messaging.models import Delivery
from oncall.models import Page, PageEvent, Urgency, User
from oncall.page_events import locked, move, record

logger = logging.getLogger(__name__)
Kind, State = PageEvent.Kind, Page.State

LOOKS_BACK = timedelta(hours=1)
#: What the keys of one person's messages in one pass begin with (``messages.to_people``); the pass.
_PASS = re.compile(r"page:\d+:\d+:(\d+):\d+:")
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


def note(delivery: Delivery, *, at: datetime) -> bool:
    """One message, as soon as its provider says that it did not arrive; whether that was news."""
    delivery.refresh_from_db()
    return delivery.state in FAILED and bool(delivery.recipient) and _alone(delivery, at)


def _alone(delivery: Delivery, at: datetime) -> bool:
    """One delivery in a transaction of its own; what fails is tried again with the next run."""
    try:
        with transaction.atomic():
            return _note(delivery, at)
    except Exception:
        logger.exception("Delivery %s could not be noted as undelivered", delivery.pk)
        return False


def _note(delivery: Delivery, at: datetime) -> bool:
    number = delivery.topic.removeprefix("page:")
    page = Page.objects.waiting().filter(pk=number).first() if number.isdecimal() else None
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
    goes_on = _take_next_way(page, delivery, at)
    if not goes_on and page.state == State.ACTIVE and page.next_step_at > at and _nobody_was_told(page):
        move(page, next_step_at=at)
        doorbell.ring()
    return True


def _take_next_way(page: Page, delivery: Delivery, at: datetime) -> bool:
    """Whether another message to this person leaves now instead."""
    user = User.objects.filter(username=delivery.recipient, is_active=True).first()
    if user is None:
        return False
    if not _is_quiet(page, user, at) and outbox.bring_forward(
        topic=page.topic, recipient=user.username, at=at
    ):
        return True
    found = _PASS.match(delivery.idempotency_key)
    hers = Delivery.objects.filter(topic=page.topic, recipient=user.username)
    hers = hers.filter(idempotency_key__startswith=found[0]) if found else hers
    if hers.exclude(state__in=[*FAILED, Delivery.State.CANCELLED]).exists():
        return False
    contacts.load([user])
    ways = contacts.last_ways(user, tried=hers.values_list("address", flat=True))
    ways = contacts.hold(user, ways, urgency=page.urgency, at=at)
    ways = [replace(way, key=f"last-{way.key}") for way in ways]
    why = ways[0].fallback
    record(page, Kind.FALLBACK, why, at=at, user=user.username, medium=ways[0].medium)
    messages.to_people(page, [(user, why, ways)], loop=int(found[1]) if found else page.loop, at=at)
    return ways[0].medium != contacts.INBOX


def _is_quiet(page: Page, user: User, at: datetime) -> bool:
    """Whether what is left for her waits for the end of her quiet hours, which a failure does not end."""
    zone = ZoneInfo(user.time_zone)
    return page.urgency == Urgency.LOW and bool(quiet.held_until(at, user.quiet_from, user.quiet_to, zone))


def _nobody_was_told(page: Page) -> bool:
    """Whether every message of the page so far has failed or been cancelled: then nobody can be waited for."""
    in_vain = [*FAILED, Delivery.State.CANCELLED]
    return (
        not Delivery.objects.filter(topic=page.topic)
        .exclude(recipient="")
        .exclude(state__in=in_vain)
        .exclude(medium=contacts.INBOX)
        .exists()
    )
