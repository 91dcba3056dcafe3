"""The public pages as a tree of files, to be served by any web server or put on any other host.

The main page lies at the top, pages below its address where they stand, a page with its own host in a whole tree
of its own below ``_hosts/<host>``. A page that is not public is never written.

The files are those that readers get from the portal; beside each stands its compressed form. A file whose bytes
have not changed is left untouched, so that a server's own marks by time of change go on working.
"""

import gzip
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders

from oncall.messaging.errors import DomainError
from statuspage import bucket, emergency, files, snapshots
from statuspage.catalogue import MEDIA
from statuspage.documents import strips
from statuspage.models import StatusPage
from statuspage.snapshots import Rendered

MARK = ".muster-export"
STATIC = "statuspage"
HOSTS = "_hosts"
#: A folder that holds our own files only may be swept of what is no longer public.
README = "Written by Muster's statuspage_export. What is not part of the page any more is deleted.\n"


@dataclass(frozen=True)
class Site:
    """One page as files: ``place`` is its folder below the export's, empty for the main page."""

    place: str
    slug: str
    documents: Sequence[Rendered]


def keep_up(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: with STATUSPAGE_EXPORT set, write the public pages there when anything has changed.

    A page that came, moved, went or is not public any more is a change, and so is an emergency's line.
    """
    if not settings.STATUSPAGE_EXPORT or bucket.is_bucket(settings.STATUSPAGE_EXPORT):
        return 0
    folder = Path(settings.STATUSPAGE_EXPORT)
    pages = list(StatusPage.objects.public())
    if all(page.exported_serial == page.serial for page in pages) and _mark(folder) == _told(pages):
        return 0
    written = export(pages, folder)
    for page in pages:
        StatusPage.objects.filter(pk=page.pk).update(exported_serial=page.serial)
    return written


def export(pages: Iterable[StatusPage], folder: Path) -> int:
    """Make ``folder`` hold exactly the public ones of these pages; the number of files written."""
    pages = [page for page in pages if page.is_public]
    sites = [Site(place(page), page.slug, snapshots.kept(page)) for page in pages]
    return write(sites, folder, mark=_told(pages))


def place(page: StatusPage) -> str:
    """The folder of a page: where its address says, or of a page with its own host below ``_hosts``."""
    if page.is_main:
        return ""
    return f"{HOSTS}/{page.host}" if page.host else page.prefix.strip("/")


def write(sites: Iterable[Site], folder: Path, *, mark: str = README) -> int:
    """Make ``folder`` hold exactly these documents and their style; the number of files written.

    Raises ``DomainError("not_ours")`` for a folder with other things in it, which we would delete.
    """
    folder = folder.resolve()
    _claim(folder)
    wanted, headers = _static(folder), defaultdict(list)
    for site in sites:
        has_host = site.place.startswith(HOSTS)
        root = folder / site.place
        wanted |= _site(folder, root, site) | (_static(root) if has_host else {})
        prefix = "" if has_host or not site.place else f"/{site.place}"
        headers[root if has_host else folder] += [_headers(prefix, one) for one in site.documents]
    for root, blocks in headers.items():
        wanted[root / "_headers"] = "\n".join(sorted(blocks)).encode() + b"\n"
    wanted[folder / MARK] = mark.encode()
    written = sum(_write(path, body) for path, body in wanted.items())
    _sweep(folder, wanted)
    return written


def _site(folder: Path, root: Path, site: Site) -> dict[Path, bytes]:
    """The documents of one page and their compressed forms."""
    if not root.resolve().is_relative_to(folder):
        raise DomainError("bad_path", f"{site.place} would be written outside {folder}.")
    wanted: dict[Path, bytes] = {}
    line = emergency.line(site.slug)
    for document in site.documents:
        path = _place(root, document.path)
        shown = strips.laid_over(document.body, line=line) if document.media == "html" else document.body
        wanted[path] = shown
        packed = document.zipped if shown is document.body else gzip.compress(shown, 6, mtime=0)
        wanted[path.with_name(f"{path.name}.gz")] = packed
    return wanted


def _mark(folder: Path) -> str:
    """What the last export was made of; nothing where there was none."""
    try:
        return (folder / MARK).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _told(pages: Iterable[StatusPage]) -> str:
    """What stands in the mark: whose folder this is, which pages lie where, and what an emergency says on them."""
    lines = sorted(f"{page.slug} {place(page) or '.'} {emergency.line(page.slug)}".strip() for page in pages)
    return "\n".join([README, *lines, ""])


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


def _headers(prefix: str, document: Rendered) -> str:
    """One block of the ``_headers`` file that static hosts read."""
    told = MEDIA[document.media].headers
    kept = ("Content-Type", "Cache-Control", "Access-Control-Allow-Origin", "Content-Security-Policy")
    return "\n".join(
        [f"{prefix}{document.path}", *(f"  {name}: {told[name]}" for name in kept if name in told)]
    )


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
