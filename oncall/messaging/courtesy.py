"""Mass mail steps back for others where there is but one writer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_LONGEST_S = 0.1
_turn = threading.Lock()


@contextmanager
def one_writer() -> Iterator[None]:
    """Around a transaction of mass mail. On SQLite these go one after the other, each with a gap as long behind.

    SQLite has one writer at a time and no queue: who waits looks again every tenth of a second. A page would wait
    for seconds if mass mail took the writer back at once each time.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with _turn:
        began = time.monotonic()
        try:
            yield
        finally:
            time.sleep(min(time.monotonic() - began, _LONGEST_S))
