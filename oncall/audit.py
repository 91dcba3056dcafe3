"""Somebody notices when pages stand still (field/oncall.md rule 5)."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from oncall.messaging import outbox
from oncall.messaging.models import Delivery
from oncall.models import Page, PortalSettings, User

logger = logging.getLogger(__name__)

LATE = timedelta(minutes=3)
MOST_READERS = 20


@transaction.atomic
def report_overdue(*, now: Callable[[], datetime]) -> int:
    """Pulse line: log pages whose step is minutes late, and tell the administrators once an hour; how many.

    It runs apart from the line that pages people, so that one may notice when the other hangs.
    """
    at = now()
    late = Page.objects.due(at - LATE)
    count, oldest = late.count(), late.values_list("next_step_at", flat=True).first()
    if not count:
        return 0
    text = f"{count} page{'s' * (count != 1)} should have gone on since {oldest:%H:%M} UTC and did not."
    logger.error("The engine is late: %s", text)
    _tell(text, at)
    return count


def _tell(text: str, at: datetime) -> None:
    """One mail an hour to each administrator."""
    readers = {f"overdue:{at:%Y%m%d%H}:{reader.pk}": reader for reader in _readers()}
    for told in Delivery.objects.filter(idempotency_key__in=readers):
        del readers[told.idempotency_key]
    if not readers:
        return
    message = outbox.compose(
        purpose="notice",
        subject=f"[{settings.ORGANISATION}] Paging stands still",
        text=f"{text}\n\nSee whether the engine runs: {settings.PUBLIC_URL}/readyz\n"
        f"The pages: {settings.PUBLIC_URL}/admin/oncall/page/\n",
        at=at,
    )
    for key, reader in readers.items():
        outbox.send(
            message,
            medium="email",
            address=reader.email,
            recipient=reader.username,
            key=key,
            lane=Delivery.Lane.PAGE,
            at=at,
        )


def _readers() -> list[User]:
    """The catch-all and whoever administers the portal, as far as they have an address."""
    catch_all = PortalSettings.load().catch_all
    administrators = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")[:MOST_READERS]
    people = dict.fromkeys([*([catch_all] if catch_all else []), *administrators])
    return [person for person in people if person.email and person.is_active]
