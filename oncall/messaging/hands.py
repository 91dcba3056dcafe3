"""The senders: a few threads per medium that claim what is due and send it."""

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import InterfaceError, OperationalError, connection, connections

from oncall.messaging import bundles, callbacks, claims, threads, waiting
from oncall.messaging.claims import Ending
from oncall.messaging.errors import DeliveryError, DomainError, LineDown, Unsure
from oncall.messaging.mediums import MEDIUMS
from oncall.messaging.mediums.base import Letter, Line, Medium, Receipt
from oncall.messaging.models import Attempt, Delivery
from oncall.messaging.render import clean_header, clean_text, fill
from oncall.messaging.retries import wait_s

logger = logging.getLogger(__name__)

HANDS = 4  # per medium; the first serves nothing but pages, so that a slow fan-out never holds up a page
_LOOK_AGAIN_S = 0.1
_LINE_DOWN_PAUSE = timedelta(seconds=5)

Clock = Callable[[], datetime]


def deliver_due(*, now: Clock, budget_s: float = 10.0) -> int:
    """Send whatever is due, for about ``budget_s`` seconds at most; the number of deliveries worked.

    Pages go before bulk. A hand that hangs on a slow receiver is not waited for beyond the budget: it goes on by
    itself, and the next call uses the others.
    """
    # Reads, so that an idle pulse never takes SQLite's write lock.
    if not Delivery.objects.due(now()).exists():
        return 0
    if not waiting.by_medium(now()):
        _bury_unknown_mediums(now())
        return 0
    shift = Shift(now, budget_s)
    if connection.in_atomic_block:
        # Inside somebody's transaction (a test) other connections would not see the rows.
        return shift.work_alone()
    return shift.work()


def finish_up(timeout_s: float) -> bool:
    """Before the process ends: begin nothing new, and let what is being sent be recorded.

    Whether no hand is busy any more after ``timeout_s`` at most. One that is leaves an attempt without an end,
    and its delivery goes out again when the lease is over.
    """
    Shift.closing.set()
    try:
        with Shift._changed:
            return Shift._changed.wait_for(lambda: not Shift._busy, timeout_s)
    finally:
        Shift.closing.clear()


class Shift:
    """One call of ``deliver_due``: the hands it set to work and what they have done."""

    _busy: set[tuple[str, int]] = set()  # of all shifts of this process; guarded by _changed
    _changed = threading.Condition()
    closing = threading.Event()

    def __init__(self, now: Clock, budget_s: float) -> None:
        self.now = now
        self.ends_at = time.monotonic() + budget_s
        self.worked = 0
        self.at_work = 0

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.ends_at or self.closing.is_set()

    def work_alone(self) -> int:
        """Everything in the caller's own thread and connection."""
        for medium in MEDIUMS.values():
            self._work_off(medium, limit=medium.batch_size, pages_only=False)
        return self.worked

    def work(self) -> int:
        """Set free hands to work until nothing is due and none is busy, or the time is up."""
        while not self.is_over:
            for name, due in waiting.by_medium(self.now()).items():
                self._set_to_work(MEDIUMS[name], due)
            with self._changed:
                if not self.at_work:
                    break
                self._changed.wait(_LOOK_AGAIN_S)
        return self.worked

    def _set_to_work(self, medium: Medium, due: waiting.Waiting) -> None:
        """Give each free hand a share of what is due."""
        most = min(due.count, HANDS * medium.batch_size)
        with self._changed:
            free = [n for n in range(0 if due.pages else 1, HANDS) if (medium.name, n) not in self._busy]
            used = free[:most]
            self._busy.update((medium.name, number) for number in used)
            self.at_work += len(used)
        share = min(medium.batch_size, -(-most // max(len(used), 1)))
        for number in used:
            name = f"{medium.name}-{number}"
            try:
                threads.run(partial(self._hand, medium, number, share), name=name)
            except RuntimeError:  # the operating system grants no more threads: fewer hands, then
                self._lay_down(medium, number)

    def _hand(self, medium: Medium, number: int, share: int) -> None:
        """What one thread does: batch after batch until nothing is due or the shift is over."""
        try:
            self._work_off(medium, limit=share, pages_only=number == 0)
        except (OperationalError, InterfaceError) as away:
            # Leases end by themselves, and the next shift looks again.
            logger.warning("A sender of %s lost the database: %s", medium.name, clean_header(str(away)))
            connections.close_all()
        except Exception:
            logger.exception("A sender of %s stopped", medium.name)
            connections.close_all()
        finally:
            self._lay_down(medium, number)

    def _lay_down(self, medium: Medium, number: int) -> None:
        with self._changed:
            self._busy.discard((medium.name, number))
            self.at_work -= 1
            self._changed.notify_all()

    def _work_off(self, medium: Medium, *, limit: int, pages_only: bool) -> None:
        while not self.is_over:
            batch = claims.claim(medium.name, limit=limit, pages_only=pages_only, at=self.now())
            if not batch:
                return
            send_batch(medium, batch, self.now, stop=lambda: self.is_over)
            with self._changed:
                self.worked += len(batch)


def send_batch(
    medium: Medium, batch: list[Delivery], now: Clock, *, stop: Callable[[], bool] = lambda: False
) -> None:
    """Send claimed deliveries one after the other over one line, until ``stop`` says so.

    When the line itself is down the first that noticed has its failed attempt, and the others are given back
    for a short while instead of each waiting for the same timeout.
    """
    is_down = False
    with medium.line() as line:
        for bundle in bundles.together(batch):
            if is_down or stop():
                for delivery in bundle:
                    claims.give_back(delivery, due_at=now() + (_LINE_DOWN_PAUSE if is_down else timedelta()))
                continue
            attempts, letters = _written(claims.begin_all(bundle, at=now()), now)
            if attempts:
                letter = bundles.write(
                    letters,
                    [attempt.delivery.idempotency_key for attempt in attempts],
                    medium.stable_id,
                    called_back=medium.name in callbacks.MEDIUMS,
                )
                ending, is_down = attempt_sending(line, letter, attempts[0], now)
                _record(attempts, ending, now)


def _written(attempts: list[Attempt], now: Clock) -> tuple[list[Attempt], list[Letter]]:
    """The letters of what can be written. One that cannot is recorded by itself and spoils no bundle."""
    fine, letters = [], []
    for attempt in attempts:
        try:
            letters.append(write_letter(attempt.delivery, now()))
            fine.append(attempt)
        except DomainError as refusal:
            _record([attempt], Ending("permanent", "dead", code=refusal.code, text=refusal.detail), now)
        except Exception as fault:
            logger.exception("Delivery %s cannot be written", attempt.delivery_id)
            _record([attempt], _ending_of_fault(fault, attempt.delivery, attempt, now()), now)
    return fine, letters


def attempt_sending(line: Line, letter: Letter, attempt: Attempt, now: Clock) -> tuple[Ending, bool]:
    """One try, and whether the line turned out to be down. Never raises."""
    delivery = attempt.delivery
    try:
        receipt = line.send(letter)
    except DomainError as refusal:
        return Ending("permanent", "dead", code=refusal.code, text=refusal.detail), False
    except DeliveryError as error:
        return _ending_after(error, delivery, attempt, now()), isinstance(error, LineDown)
    except Exception as fault:
        # The per-row isolation of design.md section 4: one row that cannot be sent never stops its neighbours.
        logger.exception("Delivery %s cannot be sent", delivery.pk)
        return _ending_of_fault(fault, delivery, attempt, now()), False
    return _ending_of_receipt(receipt), False


def _ending_of_receipt(receipt: Receipt) -> Ending:
    outcome, state = ("kept", "kept") if receipt.kept else ("accepted", "sent")
    return Ending(outcome, state, code=receipt.code, text=receipt.text, provider_id=receipt.provider_id)


def _ending_after(error: DeliveryError, delivery: Delivery, attempt: Attempt, at: datetime) -> Ending:
    if error.permanent:
        return Ending("permanent", "dead", code=error.code, text=error.text)
    wait = wait_s(delivery.lane, attempt.n, retry_after_s=error.retry_after_s, chance=random.random())
    outcome = "unknown" if isinstance(error, Unsure) else "temporary"
    return Ending(outcome, "pending", error.code, error.text, retry_at=at + timedelta(seconds=wait))


def _ending_of_fault(fault: Exception, delivery: Delivery, attempt: Attempt, at: datetime) -> Ending:
    text = clean_text(f"{type(fault).__name__}: {fault}")
    if claims.is_poison(delivery, so_far=1):
        return Ending("fault", "dead", text=text)
    wait = wait_s(delivery.lane, attempt.n, chance=random.random())
    return Ending("fault", "pending", text=text, retry_at=at + timedelta(seconds=wait))


def write_letter(delivery: Delivery, at: datetime, *, anew: dict[str, str] | None = None) -> Letter:
    """The message with the delivery's own values in it, or those that a later one puts in their place."""
    message, values = delivery.message, {**delivery.values, **(anew or {})}
    return Letter(
        address=delivery.address,
        recipient=delivery.recipient,
        purpose=message.purpose,
        subject=clean_header(fill(message.subject, values)),
        text=clean_text(fill(message.text, values)),
        html=fill(message.html, values, escape=True),
        headers={name: fill(value, values) for name, value in message.headers.items()},
        values=values,
        stable_id=delivery.stable_id,
        written_at=message.created_at,
        sent_at=at,
        brief=clean_text(fill(message.brief, values)),
        original=write_letter(delivery.follows, at, anew=values) if delivery.follows else None,
        provider_id=delivery.follows.provider_id if delivery.follows else "",
    )


def _record(attempts: list[Attempt], ending: Ending, now: Clock) -> None:
    """Write the ending, through a restart of the database if need be: what was sent must not go out again."""
    while True:
        try:
            claims.finish_all(attempts, ending, at=now())
            for attempt in attempts:
                if attempt.delivery.medium in callbacks.MEDIUMS:
                    callbacks.settle(attempt.delivery, at=now())  # the provider may have given it up already
            return
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or attempts[0].delivery.lease_until <= now():
                raise
            connection.close()
            time.sleep(0.5)


def _bury_unknown_mediums(at: datetime) -> None:
    """Rows of a medium that this version does not know would be due for ever."""
    Delivery.objects.due(at).exclude(medium__in=MEDIUMS).update(
        state=Delivery.State.DEAD,
        due_at=None,
        lease_until=None,
        finished_at=at,
        last_error="This version of Muster has no such medium.",
    )
