"""The public page as a tree of files, to be served by any web server or put on any other host.

The files are those that readers get from the portal; beside each stands its compressed form. A file whose bytes
have not changed is left untouched, so that a server's own marks by time of change go on working.
"""

import gzip
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db.models import F

from oncall.messaging.errors import DomainError
from statuspage import bucket, files, snapshots
from statuspage.catalogue import MEDIA
from statuspage.models import MAIN, StatusPage
from statuspage.snapshots import Rendered

MARK = ".muster-export"
STATIC = "statuspage"
#: A folder that holds our own files only may be swept of what is no longer public.
README = "Written by Muster's statuspage_export. What is not part of the page any more is deleted.\n"


def keep_up(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: write the main page to the folder in STATUSPAGE_EXPORT when it has become other bytes."""
    if not settings.STATUSPAGE_EXPORT or bucket.is_bucket(settings.STATUSPAGE_EXPORT):
        return 0
    page = StatusPage.objects.filter(slug=MAIN).exclude(exported_serial=F("serial")).first()
    if page is None:
        return 0
    written = export(snapshots.kept(page), Path(settings.STATUSPAGE_EXPORT))
    StatusPage.objects.filter(pk=page.pk).update(exported_serial=page.serial)
    return written


def export(documents: Iterable[Rendered], folder: Path) -> int:
    """Make ``folder`` hold exactly these documents and their style; the number of files written.

    Raises ``DomainError("not_ours")`` for a folder with other things in it, which we would delete.
    """
    folder = folder.resolve()
    _claim(folder)
    wanted: dict[Path, bytes] = {folder / MARK: README.encode()}
    headers = []
    for document in documents:
        path = _place(folder, document.path)
        wanted[path] = document.body
        wanted[path.with_name(f"{path.name}.gz")] = document.zipped
        headers.append(_headers(document))
    wanted |= _static(folder)
    wanted[folder / "_headers"] = "\n".join(sorted(headers)).encode() + b"\n"
    written = sum(_write(path, body) for path, body in wanted.items())
    _sweep(folder, wanted)
    return written


def _claim(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise DomainError("not_ours", f"{folder} is a file. Name a folder.")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise DomainError(
            "not_ours",
            f"{folder} holds other files, and what is not part of the page would be deleted. "
            "Name an empty folder or a new one.",
        )
    folder.mkdir(parents=True, exist_ok=True)


def _place(folder: Path, path: str) -> Path:
    """Where a document's file lies: never outside the folder, whatever its path says."""
    name = path.strip("/")
    place = folder / name / "index.html" if path.endswith("/") else folder / name
    if not place.resolve().is_relative_to(folder):
        raise DomainError("bad_path", f"{path} would be written outside {folder}.")
    return place


def _headers(document: Rendered) -> str:
    """One block of the ``_headers`` file that static hosts read."""
    told = MEDIA[document.media].headers
    kept = ("Content-Type", "Cache-Control", "Access-Control-Allow-Origin", "Content-Security-Policy")
    return "\n".join([document.path, *(f"  {name}: {told[name]}" for name in kept if name in told)])


def _static(folder: Path) -> dict[Path, bytes]:
    """The page's own style and icons."""
    found = {}
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            if name.startswith(f"{STATIC}/"):
                body = Path(storage.path(name)).read_bytes()
                place = folder / "static" / name
                found[place] = body
                found[place.with_name(f"{place.name}.gz")] = gzip.compress(body, 9, mtime=0)
    return found


def _write(path: Path, body: bytes) -> bool:
    if path.exists() and path.read_bytes() == body:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, body)
    return True


def _sweep(folder: Path, wanted: dict[Path, bytes]) -> None:
    """Delete what is not public any more, and folders that are empty then."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                shutil.rmtree(path)
        elif path not in wanted:
            path.unlink(missing_ok=True)
