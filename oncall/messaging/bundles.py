"""Many pages for one person on one medium go out as one message (field/oncall.md rule 29).

Each page keeps its own delivery with its own attempts: they start together, and end the same way. So a bundle has
no state of its own, and whatever becomes of it (a crash, a refusal, a retry) is what becomes of every one in it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.db import connection
from django.db.models import F
from django.template.loader import render_to_string

from oncall.messaging import limits
from oncall.messaging.limits import Told
from oncall.messaging.mediums.base import Letter, fingerprint
from oncall.messaging.models import Delivery, Message
from oncall.messaging.render import mail_body

MOST = 1000  # in one message
NAMED = 10  # of them by their subject

_IN_ORDER = "set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true)"

Address = tuple[str, str]


def key(delivery: Delivery) -> Address | None:
    """Whose and which address; deliveries with the same go together. None: it always goes by itself."""
    if delivery.message.purpose != Message.Purpose.PAGE or not delivery.recipient:
        return None
    return (delivery.recipient, delivery.address) if limits.of(delivery.medium) else None


def together(batch: Iterable[Delivery]) -> list[list[Delivery]]:
    """The batch in its order, with what goes to the same person gathered at the first of it."""
    bundles: dict[object, list[Delivery]] = {}
    for delivery in batch:
        bundles.setdefault(key(delivery) or delivery.pk, []).append(delivery)
    return list(bundles.values())


# -- holding back ------------------------------------------------------------------------------------------
def hold_back(medium: str, claimed: list[Delivery], *, at: datetime) -> list[Delivery]:
    """Those of the claimed that may go now; the others wait, visibly, and are not held a second time.

    If anything may go to a person, whatever else is due for her goes along: it is one message either way.
    """
    limit = limits.of(medium)
    waiting = defaultdict(list)
    for delivery in claimed:
        if limit and key(delivery):
            waiting[key(delivery)].append(delivery)
    told = _told_lately(medium, waiting, claimed, at=at) if waiting else {}
    held = set()
    for whom, deliveries in waiting.items():
        releases = [_release(one, told.get(whom, []), limit, at) for one in deliveries]
        if all(releases):
            _hold(deliveries, min(releases), at=at)
            held.update(delivery.pk for delivery in deliveries)
    return [delivery for delivery in claimed if delivery.pk not in held]


def _release(delivery: Delivery, told: list[Told], limit: limits.Limit, at: datetime) -> datetime | None:
    if delivery.held_until is not None:
        return None
    return limits.release_at(delivery.about, delivery.priority, told, limit=limit, at=at)


def _told_lately(
    medium: str, whom: Iterable[Address], claimed: list[Delivery], *, at: datetime
) -> dict[Address, list[Told]]:
    """What these people were sent lately; what is being sent to them at this moment counts as sent now."""
    limit = limits.of(medium)
    since = at - max(limit.pause, limits.BURST_WINDOW)
    theirs = Delivery.objects.filter(medium=medium, recipient__in={name for name, _ in whom}, lane="page")
    ended = theirs.filter(state__in=["sent", "kept"], finished_at__gt=since)
    now = theirs.filter(state=Delivery.State.SENDING, lease_until__gt=at)
    now = now.exclude(pk__in=[delivery.pk for delivery in claimed])
    told = defaultdict(list)
    columns = "recipient", "address", "about", "priority", "finished_at", "bundled_into"
    for recipient, address, about, priority, sent_at, leader in [
        *ended.values_list(*columns),
        *now.values_list(*columns),
    ]:
        told[recipient, address].append(Told(about, priority, sent_at or at, alone=leader is None))
    return told


def _hold(deliveries: list[Delivery], until: datetime, *, at: datetime) -> None:
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
        state=Delivery.State.PENDING,
        due_at=until,
        held_until=until,
        lease_until=None,
        lease_owner="",
        generation=F("generation") + 1,
    )


# -- claiming ----------------------------------------------------------------------------------------------
def one_claim_at_a_time(medium: str, *, mass_mail: bool = False) -> None:
    """Until the transaction ends: two senders that claim at once would each send half of a bundle.

    Mass mail knows no bundles, and nobody waits for its claims. SQLite has one writer anyway. In the same
    statement PostgreSQL is told to read what is due in order from its index: its statistics lag behind a mass
    mail by a minute, in which it would read and sort whole tables.
    """
    if connection.vendor == "postgresql":
        alone = limits.of(medium) and not mass_mail
        lock = ", pg_advisory_xact_lock(hashtext(%s))" if alone else ""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {_IN_ORDER}{lock}", [f"muster claims {medium}"] if alone else [])


def recipients(claimed: Iterable[Delivery]) -> list[str]:
    """The people for whom more may be due that would go along."""
    return sorted({delivery.recipient for delivery in claimed if key(delivery)})


# -- writing -----------------------------------------------------------------------------------------------
def write(letters: list[Letter], keys: list[str], stable_id, *, called_back: bool = False) -> Letter:
    """One letter for many, the first of them in full; ``keys`` are the idempotency keys of them all.

    Its identifier depends on what exactly is in it: sent again it can be folded, with one more page in it cannot.
    ``called_back``: the provider names it later by that of the first, which it therefore keeps.
    """
    first, count = letters[0], len(letters)
    if count == 1:
        return first
    link = first.values.get("link", "")
    named = [f"- {letter.subject}" for letter in letters[:NAMED]]
    more = [f"- and {count - NAMED} more"] if count > NAMED else []
    answer = [f"Answer one, or acknowledge all {count} at once: {link}"] if link else []
    listed = "\n".join([f"{count} pages wait for you.", *answer, "", *named, *more])
    return replace(
        first,
        subject=f"{count} pages: {first.subject}",
        text=f"{listed}\n\nThe first of them:\n\n{first.text}",
        html=_html(letters, link) if first.html else "",
        brief="\n".join([f"{count} pages wait for you.", *named, *more]),
        # Buttons would answer the first alone.
        values=first.values | {"bundled": str(count), "verbs": ""},
        stable_id=first.stable_id
        if called_back
        else stable_id(f"bundle:{fingerprint(' '.join(sorted(keys)))}"),
    )


def _html(letters: list[Letter], link: str) -> str:
    """The same as a mail shows it; of the first what is harmless of its HTML."""
    first, count = letters[0], len(letters)
    context = {
        "subject": f"{count} pages: {first.subject}",
        "count": count,
        "link": link,
        "named": [letter.subject for letter in letters[:NAMED]],
        "more": max(count - NAMED, 0),
        "first": mail_body(first.html),
    }
    return render_to_string("mail/bundle.html", context)
