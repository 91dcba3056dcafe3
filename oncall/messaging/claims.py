"""Who may send what: claim, then work, then record (design.md section 4).

A claim is one conditional statement with a lease. Every later write compares the generation that the claim
set; no transaction is open while something is being sent.
"""

import os
import socket
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, prefetch_related_objects

from oncall.messaging import bundles
from oncall.messaging.mediums.base import ATTEMPT_LIMIT_S
from oncall.messaging.models import Attempt, Delivery

LEASE = timedelta(seconds=60)
# Looking up a name and connecting can outlast the attempt's limit by some seconds, and no lease may end meanwhile.
_LEAST_LEASE = timedelta(seconds=ATTEMPT_LIMIT_S + 10)
FAULTS_ALLOWED = 5
LOST = "lost"

_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM messaging_delivery
    WHERE medium = %s AND due_at <= %s AND lane >= %s {more}
    ORDER BY lane DESC, priority, due_at LIMIT %s {lock}
)
UPDATE messaging_delivery
SET state = 'sending', lease_until = %s, due_at = %s, lease_owner = %s, generation = generation + 1
WHERE id IN (SELECT id FROM due)
RETURNING *
"""
_TO_THE_SAME = """AND recipient IN ({people})
    AND message_id IN (SELECT id FROM messaging_message WHERE purpose = 'page')"""


@dataclass(frozen=True)
class Ending:
    """How one attempt ended and what becomes of its delivery; ``retry_at`` is None where it ends too."""

    outcome: str
    state: str
    code: str = ""
    text: str = ""
    provider_id: str = ""
    retry_at: datetime | None = None


@transaction.atomic
def claim(medium: str, *, limit: int, pages_only: bool = False, at: datetime) -> list[Delivery]:
    """Take up to ``limit`` due deliveries, the most urgent first, for ``LEASE`` from now.

    On PostgreSQL rows that others are claiming are skipped; on SQLite the transaction is IMMEDIATE, so there
    are no others. An attempt that its sender never ended is closed as ``unknown``: it may have arrived.
    """
    bundles.one_claim_at_a_time(medium)
    claimed = _take(medium, limit, "page" if pages_only else "", at=at)
    if people := bundles.recipients(claimed):
        claimed += _take(medium, bundles.MOST, "page", people=people, at=at)
    if tried := [delivery for delivery in claimed if delivery.attempt_count]:
        _close_lost(tried, at=at)
    free = bundles.hold_back(medium, claimed, at=at)
    return sorted(free, key=lambda d: (d.lane != "page", d.priority, d.id))


def _close_lost(deliveries: list[Delivery], *, at: datetime) -> None:
    attempts = Attempt.objects.filter(delivery__in=deliveries)
    attempts.filter(ended_at=None).update(
        ended_at=at,
        outcome=Attempt.Outcome.UNKNOWN,
        code=LOST,
        text="The sender stopped before it could say how this ended. It may have arrived.",
    )
    lost = set(attempts.filter(outcome=Attempt.Outcome.UNKNOWN, code=LOST).values_list("delivery", flat=True))
    for delivery in deliveries:
        delivery.was_lost = delivery.pk in lost


def _take(
    medium: str, limit: int, lowest_lane: str, *, people: Sequence[str] = (), at: datetime
) -> list[Delivery]:
    """Lease due rows; with ``people`` their pages alone."""
    adapt, until = connection.ops.adapt_datetimefield_value, at + LEASE
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    more = _TO_THE_SAME.format(people=", ".join(["%s"] * len(people))) if people else ""
    found = Delivery.objects.raw(
        _CLAIM.format(lock=lock, more=more),
        [medium, adapt(at), lowest_lane, *people, limit, adapt(until), adapt(until), _owner()],
    )
    taken = list(found)
    prefetch_related_objects(taken, "message")
    return taken


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"[:100]


@transaction.atomic
def begin(delivery: Delivery, *, at: datetime) -> Attempt | None:
    """Write down that a try starts, or None if there must be none.

    None: the delivery was cancelled or taken over meanwhile, has expired, or has failed by our own fault too
    often; or its lease is nearly over (others of its batch took the time), then it is given back. Nor is there
    anything to try where the message that it follows never left.
    """
    if delivery.expires_at <= at:
        end = {
            "state": Delivery.State.EXPIRED,
            "last_error": delivery.last_error or "Nobody could send it in time.",
        }
        _write(delivery, finished_at=at, due_at=None, **end)
        return None
    if delivery.follows and not delivery.follows.provider_id:
        end = {"last_error": "Cancelled: the message that this would change never went out."}
        _write(delivery, state=Delivery.State.CANCELLED, finished_at=at, due_at=None, **end)
        return None
    if is_poison(delivery):
        _write(
            delivery,
            state=Delivery.State.DEAD,
            finished_at=at,
            due_at=None,
            last_error="Sending it failed too often.",
        )
        return None
    if delivery.lease_until < at + _LEAST_LEASE:
        give_back(delivery, due_at=at)
        return None
    if not _held(delivery).update(attempt_count=F("attempt_count") + 1):
        return None
    return Attempt.objects.create(delivery=delivery, n=delivery.attempt_count + 1, started_at=at)


@transaction.atomic
def begin_all(deliveries: Iterable[Delivery], *, at: datetime) -> list[Attempt]:
    """Write down that one message starts which carries all of these; those that must not go are left out."""
    return [attempt for delivery in deliveries if (attempt := begin(delivery, at=at))]


@transaction.atomic
def finish_all(attempts: list[Attempt], ending: Ending, *, at: datetime) -> None:
    """Write down how one message ended that carried the deliveries of all these attempts."""
    leader = attempts[0].delivery
    others = [attempt.delivery_id for attempt in attempts[1:]]
    for attempt in attempts:
        finish(attempt, ending, at=at)
    if others and ending.state in ("sent", "kept"):
        Delivery.objects.filter(pk__in=others).update(bundled_into=leader)
    if others:
        told = (
            f"In one message with {len(others)} other page{'s' * (len(others) != 1)}. {ending.text}".strip()
        )
        Attempt.objects.filter(pk__in=[attempt.pk for attempt in attempts]).update(text=told[:2000])


@transaction.atomic
def finish(attempt: Attempt, ending: Ending, *, at: datetime) -> bool:
    """Write down how the try ended; False if the delivery has meanwhile passed into other hands.

    The attempt is recorded in either case: it did happen. So is what the provider calls the message: whoever
    acknowledged meanwhile may want it changed.
    """
    delivery = attempt.delivery
    Attempt.objects.filter(pk=attempt.pk).update(**_outcome(ending, at))
    if ending.provider_id:
        Delivery.objects.filter(pk=delivery.pk).update(provider_id=ending.provider_id[:200])
    due_at = ending.retry_at and min(ending.retry_at, delivery.expires_at)
    return _write(delivery, **_state(ending, at) | {"due_at": due_at})


def _outcome(ending: Ending, at: datetime) -> dict[str, object]:
    return {
        "ended_at": at,
        "outcome": ending.outcome,
        "code": ending.code[:20],
        "text": ending.text[:2000],
    }


def _state(ending: Ending, at: datetime) -> dict[str, object]:
    return {
        "state": ending.state,
        "due_at": ending.retry_at,
        "finished_at": None if ending.retry_at else at,
        "last_error": "" if ending.state in ("sent", "kept") else ending.text[:2000],
    }


# -- many at once ------------------------------------------------------------------------------------------
@transaction.atomic
def begin_many(deliveries: Iterable[Delivery], *, at: datetime) -> list[Attempt]:
    """Write down that these are tried now, one right after the other; those that must not go are left out."""
    plain, special = [], []
    for delivery in deliveries:
        (special if _is_special(delivery, at) else plain).append(delivery)
    attempts = begin_all(special, at=at)
    ours = _lock(plain)
    Delivery.objects.filter(pk__in=[one.pk for one in ours]).update(attempt_count=F("attempt_count") + 1)
    return attempts + Attempt.objects.bulk_create(
        Attempt(delivery=one, n=one.attempt_count + 1, started_at=at) for one in ours
    )


def _is_special(delivery: Delivery, at: datetime) -> bool:
    """Whether ``begin`` has more to say to it than yes."""
    return (
        delivery.expires_at <= at
        or delivery.follows_id is not None
        or delivery.attempt_count >= FAULTS_ALLOWED
        or delivery.lease_until < at + _LEAST_LEASE
    )


def still_wanted(attempts: Iterable[Attempt]) -> set[int]:
    """The keys of those whose delivery is still ours: not cancelled, not taken over."""
    by_delivery = {(one.delivery_id, one.delivery.generation): one.pk for one in attempts}
    rows = Delivery.objects.filter(pk__in=[pk for pk, _ in by_delivery], state=Delivery.State.SENDING)
    return {by_delivery[row] for row in rows.values_list("pk", "generation") if row in by_delivery}


@transaction.atomic
def unbegin(attempts: list[Attempt]) -> None:
    """Take back what ``begin_many`` wrote of those that were handed to nobody after all; the lease stays."""
    ours = _lock([attempt.delivery for attempt in attempts])
    Attempt.objects.filter(pk__in=[attempt.pk for attempt in attempts], ended_at=None).delete()
    Delivery.objects.filter(pk__in=[one.pk for one in ours]).update(attempt_count=F("attempt_count") - 1)


def finish_many(endings: list[tuple[Attempt, Ending]], *, at: datetime) -> None:
    """Write down how each of these tries ended; those that ended alike in one statement."""
    alike: dict[Ending, list[Attempt]] = defaultdict(list)
    for attempt, ending in endings:
        alike[ending].append(attempt)
    for ending, attempts in alike.items():
        left = attempts
        if len(attempts) > 1 and ending.retry_at is None and not ending.provider_id:
            left = _finish_alike(attempts, ending, at=at)
        for attempt in left:
            finish(attempt, ending, at=at)


@transaction.atomic
def _finish_alike(attempts: list[Attempt], ending: Ending, *, at: datetime) -> list[Attempt]:
    """Those that somebody else is changing at this moment, or has changed, are left over."""
    ours = {one.pk for one in _lock([attempt.delivery for attempt in attempts])}
    ended = [attempt.pk for attempt in attempts if attempt.delivery_id in ours]
    Attempt.objects.filter(pk__in=ended).update(**_outcome(ending, at))
    Delivery.objects.filter(pk__in=ours).update(lease_until=None, lease_owner="", **_state(ending, at))
    return [attempt for attempt in attempts if attempt.delivery_id not in ours]


def _lock(deliveries: list[Delivery]) -> list[Delivery]:
    """Those of them that are still ours, locked until the transaction ends.

    It waits for nobody, so it never stands in a circle with somebody who cancels many at once.
    """
    skip = connection.features.has_select_for_update_skip_locked
    rows = Delivery.objects.select_for_update(skip_locked=skip)
    rows = rows.filter(pk__in=[one.pk for one in deliveries], state=Delivery.State.SENDING)
    ours = set(rows.values_list("pk", "generation"))
    return [one for one in deliveries if (one.pk, one.generation) in ours]


def give_back_all(deliveries: list[Delivery], *, due_at: datetime) -> None:
    """Let go of deliveries that were claimed and not tried."""
    with transaction.atomic():
        ours = [one.pk for one in _lock(deliveries)]
        back = {"state": Delivery.State.PENDING, "due_at": due_at, "lease_until": None, "lease_owner": ""}
        Delivery.objects.filter(pk__in=ours).update(**back)


# -- one by one --------------------------------------------------------------------------------------------
def give_back(delivery: Delivery, *, due_at: datetime) -> None:
    """Let go of a delivery that was claimed and not tried."""
    _write(delivery, state=Delivery.State.PENDING, due_at=due_at)


def is_poison(delivery: Delivery, *, so_far: int = 0) -> bool:
    """Whether sending it failed by our own fault, or killed its sender, as often as we allow."""
    if delivery.attempt_count + so_far < FAULTS_ALLOWED:
        return False
    ours = Q(outcome=Attempt.Outcome.FAULT) | Q(outcome=Attempt.Outcome.UNKNOWN, code=LOST)
    return delivery.attempts.filter(ours).count() + so_far >= FAULTS_ALLOWED


def _held(delivery: Delivery):
    return Delivery.objects.filter(
        pk=delivery.pk, generation=delivery.generation, state=Delivery.State.SENDING
    )


def _write(delivery: Delivery, **values: object) -> bool:
    """Change a delivery that is still ours, and with that end the lease."""
    return _held(delivery).update(lease_until=None, lease_owner="", **values) == 1
