"""Documents that a view has made, kept in this process: while nothing has changed a request costs one query.

A copy is good for the version of the page that it was made of, and for a few seconds, since some of what it says
moves with the clock ("as of 14:41 UTC").
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from statuspage import snapshots
from statuspage.catalogue import Document, Reading
from statuspage.snapshots import Rendered

FRESH_FOR = timedelta(seconds=15)
AT_MOST = 500


@dataclass(frozen=True)
class Copy:
    """A document with what it was made of, and when."""

    rendered: Rendered
    version: int
    made_at: datetime


_kept: OrderedDict[tuple[int, str], Copy] = OrderedDict()
_rendering = threading.Lock()


def copy(
    page_id: int, document: Document, *, version: int, at: datetime, read: Callable[[], Reading]
) -> Rendered | None:
    """The document, rendered only if there is no good copy; None if there is no such thing on the page.

    However many ask at once, one renders and the others get what it made.
    """
    key = (page_id, document.path)
    kept = _kept.get(key)
    if kept and _good(kept, version, at):
        return kept.rendered
    with _rendering:
        kept = _kept.get(key)
        if kept and _good(kept, version, at):
            return kept.rendered
        made = snapshots.render(document, read())
        if made is None:
            return None
        _kept[key] = Copy(made, version, at)
        _kept.move_to_end(key)
        while len(_kept) > AT_MOST:
            _kept.popitem(last=False)
        return made


def _good(kept: Copy, version: int, at: datetime) -> bool:
    return kept.version == version and timedelta() <= at - kept.made_at < FRESH_FOR


def drop_all() -> None:
    """Forget every copy."""
    _kept.clear()
