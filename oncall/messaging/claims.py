"""Who may send what: claim, then work, then record (design.md section 4).

A claim is one conditional statement with a lease. Every later write compares the generation that the claim
set; no transaction is open while something is being sent.
"""

import os
import socket
import threading
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
LEAST_LEASE = timedelta(seconds=ATTEMPT_LIMIT_S + 10)
FAULTS_ALLOWED = 5
LOST = "lost"

_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM messaging_delivery
    WHERE medium = %s AND due_at <= %s AND lane >= %s AND lane <= %s {more}
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
def claim(
    medium: str, *, limit: int, pages_only: bool = False, bulk_only: bool = False, at: datetime
) -> list[Delivery]:
    """Take up to ``limit`` due deliveries, the most urgent first, for ``LEASE`` from now.

    On PostgreSQL rows that others are claiming are skipped; on SQLite the transaction is IMMEDIATE, so there
    are no others. An attempt that its sender never ended is closed as ``unknown``: it may have arrived.
    """
    bundles.one_claim_at_a_time(medium, mass_mail=bulk_only)
    lanes = "page" if pages_only else "bulk", "bulk" if bulk_only else "page"
    claimed = _take(medium, limit, lanes, at=at)
    if people := bundles.recipients(claimed):
        claimed += _take(medium, bundles.MOST, ("page", "page"), people=people, at=at)
    if seen := [delivery for delivery in claimed if delivery.generation > 1]:  # claimed before
        _close_lost(seen, at=at)
    free = bundles.hold_back(medium, claimed, at=at)
    return sorted(free, key=lambda d: (d.lane != "page", d.priority, d.id))


def _close_lost(deliveries: list[Delivery], *, at: datetime) -> None:
    """Close the attempts whose sender is gone, and count those that it had yet to count."""
    attempts = Attempt.objects.filter(delivery__in=deliveries)
    unended = dict(attempts.filter(ended_at=None).values_list("delivery", "n"))
    if unended:
        attempts.filter(ended_at=None).update(
            ended_at=at,
            outcome=Attempt.Outcome.UNKNOWN,
            code=LOST,
            text="The sender stopped before it could say how this ended. It may have arrived.",
        )
    lost = set(attempts.filter(outcome=Attempt.Outcome.UNKNOWN, code=LOST).values_list("delivery", flat=True))
    for delivery in deliveries:
        delivery.was_lost = delivery.pk in lost
        delivery.attempt_count = max(delivery.attempt_count, unended.get(delivery.pk, 0))
    for n in set(unended.values()):
        counted = [pk for pk, number in unended.items() if number == n]
        Delivery.objects.filter(pk__in=counted, attempt_count__lt=n).update(attempt_count=n)


def _take(
    medium: str, limit: int, lanes: tuple[str, str], *, people: Sequence[str] = (), at: datetime
) -> list[Delivery]:
    """Lease due rows from the first of the lanes to the last; with ``people`` those of theirs alone."""
    adapt, until = connection.ops.adapt_datetimefield_value, at + LEASE
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    more = _TO_THE_SAME.format(people=", ".join(["%s"] * len(people))) if people else ""
    found = Delivery.objects.raw(
        _CLAIM.format(lock=lock, more=more),
        [medium, adapt(at), *lanes, *people, limit, adapt(until), adapt(until), _owner()],
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
    if delivery.lease_until < at + LEAST_LEASE:
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
    if others:  # however it ended: what failed together can be sent again together
        Delivery.objects.filter(pk__in=others).update(bundled_into=leader)
    if leader.bundled_into_id:  # of a try before this one
        Delivery.objects.filter(pk=leader.pk).update(bundled_into=None)
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
    Attempt.objects.filter(pk=attempt.pk).update(**outcome_of(ending, at))
    if ending.provider_id:
        Delivery.objects.filter(pk=delivery.pk).update(provider_id=ending.provider_id[:200])
    due_at = ending.retry_at and min(ending.retry_at, delivery.expires_at)
    if _write(delivery, **state_of(ending, at) | {"due_at": due_at, "attempt_count": attempt.n}):
        return True
    Delivery.objects.filter(pk=delivery.pk, attempt_count__lt=attempt.n).update(attempt_count=attempt.n)
    return False


def outcome_of(ending: Ending, at: datetime) -> dict[str, object]:
    """What an ending writes into its attempt."""
    return {
        "ended_at": at,
        "outcome": ending.outcome,
        "code": ending.code[:20],
        "text": ending.text[:2000],
    }


def state_of(ending: Ending, at: datetime) -> dict[str, object]:
    """What an ending writes into its delivery."""
    return {
        "state": ending.state,
        "due_at": ending.retry_at,
        "finished_at": None if ending.retry_at else at,
        "last_error": "" if ending.state in ("sent", "kept") else ending.text[:2000],
    }


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
