"""An end by the wall clock. Socket timeouts do not give one: a peer that drips a byte a second outlives them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_AGAIN_S = 0.5


@contextmanager
def deadline(limit_s: float, cut: Callable[[], None]) -> Iterator[threading.Event]:
    """Run the block; after ``limit_s`` seconds call ``cut`` from another thread, which shuts the socket.

    ``cut`` is called again until the block ends, since at first there may be no socket yet. The event that is
    yielded tells afterwards whether the limit passed.
    """
    ended, passed = threading.Event(), threading.Event()

    def watch() -> None:
        wait_s = limit_s
        while not ended.wait(wait_s):
            passed.set()
            cut()
            wait_s = _AGAIN_S

    threading.Thread(target=watch, name="deadline", daemon=True).start()
    try:
        yield passed
    finally:
        ended.set()
