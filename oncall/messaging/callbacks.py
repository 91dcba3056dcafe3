"""What providers tell later: taken once, from who can prove it, and written down whether taken or refused.

A message that was handed over may still not arrive: the network gives up, the line is busy, a machine answers.
Then its delivery, ``sent`` until now, is ``dead``, and whoever waits for it need not wait longer.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from oncall.messaging.models import Callback, Delivery
from oncall.messaging.render import clean_header

logger = logging.getLogger(__name__)
Kind, Outcome = Callback.Kind, Callback.Outcome

#: The media whose providers call back, and whose deliveries are therefore not at their end when sent.
MEDIUMS = ("sms", "voice")
#: After so long what a provider says of a delivery changes nothing any more.
LIFETIME = timedelta(hours=24)
#: So long it is kept, and with it the numbers that wrote to us: longer than any of it can be said again.
REMEMBERED_FOR = timedelta(days=30)
#: What anybody can cause is written down so often within an hour; a flood must not fill the database.
BY_ANYBODY = (Outcome.UNSIGNED, Outcome.FORGED)
MOST_BY_ANYBODY = 500

ARRIVED = frozenset({"delivered", "read", "completed"})
#: What each word says for people; a call that a machine took has reached nobody.
IN_VAIN = {
    "undelivered": "the network did not deliver it",
    "failed": "the provider could not send it",
    "busy": "the line was busy",
    "no-answer": "nobody picked up",
    "canceled": "the call was cancelled",
    "machine": "an answering machine picked up",
}


@dataclass(frozen=True)
class Said:
    """One thing that a provider says: in its own word, about which of its ids, with what error code."""

    provider: str
    kind: str
    digest: str
    provider_id: str = ""
    word: str = ""
    code: str = ""
    sender: str = ""


def digest(path: str, fields: Iterable[tuple[str, str]]) -> str:
    """A name for exactly this request: the same fields to the same address have the same one."""
    parts = [path, *(f"{len(name)}:{name}={len(value)}:{value}" for name, value in sorted(fields))]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def about(ref: str, medium: str) -> Delivery | None:
    """The delivery that ``ref``, the id we gave the provider, stands for."""
    return Delivery.objects.filter(medium=medium, stable_id=ref, medium__in=MEDIUMS).first()


def was_taken(said: Said) -> bool:
    """Whether the same was said before."""
    taken = Callback.objects.filter(digest=said.digest, outcome__in=[Outcome.TAKEN, Outcome.NO_NEWS])
    return taken.exists()


def is_late(delivery: Delivery, *, at: datetime) -> bool:
    """Whether the message is so old that nothing about it counts any more."""
    return at - (delivery.finished_at or delivery.due_at) > LIFETIME


def write_down(
    said: Said, outcome: str, *, delivery: Delivery | None = None, text: str = "", at: datetime
) -> None:
    """Keep what came in. Raises ``IntegrityError`` where the same was taken meanwhile."""
    if outcome in BY_ANYBODY and _by_anybody_since(at - timedelta(hours=1)) >= MOST_BY_ANYBODY:
        logger.warning("A callback of %s was refused (%s) and not kept: too many", said.provider, outcome)
        return
    Callback.objects.create(
        provider=said.provider,
        kind=said.kind,
        at=at,
        delivery=delivery,
        provider_id=clean_header(said.provider_id),
        sender=clean_header(said.sender, limit=40),
        said=clean_header(said.word, limit=20),
        code=clean_header(said.code, limit=20),
        outcome=outcome,
        text=clean_header(text),
        digest=said.digest,
    )


def forget(*, now: Callable[[], datetime]) -> int:
    """Pulse line: drop what came in long ago; how many. What it said of a delivery stays on the delivery."""
    return Callback.objects.filter(at__lt=now() - REMEMBERED_FOR).delete()[0]


def _by_anybody_since(since: datetime) -> int:
    return Callback.objects.filter(at__gt=since, outcome__in=BY_ANYBODY).count()


def take(delivery: Delivery, said: Said, *, at: datetime) -> str:
    """A status of a delivery; how it was taken: ``taken``, ``no_news``, ``repeated`` or ``late``.

    Words may come in any order: what is under way is no news after an end, and the first end stands, but that a
    machine answered outweighs that the call was completed.
    """
    if is_late(delivery, at=at):
        write_down(said, Outcome.LATE, delivery=delivery, at=at)
        return Outcome.LATE
    try:
        with transaction.atomic():
            held = Delivery.objects.select_for_update().get(pk=delivery.pk)
            outcome = Outcome.TAKEN if _is_news(held, said) else Outcome.NO_NEWS
            write_down(said, outcome, delivery=held, text=IN_VAIN.get(said.word, ""), at=at)
            if outcome == Outcome.TAKEN:
                _apply(held, said, at)
            return outcome
    except IntegrityError:
        write_down(said, Outcome.REPEATED, delivery=delivery, at=at)
        return Outcome.REPEATED


def _is_news(delivery: Delivery, said: Said) -> bool:
    if delivery.state == Delivery.State.DEAD and delivery.reported in IN_VAIN:
        return False
    if said.word in IN_VAIN:
        # A try before the last one may fail as it likes; of a message that arrived, only a machine undoes it.
        latest = not delivery.provider_id or said.provider_id == delivery.provider_id
        return latest and (delivery.reported not in ARRIVED or said.word == "machine")
    return delivery.reported not in ARRIVED


def _apply(delivery: Delivery, said: Said, at: datetime) -> None:
    row = Delivery.objects.filter(pk=delivery.pk)
    row.update(reported=said.word, reported_at=at)
    if said.word in IN_VAIN:
        settle(delivery, at=at)
        return
    # We did not hear whether they took it, and would try again; now they say that they have it.
    row.filter(state=Delivery.State.PENDING, attempt_count__gt=0).update(
        state=Delivery.State.SENT,
        due_at=None,
        finished_at=at,
        provider_id=said.provider_id,
        last_error="",
        generation=F("generation") + 1,
    )


def settle(delivery: Delivery, *, at: datetime) -> bool:
    """End as dead what was sent and is reported in vain; whether it was.

    Called when the report comes, and after a try was recorded: a report can be faster than the answer that the
    provider took the message. One about a try before the last is forgotten then.
    """
    row = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.SENT, reported__in=IN_VAIN)
    held = row.first()
    if held is None:
        return False
    report = held.callbacks.filter(outcome=Outcome.TAKEN, said=held.reported).first()
    if report and held.provider_id and report.provider_id != held.provider_id:
        row.update(reported="", reported_at=None)
        return False
    reason = IN_VAIN[held.reported]
    code = f" (code {report.code})" if report and report.code else ""
    ended = {
        "state": Delivery.State.DEAD,
        "finished_at": at,
        "generation": F("generation") + 1,
        "last_error": f"{reason[0].upper()}{reason[1:]}{code}",
    }
    changed = bool(row.update(**ended))
    if changed:  # what went along in its message has not arrived either
        held.bundled.filter(state=Delivery.State.SENT).update(**ended)
    return changed
