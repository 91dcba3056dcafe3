"""An end by the wall clock. Socket timeouts do not give one: a peer that drips a byte a second outlives them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_LOOK_EVERY_S = 0.1


@dataclass(eq=False)
class _Limit:
    ends_at: float
    cut: Callable[[], None]
    passed: threading.Event = field(default_factory=threading.Event)


class _Watch:
    """One thread that looks at all limits of the process; it runs only while there are any."""

    def __init__(self) -> None:
        self._limits: set[_Limit] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, limit: _Limit) -> None:
        with self._lock:
            self._limits.add(limit)
            if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
                self._thread = threading.Thread(target=self._look, name="deadlines", daemon=True)
                self._thread.start()

    def remove(self, limit: _Limit) -> None:
        with self._lock:
            self._limits.discard(limit)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            with self._lock:
                if not self._limits:
                    self._thread = None
                    return
                over = [limit for limit in self._limits if limit.ends_at <= time.monotonic()]
            for limit in over:
                limit.passed.set()
                limit.cut()


_watch = _Watch()


@contextmanager
def deadline(limit_s: float, cut: Callable[[], None]) -> Iterator[threading.Event]:
    """Run the block; after ``limit_s`` seconds call ``cut`` from another thread, which shuts the socket.

    ``cut`` must be quick and not raise. It is called again until the block ends, since at first there may be no
    socket yet. The event that is yielded tells afterwards whether the limit passed.
    """
    limit = _Limit(time.monotonic() + limit_s, cut)
    _watch.add(limit)
    try:
        yield limit.passed
    finally:
        _watch.remove(limit)
