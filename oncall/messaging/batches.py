"""Mass mail: tries are begun, and their endings written down, in batches; handing over stays one by one.

Written one by one, each mail would cost its sender two commits. What a batch gives up is small and bounded: who is
killed leaves at most one batch per hand whose endings nobody knows, and a batch is what goes out in a moment.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from oncall.messaging import claims
from oncall.messaging.claims import Ending
from oncall.messaging.models import Attempt, Delivery

MOST = 50  # begun together
LOOK_AFTER = 10  # handed over, then it is asked again whether the others are still wanted
BATCH_S = 0.5  # a batch is what goes out in that time
LONGEST_S = 2.0  # then what is left of it goes back, to be begun anew

Try = Callable[[Attempt], tuple[Ending, bool]]


class Pace:
    """How many may be begun together over one line: as many as go out in ``BATCH_S``.

    A slow relay gets single ones.
    """

    def __init__(self) -> None:
        self.size = LOOK_AFTER

    def note(self, count: int, took_s: float) -> None:
        """So many went out in this time."""
        fitting = int(count * BATCH_S / max(took_s, 0.001))
        self.size = max(1, min(fitting, 2 * self.size, MOST))


def can_go_along(delivery: Delivery) -> bool:
    """Whether it may be begun together with others.

    Not a page, and not what was in the hands of a sender that died: should it be what killed that one, it must
    not take others with it.
    """
    return delivery.lane == Delivery.Lane.BULK and not delivery.was_lost


@dataclass
class Batch:
    """What became of deliveries that were begun together."""

    endings: list[tuple[Attempt, Ending]] = field(default_factory=list)
    untried: list[Attempt] = field(default_factory=list)
    is_down: bool = False


def hand_over(attempts: list[Attempt], attempt_sending: Try, stop: Callable[[], bool]) -> Batch:
    """Try one after the other until the line is down, ``stop`` says so, or it takes too long."""
    done, ends_at = Batch(), time.monotonic() + LONGEST_S
    for place in range(0, len(attempts), LOOK_AFTER):
        few = attempts[place : place + LOOK_AFTER]
        wanted = _still_wanted(few) if place else {attempt.pk for attempt in few}
        for attempt in few:
            if done.is_down or attempt.pk not in wanted or stop() or time.monotonic() > ends_at:
                done.untried.append(attempt)
                continue
            ending, done.is_down = attempt_sending(attempt)
            done.endings.append((attempt, ending))
    return done


# -- rows --------------------------------------------------------------------------------------------------
@transaction.atomic
def begin_many(deliveries: Iterable[Delivery], *, at: datetime) -> list[Attempt]:
    """Write down that these are tried now, one right after the other; those that must not go are left out.

    ``finish_many`` counts them; for a sender that dies, whoever takes over does.
    """
    plain, special = [], []
    for delivery in deliveries:
        (special if _is_special(delivery, at) else plain).append(delivery)
    attempts = claims.begin_all(special, at=at)
    return attempts + Attempt.objects.bulk_create(
        Attempt(delivery=one, n=one.attempt_count + 1, started_at=at) for one in _lock(plain)
    )


def _is_special(delivery: Delivery, at: datetime) -> bool:
    """Whether ``begin`` has more to say to it than yes."""
    return (
        delivery.expires_at <= at
        or delivery.follows_id is not None
        or delivery.attempt_count >= claims.FAULTS_ALLOWED
        or delivery.lease_until < at + claims.LEAST_LEASE
    )


def _still_wanted(attempts: Iterable[Attempt]) -> set[int]:
    """The keys of those whose delivery is still ours: not cancelled, not taken over."""
    by_delivery = {(one.delivery_id, one.delivery.generation): one.pk for one in attempts}
    rows = Delivery.objects.filter(pk__in=[pk for pk, _ in by_delivery], state=Delivery.State.SENDING)
    return {by_delivery[row] for row in rows.values_list("pk", "generation") if row in by_delivery}


def unbegin(attempts: list[Attempt]) -> None:
    """Take back what ``begin_many`` wrote of those that were handed to nobody after all; the lease stays."""
    Attempt.objects.filter(pk__in=[attempt.pk for attempt in attempts], ended_at=None).delete()


def finish_many(endings: list[tuple[Attempt, Ending]], *, at: datetime) -> None:
    """Write down how each of these tries ended; those that ended alike in one statement."""
    alike: dict[tuple[Ending, int], list[Attempt]] = defaultdict(list)
    for attempt, ending in endings:
        alike[ending, attempt.n].append(attempt)
    for (ending, _), attempts in alike.items():
        left = attempts
        if len(attempts) > 1 and ending.retry_at is None and not ending.provider_id:
            left = _finish_alike(attempts, ending, at=at)
        for attempt in left:
            claims.finish(attempt, ending, at=at)


@transaction.atomic
def _finish_alike(attempts: list[Attempt], ending: Ending, *, at: datetime) -> list[Attempt]:
    """Those that somebody else is changing at this moment, or has changed, are left over."""
    ours = {one.pk for one in _lock([attempt.delivery for attempt in attempts])}
    ended = [attempt.pk for attempt in attempts if attempt.delivery_id in ours]
    Attempt.objects.filter(pk__in=ended).update(**claims.outcome_of(ending, at))
    Delivery.objects.filter(pk__in=ours).update(
        attempt_count=attempts[0].n, lease_until=None, lease_owner="", **claims.state_of(ending, at)
    )
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
