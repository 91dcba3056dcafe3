"""The snapshots as files below DATA_DIR, so that a process that starts while the database is away has a page.

Bytes lie under the name of what they are, so a file never changes and two writers do no harm; ``manifest.json``
says which of them are the page, and replacing it is the one step in which a new page appears.
"""

import contextlib
import json
import logging
from collections.abc import Iterable
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


def write(documents: Iterable[Rendered], *, at: datetime) -> bool:
    """Keep these documents; False where the disk would not have them, and then what was there stays whole."""
    global _full
    documents = list(documents)
    try:
        folder().mkdir(parents=True, exist_ok=True)
        for document in documents:
            _write_once(f"{document.etag}.body", document.body)
            _write_once(f"{document.etag}.gz", document.zipped)
        rows = [{"path": one.path, "media": one.media, "etag": one.etag} for one in documents]
        files.replace(folder() / MANIFEST, json.dumps(rows).encode())
        _sweep({one.etag for one in documents}, before=at - KEEP_FOR)
    except OSError as error:
        if not _full:
            log.error("The status page's files cannot be written, the last good ones stay: %s", error)
        _full = True
        return False
    _full = False
    return True


def read() -> list[Rendered]:
    """What was kept; a file that is cut short or not what its name says is left out."""
    try:
        rows = json.loads((folder() / MANIFEST).read_bytes())
        return [found for row in rows if (found := _read(row))]
    except (OSError, ValueError, TypeError, KeyError):
        return []


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


def _sweep(used: set[str], *, before: datetime) -> None:
    """Delete what no manifest of the last hour names."""
    for path in folder().iterdir():
        if path.suffix in (".body", ".gz") and path.stem not in used:
            with contextlib.suppress(FileNotFoundError):
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                    path.unlink()
