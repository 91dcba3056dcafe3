"""The canary: a real page to a person who is a program, to see that the whole chain works and how long it takes.

Off unless ``CANARY_USER`` names somebody; give that account one contact that you read elsewhere, a webhook or a
mailbox, and no other duty. Every ``CANARY_EVERY`` she is paged like anybody else. When the message was handed over
the page ends by itself; when it was not, the page goes where a page goes that nobody answers, to the catch-all.
Source: field/reliability.md section 2.7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import Page, Urgency, User

REFERENCE = "CANARY"
#: Pages of the canary that have ended are kept so long.
KEEP = timedelta(days=2)


@transaction.atomic
def fly(*, now: Callable[[], datetime]) -> int:
    """Pulse line: end the canary's page when it has arrived, and send the next when its time has come.

    Raises ``DomainError`` (``no_canary``) where ``CANARY_USER`` is nobody.
    """
    if not settings.CANARY_USER:
        return 0
    at, last = now(), _pages().order_by("-pk").first()
    if last and last.state != Page.State.RESOLVED:
        return _land(last, at)
    if last and last.created_at > at - timedelta(seconds=settings.CANARY_EVERY):
        return 0
    canary = User.objects.filter(username=settings.CANARY_USER, is_active=True).first()
    if canary is None:
        raise DomainError("no_canary", f"CANARY_USER {settings.CANARY_USER!r} is nobody here.")
    _pages().filter(ended_at__lt=at - KEEP).delete()
    paging.page(
        title="Canary: this page tests the chain, nobody need do anything",
        urgency=Urgency.HIGH,
        user=canary,
        reference=REFERENCE,
        by=None,
        at=at,
    )
    return 1


@dataclass(frozen=True)
class Flight:
    """The last canary that arrived: when it set out and how long it took; ``late``: one is under way too long."""

    at: datetime | None
    took: timedelta | None
    late: timedelta | None


def flight(now: datetime) -> Flight | None:
    """How the canary does; None where there is none."""
    if not settings.CANARY_USER:
        return None
    landed = _pages().filter(state=Page.State.RESOLVED).order_by("-pk").first()
    flying = _pages().exclude(state=Page.State.RESOLVED).order_by("pk").first()
    arrived = _arrived(landed) if landed else None
    return Flight(
        landed.created_at if landed else None,
        arrived - landed.created_at if arrived else None,
        now - flying.created_at if flying else None,
    )


def _land(page: Page, at: datetime) -> int:
    if _arrived(page) is None:
        return 0
    paging.resolve(page, by=None, at=at, reason="the canary has arrived")
    return 1


def _arrived(page: Page) -> datetime | None:
    """When the first of its messages was handed over."""
    handed_over = [Delivery.State.SENT, Delivery.State.KEPT]
    deliveries = Delivery.objects.filter(topic=page.topic, state__in=handed_over).order_by("finished_at")
    return deliveries.values_list("finished_at", flat=True).first()


def _pages():
    return Page.objects.filter(reference=REFERENCE)
