"""Addresses that mail does not reach, or whose owners called it spam: they get no more of it.

A hard bounce or a complaint suppresses at once and for good; soft ones hold an address back for a week after the
third within seven days. Source: field/statuspage.md section 3, "Bounces".
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from oncall.models import User
from statuspage import logbook
from statuspage.bounces import Returned
from statuspage.models import Bounce, BounceKind, Subscriber, Suppression

SOFT_ALLOWED = 3
SOFT_WITHIN = timedelta(days=7)
HELD_FOR = timedelta(days=7)
State = Subscriber.State
#: Whose mail may come back: the others get none, or are suppressed already.
_REACHED = (State.PENDING, State.ACTIVE, State.QUARANTINED)


def marks(address: str) -> list[str]:
    """The keyed hashes by which an address may stand in the list, the present key's first."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        salted_hmac("statuspage.suppression", address.lower(), secret=key, algorithm="sha256").hexdigest()
        for key in keys
    ]


def is_suppressed(address: str) -> bool:
    """Whether this mail address must get nothing."""
    return Suppression.objects.filter(mark__in=marks(address)).exists()


def among(addresses: Iterable[str]) -> set[str]:
    """Those of these addresses that are suppressed. One query for each thousand."""
    by_mark = {mark: address for address in addresses for mark in marks(address)}
    names, found = list(by_mark), set()
    for start in range(0, len(names), 1000):
        some = Suppression.objects.filter(mark__in=names[start : start + 1000])
        found.update(by_mark[mark] for mark in some.values_list("mark", flat=True))
    return found


@transaction.atomic
def take(returned: Returned, *, at: datetime) -> bool:
    """Mail to an address came back, or was called spam; whether that was news.

    The same told twice counts once. An address that nobody subscribed is suppressed too, if for good: its
    subscription may just have been deleted.
    """
    rows = Subscriber.objects.select_for_update().filter(channel="email", address=returned.address)
    fresh = False
    for subscriber in rows.filter(state__in=[*_REACHED, State.SUPPRESSED]):
        fresh |= _note(subscriber, returned, at)
        if returned.kind == BounceKind.SOFT and subscriber.state in _REACHED:
            _hold_back(subscriber, at)
    if returned.kind in (BounceKind.HARD, BounceKind.COMPLAINT):
        fresh |= _suppress(returned, rows.filter(state__in=_REACHED), at)
    return fresh


def _note(subscriber: Subscriber, returned: Returned, at: datetime) -> bool:
    _row, fresh = Bounce.objects.get_or_create(
        digest=salted_hmac("bounce", f"{returned.digest}\n{subscriber.pk}", algorithm="sha256").hexdigest(),
        defaults={
            "subscriber": subscriber,
            "kind": returned.kind,
            "at": returned.at or at,
            "source": returned.source,
            "text": clean_header(returned.text, limit=300),
        },
    )
    return fresh


def _suppress(returned: Returned, rows: Iterable[Subscriber], at: datetime) -> bool:
    if is_suppressed(returned.address):
        fresh = False
    else:
        told = {"reason": returned.kind, "at": at, "text": clean_header(returned.text, limit=300)}
        fresh = Suppression.objects.get_or_create(mark=marks(returned.address)[0], defaults=told)[1]
    for subscriber in rows:
        subscriber.state = State.SUPPRESSED
        subscriber.held_until = None
        subscriber.save()
        outbox.cancel(recipient=subscriber.recipient, at=at, reason="suppressed")
        logbook.note(subscriber, f"Suppressed: {BounceKind(returned.kind).label.lower()}", at=at)
    return fresh


def _hold_back(subscriber: Subscriber, at: datetime) -> None:
    recent = subscriber.bounces.filter(kind=BounceKind.SOFT, at__gt=at - SOFT_WITHIN)
    if subscriber.state != State.ACTIVE or recent.count() < SOFT_ALLOWED:
        return
    subscriber.state, subscriber.held_until = State.QUARANTINED, at + HELD_FOR
    subscriber.save()
    outbox.cancel(recipient=subscriber.recipient, at=at, reason="held back after bounces")
    logbook.note(subscriber, f"Held back: {SOFT_ALLOWED} bounces within {SOFT_WITHIN.days} days", at=at)


def may_let_through(subscriber: Subscriber) -> bool:
    return subscriber.state in (State.QUARANTINED, State.SUPPRESSED, State.SWITCHED_OFF, State.REFUSED)


@transaction.atomic
def let_through(subscriber: Subscriber, *, by: User | None, at: datetime) -> Subscriber:
    """News goes there again, on a person's word; one that never confirmed, or refused, may sign up anew.

    Raises ``DomainError("not_held")`` where nothing holds it back.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    if not may_let_through(subscriber):
        raise DomainError("not_held", "Nothing holds this subscriber back.")
    if subscriber.is_by_mail:
        Suppression.objects.filter(mark__in=marks(subscriber.address)).delete()
        subscriber.bounces.filter(kind=BounceKind.SOFT).delete()
    if subscriber.state == State.SWITCHED_OFF:
        subscriber.confirmed_at = at  # what failed before does not count any more
    subscriber.state = State.ACTIVE if subscriber.confirmed_at else State.UNSUBSCRIBED
    subscriber.held_until = None
    subscriber.forget_at = None if subscriber.confirmed_at else at + timedelta(days=1)
    subscriber.save()
    logbook.note(subscriber, "Let through again", by=by, at=at)
    return subscriber


def lift(suppression: Suppression, *, by: User | None, at: datetime) -> None:
    """Take an address off the list: its subscription goes on if it is still there, else it may subscribe again."""
    for subscriber in Subscriber.objects.filter(state=State.SUPPRESSED, channel="email"):
        if suppression.mark in marks(subscriber.address):
            let_through(subscriber, by=by, at=at)
    Suppression.objects.filter(pk=suppression.pk).delete()


def release(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: what was held back for soft bounces long enough is tried again."""
    at, count = now(), 0
    for pk in list(Subscriber.objects.let_out(at).values_list("pk", flat=True)[:1000]):
        with transaction.atomic():
            held = Subscriber.objects.select_for_update().let_out(at).filter(pk=pk).first()
            if held is None:
                continue
            held.state, held.held_until = State.ACTIVE, None
            held.save()
            held.bounces.filter(kind=BounceKind.SOFT).delete()
            logbook.note(held, "Tried again after it was held back", at=at)
            count += 1
    return count
