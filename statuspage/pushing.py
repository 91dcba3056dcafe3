"""The public page in object storage: what changed is sent, what is gone is deleted, and nothing else is asked.

The same bytes as in the folder of ``exporting``, uncompressed, since a bucket cannot ask a reader what she takes;
a CDN in front compresses. Only stored copies are sent, and of a page that is not public none is stored.
"""

import mimetypes
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db.models import F

from oncall.messaging.errors import DeliveryError, DomainError
from statuspage import bucket, catalogue, snapshots
from statuspage.bucket import Bucket
from statuspage.catalogue import MEDIA
from statuspage.models import MAIN, SentFile, StatusPage

STATIC = "statuspage"
STATIC_CACHE = "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400"
#: A run of the pulse's line sends for so long at most; what is left goes with the next one.
AT_MOST = timedelta(seconds=8)
HANDS = 8
AT_ONCE = 32


@dataclass(frozen=True)
class File:
    """One file as it is to lie there; ``document`` is the path of its snapshot, or None for a style or icon."""

    path: str
    etag: str
    headers: dict[str, str]
    document: str | None = None
    body: bytes = b""


def keep_up(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: with STATUSPAGE_EXPORT naming a bucket, send the main page there when it has changed.

    A store that cannot be written to keeps what it has; the failure is raised, so that the line stands as failing.
    """
    if not bucket.is_bucket(settings.STATUSPAGE_EXPORT):
        return 0
    page = StatusPage.objects.filter(slug=MAIN).exclude(exported_serial=F("serial")).first()
    if page is None:
        return 0
    done, whole = push(page, bucket.configured(), now=now, until=now() + AT_MOST)
    if whole:
        StatusPage.objects.filter(pk=page.pk).update(exported_serial=page.serial)
    return done


def push(
    page: StatusPage, to: Bucket, *, now: Callable[[], datetime], until: datetime | None = None
) -> tuple[int, bool]:
    """Make the bucket hold the page; how many files were written or deleted, and whether it is whole now.

    What is gone goes first. Raises ``DomainError("store")`` or ``DeliveryError`` at the first refusal; what was
    sent before it is remembered.
    """
    wanted = tree(page)
    sent = dict(SentFile.objects.filter(target=to.target).values_list("path", "etag"))
    gone = [path for path in sent if path not in wanted]
    stale = [file for path, file in wanted.items() if sent.get(path) != file.etag]
    done = 0
    for some in _chunks(gone):
        if until and now() >= until:
            return done, False
        done += _delete(to, some, at=now())
    for files in _chunks(stale):
        if until and now() >= until:
            return done, False
        done += _send(page, to, files, at=now())
    return done, True


def forget(to: Bucket) -> None:
    """Remember nothing of the bucket as up to date, so that everything is sent again."""
    SentFile.objects.filter(target=to.target).update(etag="")


def tree(page: StatusPage) -> dict[str, File]:
    """Every file of the page by its path, what readers look at first in front; empty where nothing is stored."""
    rows = page.snapshots.values_list("path", "media", "etag")
    found = {}
    for path, media, etag in sorted(rows, key=lambda row: (row[0] not in catalogue.FIXED, row[0])):
        told = MEDIA[media].headers
        headers = {"Content-Type": told["Content-Type"], "Cache-Control": told["Cache-Control"]}
        found[place(path)] = File(place(path), etag, headers, document=path)
    return {file.path: file for file in _static()} | found if found else {}


def place(path: str) -> str:
    """Where a document lies: a page is the ``index.html`` of its folder."""
    name = path.strip("/")
    if ".." in name.split("/"):
        raise DomainError("bad_path", f"{path} would be written outside the bucket's prefix.")
    return f"{name}/index.html".lstrip("/") if path.endswith("/") else name


def _static() -> Iterator[File]:
    """The page's own style and icons."""
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            if name.startswith(f"{STATIC}/"):
                body = Path(storage.path(name)).read_bytes()
                kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
                kind += "; charset=utf-8" if kind.startswith("text/") else ""
                headers = {"Content-Type": kind, "Cache-Control": STATIC_CACHE}
                yield File(f"static/{name}", snapshots.etag_of(body), headers, body=body)


def _chunks(items: Iterable) -> Iterator[list]:
    rest = iter(items)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _delete(to: Bucket, paths: list[str], *, at: datetime) -> int:
    done, failure = _each(lambda path: to.delete(path, at=at), paths)
    SentFile.objects.filter(target=to.target, path__in=done).delete()
    if failure:
        raise failure
    return len(done)


def _send(page: StatusPage, to: Bucket, files: list[File], *, at: datetime) -> int:
    """Note that they are on their way, send them, note what arrived: a crash in between loses track of none."""
    rows = page.snapshots.filter(path__in=[file.document for file in files if file.document])
    bodies = {row.path: (bytes(row.body), row.etag) for row in rows}
    ready = [file for file in files if file.document is None or file.document in bodies]
    known = {file.path: bodies[file.document] if file.document else (file.body, file.etag) for file in ready}
    _note(to, dict.fromkeys(known, ""))
    done, failure = _each(lambda file: to.put(file.path, known[file.path][0], file.headers, at=at), ready)
    _note(to, {file.path: known[file.path][1] for file in done})
    if failure:
        raise failure
    return len(done)


def _each(work: Callable, items: list) -> tuple[list, Exception | None]:
    """Do it for each, several at a time; those for which it worked, and the first failure."""
    with ThreadPoolExecutor(HANDS, thread_name_prefix="push") as hands:
        results = list(hands.map(lambda item: _tried(work, item), items))
    done = [item for item, failure in zip(items, results, strict=True) if failure is None]
    return done, next((failure for failure in results if failure), None)


def _tried(work: Callable, item) -> Exception | None:
    try:
        work(item)
    except (DomainError, DeliveryError) as failure:
        return failure
    return None


def _note(to: Bucket, etags: dict[str, str]) -> None:
    SentFile.objects.bulk_create(
        [SentFile(target=to.target, path=path, etag=etag) for path, etag in etags.items()],
        update_conflicts=True,
        unique_fields=["target", "path"],
        update_fields=["etag"],
    )
