"""The senders: a few threads per medium that claim what is due and send it."""

import logging
import threading
import time
from contextlib import nullcontext
from datetime import datetime
from functools import partial

from django.db import InterfaceError, OperationalError, connection, connections

from oncall.messaging import claims, courtesy, threads, waiting
from oncall.messaging.mediums import MEDIUMS
from oncall.messaging.mediums.base import Medium
from oncall.messaging.models import Delivery
from oncall.messaging.render import clean_header
from oncall.messaging.sending import Clock, Sender

logger = logging.getLogger(__name__)

HANDS = 4  # per medium; the first serves nothing but pages, so that a slow fan-out never holds up a page
_LOOK_AGAIN_S = 0.25  # a look costs the database something while a mass mail goes out


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
        """Batch after batch over one line. Where mass mail waits, more and more of it is claimed at once."""
        share, bulk = limit, False
        with medium.line() as line:
            sender = Sender(medium, line, self.now, stop=lambda: self.is_over)
            while not self.is_over:
                bulk = bulk and not waiting.pages(medium.name, self.now())
                some = {"limit": limit if bulk else share, "pages_only": pages_only, "bulk_only": bulk}
                with courtesy.one_writer() if bulk else nullcontext():
                    batch = claims.claim(medium.name, **some, at=self.now())
                if not batch:
                    return
                sender.send(batch)
                with self._changed:
                    self.worked += len(batch)
                bulk = len(batch) == some["limit"] and all(one.lane == Delivery.Lane.BULK for one in batch)
                limit = min(2 * limit, getattr(medium, "bulk_size", share)) if bulk else share


def _bury_unknown_mediums(at: datetime) -> None:
    """Rows of a medium that this version does not know would be due for ever."""
    Delivery.objects.due(at).exclude(medium__in=MEDIUMS).update(
        state=Delivery.State.DEAD,
        due_at=None,
        lease_until=None,
        finished_at=at,
        last_error="This version of Muster has no such medium.",
    )
