"""The snapshots as files below DATA_DIR, so that a process that starts while the database is away has a page.

Bytes lie under the name of what they are, so a file never changes and two writers do no harm; ``manifest.json``
says which of them are which page, and replacing it is the one step in which anything new appears.
"""

import contextlib
import json
import logging
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from statuspage import files
from statuspage.snapshots import Rendered, etag_of

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
#: Files of a page before last stay so long: another process may be reading its manifest.
KEEP_FOR = timedelta(hours=1)
_full = False


def folder() -> Path:
    return Path(settings.DATA_DIR) / "public"


@dataclass(frozen=True)
class Known:
    """A page as a web process knows it: where it stands, whether it is public, and its documents if it is.

    A page that is not public is kept by its place alone, so that nobody gets another page's documents there.
    """

    slug: str
    host: str = ""
    is_public: bool = True
    time_zone: str = "UTC"
    made_at: datetime | None = None
    documents: tuple[Rendered, ...] = ()


def write(known: Iterable[Known], *, at: datetime, forget: Set[str] = frozenset()) -> bool:
    """Keep these pages; False where the disk would not have them, and then what was there stays whole.

    ``forget`` names bytes that must not lie there any longer, even if another process might still want them.
    """
    global _full
    known = list(known)
    used = {one.etag for page in known for one in page.documents}
    try:
        folder().mkdir(parents=True, exist_ok=True)
        _forget(forget - used)
        for document in (one for page in known for one in page.documents):
            _write_once(f"{document.etag}.body", document.body)
            _write_once(f"{document.etag}.gz", document.zipped)
        files.replace(folder() / MANIFEST, json.dumps([_row(page) for page in known]).encode())
        _sweep(used, before=at - KEEP_FOR)
    except OSError as error:
        if not _full:
            log.error("The status page's files cannot be written, the last good ones stay: %s", error)
        _full = True
        return False
    _full = False
    return True


def read() -> list[Known]:
    """What was kept; a file that is cut short or not what its name says is left out."""
    try:
        rows = json.loads((folder() / MANIFEST).read_bytes())
        return [_known(row) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []


def _row(page: Known) -> dict:
    return {
        "slug": page.slug,
        "host": page.host,
        "is_public": page.is_public,
        "time_zone": page.time_zone,
        "made_at": page.made_at.isoformat() if page.made_at else None,
        "documents": [{"path": one.path, "media": one.media, "etag": one.etag} for one in page.documents],
    }


def _known(row: dict) -> Known:
    return Known(
        slug=row["slug"],
        host=row["host"],
        is_public=row["is_public"],
        time_zone=row["time_zone"],
        made_at=datetime.fromisoformat(row["made_at"]) if row["made_at"] else None,
        documents=tuple(found for one in row["documents"] if (found := _read(one))),
    )


def _write_once(name: str, body: bytes) -> None:
    path = folder() / name
    if not path.exists() or path.stat().st_size != len(body):
        files.replace(path, body)


def _read(row: dict) -> Rendered | None:
    etag = row["etag"]
    with contextlib.suppress(OSError):
        body = (folder() / f"{etag}.body").read_bytes()
        zipped = (folder() / f"{etag}.gz").read_bytes()
        if etag_of(body) == etag:
            return Rendered(row["path"], row["media"], body, zipped, etag)
    return None


def _forget(etags: Set[str]) -> None:
    """First of all, since a full disk stops what comes after; a manifest that names them still does no harm."""
    for etag in etags:
        for suffix in ("body", "gz"):
            (folder() / f"{etag}.{suffix}").unlink(missing_ok=True)


def _sweep(used: set[str], *, before: datetime) -> None:
    """Delete what no manifest of the last hour names."""
    for path in folder().iterdir():
        if path.suffix in (".body", ".gz") and path.stem not in used:
            with contextlib.suppress(FileNotFoundError):
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                    path.unlink()
