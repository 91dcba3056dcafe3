"""Mass mail: tries are begun, and their endings written down, in batches; handing over stays one by one.

Written one by one, each mail would cost its sender two commits. What a batch gives up is small and bounded: who is
killed leaves at most one batch per hand whose endings nobody knows, and a batch is what goes out in a moment.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from oncall.messaging import claims
from oncall.messaging.claims import Ending
from oncall.messaging.courtesy import one_writer
from oncall.messaging.models import Attempt, Delivery

MOST = 50  # begun together
LOOK_AFTER = 10  # handed over, then it is asked again whether the others are still wanted
BATCH_S = 0.5  # a batch is what goes out in that time
LONGEST_S = 2.0  # then what is left of it goes back, to be begun anew

# Those that are still ours; a lease says that they are being sent. Asked for by `state`, PostgreSQL would read an
# index full of versions that a mass mail has left behind. Nobody waits for a row here, so that no circle closes
# with somebody who cancels many at once: what others are changing at this moment counts as theirs.
_OURS = """
SELECT {columns} FROM messaging_delivery WHERE generation = %s AND id IN ({keys}) AND lease_until IS NOT NULL
"""
_BEGIN = """
INSERT INTO messaging_attempt (delivery_id, n, started_at, outcome, code, text) {ours} {lock}
RETURNING id, delivery_id, n
"""
_FINISH = """
UPDATE messaging_delivery SET state = %s, due_at = NULL, finished_at = %s, last_error = %s, attempt_count = %s,
    lease_until = NULL, lease_owner = ''
WHERE id IN ({ours} {lock}) RETURNING id
"""
_GIVE_BACK = """
UPDATE messaging_delivery SET state = 'pending', due_at = %s, lease_until = NULL, lease_owner = ''
WHERE id IN ({ours} {lock}) RETURNING id
"""

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
        wanted = still_ours(each.delivery for each in few) if place else {each.delivery_id for each in few}
        for attempt in few:
            late = done.endings and time.monotonic() > ends_at
            if done.is_down or late or attempt.delivery_id not in wanted or stop():
                done.untried.append(attempt)
                continue
            ending, done.is_down = attempt_sending(attempt)
            done.endings.append((attempt, ending))
    return done


# -- rows --------------------------------------------------------------------------------------------------
@one_writer()
@transaction.atomic
def begin_many(deliveries: Iterable[Delivery], *, at: datetime) -> tuple[list[Attempt], list[Delivery]]:
    """Write down that these are tried now, one right after the other; those that must not go are left out.

    ``finish_many`` counts them; for a sender that dies, whoever takes over does. The second list are those that
    are ours but held at this moment: on PostgreSQL two who claim at once hold for a moment what the other got.
    """
    plain, special, held, place = [], [], [], {}
    for delivery in deliveries:
        place[delivery.pk] = len(place)
        (special if _is_special(delivery, at) else plain).append(delivery)
    attempts, when = claims.begin_all(special, at=at), connection.ops.adapt_datetimefield_value(at)
    for generation, ours in _by_generation(plain).items():
        begun = _run(_BEGIN, [when, generation], ours, columns="id, attempt_count + 1, %s, '', '', ''")
        attempts += [Attempt(pk=pk, delivery=ours.pop(one), n=n, started_at=at) for pk, one, n in begun]
        held += _held(ours)
    return sorted(attempts, key=lambda attempt: place[attempt.delivery_id]), held


def _is_special(delivery: Delivery, at: datetime) -> bool:
    """Whether ``begin`` has more to say to it than yes."""
    return (
        delivery.expires_at <= at
        or delivery.follows_id is not None
        or delivery.attempt_count >= claims.FAULTS_ALLOWED
        or delivery.lease_until < at + claims.LEAST_LEASE
    )


def still_ours(deliveries: Iterable[Delivery]) -> set[int]:
    """The keys of those that are still ours: not cancelled, not taken over."""
    groups = _by_generation(deliveries)
    return {pk for generation, ours in groups.items() for (pk,) in _run("{ours}", [generation], ours)}


def _held(left: dict[int, Delivery]) -> list[Delivery]:
    """Of what a statement has passed over: what is ours all the same, and is held by somebody."""
    return [left[pk] for pk in (still_ours(left.values()) if left else ())]


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


@one_writer()
@transaction.atomic
def _finish_alike(attempts: list[Attempt], ending: Ending, *, at: datetime) -> list[Attempt]:
    """Those that somebody else is changing at this moment, or has changed, are left over."""
    by_delivery = {attempt.delivery_id: attempt for attempt in attempts}
    when, ended = connection.ops.adapt_datetimefield_value(at), []
    error = claims.state_of(ending, at)["last_error"]
    for generation, ours in _by_generation(attempt.delivery for attempt in attempts).items():
        told = [ending.state, when, error, attempts[0].n, generation]
        ended += [by_delivery.pop(pk) for (pk,) in _run(_FINISH, told, ours)]
    Attempt.objects.filter(pk__in=[one.pk for one in ended]).update(**claims.outcome_of(ending, at))
    return list(by_delivery.values())


@transaction.atomic
def give_back_all(deliveries: Iterable[Delivery], *, due_at: datetime) -> list[Delivery]:
    """Let go of deliveries that were claimed and not tried; those that are held at this moment are returned."""
    when, held = connection.ops.adapt_datetimefield_value(due_at), []
    for generation, ours in _by_generation(deliveries).items():
        for (pk,) in _run(_GIVE_BACK, [when, generation], ours):
            del ours[pk]
        held += _held(ours)
    return held


def _by_generation(deliveries: Iterable[Delivery]) -> dict[int, dict[int, Delivery]]:
    groups: dict[int, dict[int, Delivery]] = defaultdict(dict)
    for delivery in deliveries:
        groups[delivery.generation][delivery.pk] = delivery
    return groups


def _run(statement: str, values: list[object], keys: Collection[int], *, columns: str = "id") -> list[tuple]:
    """Run a statement about deliveries of one generation; the rows that it gives back."""
    values = [*values, *keys]
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    ours = _OURS.format(columns=columns, keys=", ".join(["%s"] * len(keys)))
    with connection.cursor() as cursor:
        cursor.execute(statement.format(ours=ours, lock=lock), values)
        return cursor.fetchall()
