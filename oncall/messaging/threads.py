"""Threads that are kept for the next piece of work, each with its database connection.

Opening a connection costs more than handing a message over, and an alert at night comes after hours of quiet. The
threads are daemons: one that hangs on a dead receiver holds up no stop, as an executor's would.
"""

import queue
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection, connections

#: A connection that answered so long ago at most is not asked whether it still lives, in seconds.
FRESH_S = 10.0
#: How long a thread without work keeps its connection, in seconds.
REST_S = 300.0

_asked = threading.local()
_idle: list["_Worker"] = []
_lock = threading.Lock()


def keep_connection() -> None:
    """Before a piece of work: drop this thread's connection if it is broken or too old, asking now and then only.

    Between two such questions a broken one is found by the first statement that fails.
    """
    now = time.monotonic()
    if connection.errors_occurred or now - getattr(_asked, "at", -FRESH_S) >= FRESH_S:
        connection.close_if_unusable_or_obsolete()
        _asked.at = now


def run(work: Callable[[], None], *, name: str) -> None:
    """Do the work in a thread of ours. Raises RuntimeError when there is none and no new one to be had."""
    with _lock:
        worker = _idle.pop() if _idle else None
    if worker is None:
        worker = _Worker()
        worker.start()
    worker.name = name
    worker.give(work)


class _Worker(threading.Thread):
    """Works, waits for more, and ends when there was nothing for a while."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._given: queue.SimpleQueue = queue.SimpleQueue()

    def give(self, work: Callable[[], None]) -> None:
        self._given.put(work)

    def run(self) -> None:
        rest_s = getattr(settings, "HANDS_REST_S", REST_S)
        try:
            while work := self._next(rest_s):
                keep_connection()
                work()
                if not rest_s:
                    return
                with _lock:
                    _idle.append(self)
        finally:
            connections.close_all()

    def _next(self, rest_s: float) -> Callable[[], None] | None:
        try:
            return self._given.get(timeout=rest_s or None)
        except queue.Empty:
            with _lock:
                if self in _idle:
                    _idle.remove(self)
                    return None
            return self._given.get()  # it was chosen at the last moment: its work is on the way
