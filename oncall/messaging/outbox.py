"""The outbox: whatever leaves the process is first a row here, written in its caller's transaction."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, F, Min

from oncall.messaging import doorbell, mediums
from oncall.messaging.again import LIFETIME, lost_with, send_again, send_bundle_again
from oncall.messaging.errors import DomainError
from oncall.messaging.hands import deliver_due
from oncall.messaging.mediums.base import fingerprint
from oncall.messaging.models import Delivery, Message
from oncall.messaging.render import clean_header, clean_text
from oncall.messaging.rows import Own, insert_alike

__all__ = [
    "Health",
    "To",
    "bring_forward",
    "cancel",
    "compose",
    "deliver_due",
    "health",
    "lost_with",
    "send",
    "send_again",
    "send_bundle_again",
    "send_many",
    "take_stock",
]

_KEY_LENGTH = Delivery._meta.get_field("idempotency_key").max_length
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_OUR_HEADERS = {
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "sender",
    "reply-to",
    "content-type",
}


@dataclass(frozen=True)
class To:
    """One address of a fan-out and what is particular to it."""

    address: str
    key: str
    recipient: str = ""
    values: dict[str, str] = field(default_factory=dict)


def compose(
    *,
    purpose: str,
    subject: str,
    text: str,
    html: str = "",
    brief: str = "",
    headers: dict[str, str] | None = None,
    at: datetime,
) -> Message:
    """Write a message. Each of its texts may hold ``{{name}}`` placeholders; ``brief`` is for chat and push.

    ``html`` comes from our own templates and ``render.markdown``, never from outside as it is.
    """
    return Message.objects.create(
        purpose=purpose,
        subject=clean_header(subject),
        text=clean_text(text),
        html=clean_text(html),
        brief=clean_text(brief),
        headers={
            _header_name(name): clean_header(value, limit=900) for name, value in (headers or {}).items()
        },
        created_at=at,
    )


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OUR_HEADERS:
        raise ValueError(f"{name!r} is not a header that a message may set.")
    return name


def send(
    message: Message,
    *,
    medium: str,
    address: str,
    recipient: str = "",
    topic: str = "",
    key: str,
    values: dict[str, str] | None = None,
    priority: int = 5,
    lane: str = Delivery.Lane.BULK,
    about: str = "",
    at: datetime,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    follows: Delivery | None = None,
) -> Delivery | None:
    """Put one delivery into the outbox; None if ``key`` is there already, from whomever.

    It leaves at ``due_at`` (by default at once) and never after ``expires_at`` (24 hours later). One that
    ``follows`` another changes the message of that one, on mediums that can. An address that the medium
    cannot use makes a delivery that is soon ``dead``, where people see it, and no error in the caller's
    transaction. ``about`` is what it is about, coarsely (``limits``). Raises ``DomainError``
    (``unknown_medium``, ``no_address``).
    """
    own = _own(To(address, key, recipient, values or {}), medium)
    same = {"topic": topic, "priority": priority, "lane": lane, "about": about[:100], "follows": follows}
    delivery = _like(
        message, medium=medium, at=at, due_at=due_at or at, expires_at=expires_at, **same, **vars(own)
    )
    if not _insert(delivery):
        return None
    if delivery.due_at <= at:
        doorbell.ring()
    return delivery


def _insert(delivery: Delivery) -> bool:
    try:
        with transaction.atomic():
            delivery.save(force_insert=True)
    except IntegrityError:
        if Delivery.objects.filter(idempotency_key=delivery.idempotency_key).exists():
            return False
        raise
    return True


def send_many(
    message: Message,
    to: Iterable[To],
    *,
    medium: str,
    topic: str = "",
    priority: int = 5,
    lane: str = Delivery.Lane.BULK,
    at: datetime,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> int:
    """Put the same message to many addresses into the outbox; the number of keys that were not there yet.

    May be repeated, whole or in part, after any interruption.
    """
    rows = {row.idempotency_key: row for row in (_own(one, medium) for one in to)}
    same = {"topic": topic, "priority": priority, "lane": lane}
    like = _like(message, medium=medium, at=at, due_at=due_at or at, expires_at=expires_at, **same)
    fresh = insert_alike(like, rows.values())
    if fresh and like.due_at <= at:
        doorbell.ring()
    return fresh


def take_stock() -> None:
    """After very many were written: tell PostgreSQL's planner how its tables have grown.

    It learns that by itself a minute later, and reads all that is due for each question until then.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE messaging_delivery, messaging_attempt")


def _like(
    message: Message, *, at: datetime, due_at: datetime, expires_at: datetime | None, **fields: object
) -> Delivery:
    expires_at = expires_at or due_at + LIFETIME
    return Delivery(message=message, created_at=at, due_at=due_at, expires_at=expires_at, **fields)


def _own(to: To, medium: str) -> Own:
    if not to.address.strip():
        raise DomainError("no_address", f"There is no address for {to.recipient or 'this recipient'}.")
    key = to.key if len(to.key) <= _KEY_LENGTH else f"{to.key[: _KEY_LENGTH - 33]}:{fingerprint(to.key)}"
    return Own(
        address=clean_header(to.address, limit=2000),
        recipient=clean_header(to.recipient),
        values={name: clean_text(value) for name, value in to.values.items()},
        idempotency_key=key,
        stable_id=mediums.by_name(medium).stable_id(key),
    )


def cancel(*, topic: str | None = None, recipient: str | None = None, at: datetime, reason: str) -> int:
    """Nothing more is sent for this topic, to this recipient, or both; the number of deliveries ended.

    A try whose socket is already open runs to its end, and its attempt says how; none starts after this commits.
    """
    which = {name: value for name, value in (("topic", topic), ("recipient", recipient)) if value}
    if not which:
        raise ValueError("cancel needs a topic or a recipient.")
    return (
        Delivery.objects.open()
        .filter(**which)
        .update(
            state=Delivery.State.CANCELLED,
            due_at=None,
            lease_until=None,
            finished_at=at,
            generation=F("generation") + 1,
            last_error=clean_header(f"Cancelled: {reason}"),
        )
    )


def bring_forward(*, topic: str, recipient: str, at: datetime) -> bool:
    """The next message of this topic to this recipient leaves now instead of at its time; False if none waits."""
    waiting = Delivery.objects.filter(
        state=Delivery.State.PENDING, topic=topic, recipient=recipient, due_at__gt=at, attempt_count=0
    )
    first = waiting.order_by("due_at", "pk").values_list("pk", flat=True).first()
    if first is None or not waiting.filter(pk=first).update(due_at=at):
        return False
    doorbell.ring()
    return True


@dataclass(frozen=True)
class Health:
    """How the outbox does: seconds the oldest due row has waited (0: none), and rows by state."""

    oldest_due_s: float
    by_state: dict[str, int]

    @property
    def dead(self) -> int:
        return self.by_state[Delivery.State.DEAD]


def health(now: datetime) -> Health:
    """What /readyz, /metrics and the first page show."""
    oldest = Delivery.objects.due(now).aggregate(oldest=Min("due_at"))["oldest"]
    counts = dict(Delivery.objects.values_list("state").annotate(n=Count("pk")).order_by())
    return Health(
        oldest_due_s=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
        by_state={state: counts.get(state, 0) for state in Delivery.State.values},
    )
