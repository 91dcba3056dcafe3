"""Finished documents with what lies over them; made once for as long as it says the same."""

import gzip
from collections import OrderedDict
from datetime import datetime
from zoneinfo import ZoneInfo

from statuspage.documents import strips, words
from statuspage.snapshots import Rendered, etag_of

AT_MOST = 200
_made: OrderedDict[tuple, Rendered] = OrderedDict()


def on_top(document: Rendered, line: str, age: strips.Age | None = None) -> Rendered:
    """The document as it is to be read now: pages get the strips that are due, all else stays as it is."""
    if document.media != "html" or not (line or age):
        return document
    key = (document.path, document.etag, line, age)
    found = _made.get(key)
    if found is None:
        _made[key] = found = _with(document, line, age)
        while len(_made) > AT_MOST:
            _made.popitem(last=False)
    return found


def age_of(made_at: datetime | None, zone: str, at: datetime) -> strips.Age | None:
    """How old copies made at this time are, once that is worth a word."""
    if made_at is None or at - made_at <= strips.OLD_AFTER:
        return None
    here = ZoneInfo(zone)
    moment = words.moment(made_at, here, words.near(made_at, at, here))
    return strips.Age(int((at - made_at).total_seconds() // 60), moment)


def _with(document: Rendered, line: str, age: strips.Age | None) -> Rendered:
    body = strips.laid_over(document.body, line=line, age=age)
    zipped = gzip.compress(body, 6, mtime=0)
    return Rendered(document.path, document.media, body, zipped, etag_of(body))
