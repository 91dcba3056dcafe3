"""Rendered documents, kept in this process: while nothing has changed a request costs one query.

A copy is good for the version of the page that it was made of, and for a few seconds, since some of what it says
moves with the clock ("as of 14:41 UTC").
"""

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

FRESH_FOR = timedelta(seconds=15)
AT_MOST = 500


@dataclass(frozen=True)
class Copy:
    """One document as bytes, plain and compressed, with the mark that tells it from its next version."""

    body: bytes
    zipped: bytes
    etag: str
    content_type: str
    version: int
    made_at: datetime


_kept: OrderedDict[tuple[int, str], Copy] = OrderedDict()
_rendering = threading.Lock()


def copy(
    page_id: int,
    name: str,
    *,
    version: int,
    at: datetime,
    content_type: str,
    render: Callable[[], bytes | None],
) -> Copy | None:
    """The document of that name, rendered only if there is no good copy; None if ``render`` knows none.

    However many ask at once, one renders and the others get what it made.
    """
    key = (page_id, name)
    kept = _kept.get(key)
    if kept and _good(kept, version, at):
        return kept
    with _rendering:
        kept = _kept.get(key)
        if kept and _good(kept, version, at):
            return kept
        body = render()
        if body is None:
            return None
        _kept[key] = made = Copy(
            body=body,
            zipped=gzip.compress(body, 6, mtime=0),
            etag=hashlib.sha256(body).hexdigest()[:16],
            content_type=content_type,
            version=version,
            made_at=at,
        )
        _kept.move_to_end(key)
        while len(_kept) > AT_MOST:
            _kept.popitem(last=False)
        return made


def _good(kept: Copy, version: int, at: datetime) -> bool:
    return kept.version == version and timedelta() <= at - kept.made_at < FRESH_FOR


def drop_all() -> None:
    """Forget every copy."""
    _kept.clear()
