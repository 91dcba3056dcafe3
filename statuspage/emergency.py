"""A line on top of the pages that needs no database: a file in DATA_DIR, written by hand or by a command.

For the hour in which nothing can be published. Each web server reads its own file, so where several machines serve
the page, write it on each.
"""

import json
from pathlib import Path

from django.conf import settings

from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from statuspage import files

FILE = "statuspage-banner.json"
LONGEST = 500
EVERY_PAGE = ""
_read: dict[str, tuple[tuple[int, int], dict[str, str]]] = {}


def path() -> Path:
    return Path(settings.DATA_DIR) / FILE


def show(text: str, *, slug: str = EVERY_PAGE) -> str:
    """Put this line on top of one page, or of every one; what it says now. Raises ``DomainError("no_text")``."""
    text = clean_header(text, limit=LONGEST)
    if not text:
        raise DomainError("no_text", "Say in one line what readers must know.")
    _write({**lines(), slug: text})
    return text


def clear(*, slug: str = EVERY_PAGE) -> None:
    """Take the line away; that of every page takes those of single pages with it."""
    _write({} if slug == EVERY_PAGE else {page: text for page, text in lines().items() if page != slug})


def line(slug: str) -> str:
    """What stands on top of this page: its own line, else that of every page, else nothing."""
    known = lines()
    return known.get(slug) or known.get(EVERY_PAGE, "")


def lines() -> dict[str, str]:
    """Every line by its page's slug; read anew when the file has changed. A file that is broken says nothing."""
    place = path()
    try:
        stat = place.stat()
        mark = (stat.st_mtime_ns, stat.st_size)
        kept = _read.get(str(place))
        if kept is None or kept[0] != mark:
            _read[str(place)] = kept = (mark, _parsed(place.read_bytes()))
        return kept[1]
    except (OSError, ValueError):
        return {}


def _parsed(body: bytes) -> dict[str, str]:
    found = json.loads(body)
    if not isinstance(found, dict):
        return {}
    return {slug: clean_header(text, limit=LONGEST) for slug, text in found.items() if isinstance(text, str)}


def _write(wanted: dict[str, str]) -> None:
    if wanted:
        files.replace(path(), json.dumps(wanted, ensure_ascii=False).encode())
    else:
        path().unlink(missing_ok=True)
