"""What is public, rendered and kept as bytes: made anew after every change and each minute, by the pulse.

Readers are answered from these bytes (``edges.serve``), so they cost no query and outlive the database. Rendering
anything twice, or in two places at once, does no harm: what counts is which version of the page it was made of.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import F
from django.utils import translation

from statuspage import catalogue, public, rollup
from statuspage.catalogue import Document, Reading
from statuspage.models import Post, Snapshot, StatusPage
from statuspage.models.page import SWEEPS_EVERY


@dataclass(frozen=True)
class Rendered:
    """One document as bytes. ``etag`` is the same for the same bytes, wherever they were made."""

    path: str
    media: str
    body: bytes
    zipped: bytes
    etag: str


def render(document: Document, read: Reading) -> Rendered | None:
    """The document as it is for this reading, in its page's language; None where there is none."""
    with translation.override(read.page.language):
        body = document.make(read)
    if body is None:
        return None
    return Rendered(
        path=document.path,
        media=document.media,
        body=body,
        zipped=gzip.compress(body, 6, mtime=0),
        etag=etag_of(body),
    )


def etag_of(body: bytes) -> str:
    """The mark by which caches and readers know these bytes again."""
    return hashlib.sha256(body).hexdigest()[:16]


#: A page whose rendering failed is tried again after this time.
RETRY_AFTER = timedelta(seconds=30)
_failed_at: dict[tuple[str, int], datetime] = {}
#: Documents of the past that are rendered and written at once.
AT_ONCE = 200
#: Whoever sweeps has a page's past to herself for so long at most.
SWEEPS_WITHIN = timedelta(minutes=10)
#: A long past takes long to render: afterwards it rests for so many times as long.
RESTS = 4


def publish_due(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: every page that has changed, or has not been rendered for a minute.

    A page that cannot be rendered keeps its last good copy and holds up no other; the first failure is raised
    after the others are done, so that the line stands as failing.
    """
    return _each(StatusPage.objects.due(now()), publish_present, now)


def sweep_due(*, now: Callable[[], datetime]) -> int:
    """The pulse's line for the past, which is long and hurries nobody: after a change, and on each new day."""
    pages = [page for page in StatusPage.objects.public() if _past_is_due(page, now())]
    return _each(pages, lambda page, *, at: _sweep(page, now), now)


def _each(pages: Iterable[StatusPage], work: Callable[..., int], now: Callable[[], datetime]) -> int:
    done, failures = 0, []
    for page in pages:
        mark = work.__name__, page.pk
        if mark in _failed_at and now() < _failed_at[mark] + RETRY_AFTER:
            continue
        try:
            done += work(page, at=now())
            _failed_at.pop(mark, None)
        except Exception as failure:
            _failed_at[mark] = now()
            failures.append(failure)
    if failures:
        raise failures[0]
    return done


def publish(page: StatusPage, *, at: datetime) -> int:
    """Everything of a page that is due, its past too; how many documents changed."""
    changed = publish_present(page, at=at)
    page = StatusPage.objects.get(pk=page.pk)
    return changed + (_sweep(page, lambda: at) if page.is_public and _past_is_due(page, at) else 0)


def publish_present(page: StatusPage, *, at: datetime) -> int:
    """Render what is current; how many documents changed.

    The page's version is read before anything it counts, so what is stored is never older than it says. A page
    that is not public is not rendered: its readers are answered one by one.
    """
    page = StatusPage.objects.get(pk=page.pk)
    if not page.is_public:
        return 0
    read = Reading(page, at)
    return _store_present(page, _made(_current(read), read), at=at)


def _sweep(page: StatusPage, now: Callable[[], datetime]) -> int:
    """Render the past, some of it at a time, and delete what has no address any more; how many changed."""
    at = now()
    page = StatusPage.objects.get(pk=page.pk)
    mine = StatusPage.objects.filter(pk=page.pk, swept_at=page.swept_at)
    if not mine.update(swept_at=at + SWEEPS_WITHIN):
        return 0
    read, seen, changed = Reading(page, at, whole=True), set(), 0
    try:
        documents = iter(_past(read))
        while some := list(islice(documents, AT_ONCE)):
            made = _made(some, read)
            seen |= {one.path for one in made}
            changed += _store_past(page, made, at=at)
        return changed + _end_sweep(page, seen, now() + RESTS * (now() - at))
    except BaseException:
        StatusPage.objects.filter(pk=page.pk).update(swept_at=page.swept_at)
        raise


def _past_is_due(page: StatusPage, at: datetime) -> bool:
    """After a change, though not at each of many; and on each new day, since days of uptime end at midnight."""
    if page.swept_at is None:
        return True
    if page.swept_at > at:  # somebody is at it, or has just done a long one
        return False
    zone = public.zone_of(page)
    another_day = page.swept_at.astimezone(zone).date() != at.astimezone(zone).date()
    return another_day or (page.swept_version != page.version and at - page.swept_at >= SWEEPS_EVERY)


def kept(page: StatusPage) -> list[Rendered]:
    """What is stored of a page, every document."""
    return [
        Rendered(row.path, row.media, bytes(row.body), bytes(row.zipped), row.etag)
        for row in page.snapshots.all()
    ]


def _made(documents: Iterable[Document], read: Reading) -> list[Rendered]:
    return [made for document in documents if (made := render(document, read))]


def _current(read: Reading) -> Iterable[Document]:
    """What the clock or the last change may have moved: pages, the API, open posts and posts touched just now."""
    yield from catalogue.FIXED.values()
    yield from catalogue.of_look(read.page)
    since = read.page.rendered_at
    open_posts = [post for post in read.recent.posts if post.is_open or post.status == "scheduled"]
    touched = [post for post in read.told.posts if since is None or post.updated_at >= since]
    for post in {post.id: post for post in [*open_posts, *touched]}.values():
        yield from catalogue.of_post(post.kind, post.id)
    for component in read.recent.leaves:
        if component.status != rollup.OPERATIONAL or since is None or component.updated_at >= since:
            yield from catalogue.of_component(component.id)


def _past(read: Reading) -> Iterable[Document]:
    """Everything else that has an address."""
    for post in read.everything.posts:
        yield from catalogue.of_post(post.kind, post.id)
    for component in read.recent.components:
        yield from catalogue.of_component(component.id)
    yield from catalogue.months(read)


@transaction.atomic
def _store_present(page: StatusPage, made: list[Rendered], *, at: datetime) -> int:
    """Write what has become other bytes, forget what is gone for sure, and note the version.

    Whoever rendered an older version than what is stored has lost, and writes nothing. Of a page that is not
    public any more nothing is kept. A component that was hidden and a post that was deleted must not be readable
    until the next sweep.
    """
    held = StatusPage.objects.select_for_update().get(pk=page.pk)
    if held.rendered_version > page.version or not held.is_public:
        return 0
    changed = _write(page, made, at=at) + _forget(page, {one.path for one in made} | _addresses(page))
    StatusPage.objects.filter(pk=page.pk).update(
        rendered_version=page.version, rendered_at=at, serial=F("serial") + int(changed > 0)
    )
    return changed


@transaction.atomic
def _store_past(page: StatusPage, made: list[Rendered], *, at: datetime) -> int:
    changed = _write(page, made, at=at)
    StatusPage.objects.filter(pk=page.pk).update(serial=F("serial") + int(changed > 0))
    return changed


@transaction.atomic
def _end_sweep(page: StatusPage, seen: set[str], until: datetime) -> int:
    gone = _forget(page, seen)
    StatusPage.objects.filter(pk=page.pk).update(
        swept_version=page.version, swept_at=until, serial=F("serial") + int(gone > 0)
    )
    return gone


def _write(page: StatusPage, made: list[Rendered], *, at: datetime) -> int:
    """Store what has become other bytes and is not made of a newer version already; how many those are."""
    held = StatusPage.objects.select_for_update().get(pk=page.pk)
    if not held.is_public:
        return 0
    rows = page.snapshots.filter(path__in=[one.path for one in made])
    kept = {path: (etag, version) for path, etag, version in rows.values_list("path", "etag", "version")}
    fresh = [
        one
        for one in made
        if (known := kept.get(one.path)) is None or (known[0] != one.etag and known[1] <= page.version)
    ]
    rows = [
        Snapshot(
            page=page,
            path=one.path,
            media=one.media,
            body=one.body,
            zipped=one.zipped,
            etag=one.etag,
            version=page.version,
            changed_at=at,
        )
        for one in fresh
    ]
    Snapshot.objects.bulk_create(
        rows,
        batch_size=50,
        update_conflicts=True,
        unique_fields=["page", "path"],
        update_fields=["media", "body", "zipped", "etag", "version", "changed_at"],
    )
    return len(rows)


def _forget(page: StatusPage, known: set[str]) -> int:
    """Delete what has no address any more, as far as it is not newer than the page that we have read."""
    known = known | set(catalogue.FIXED) | {one.path for one in catalogue.of_look(page)}
    kept = page.snapshots.filter(version__lte=page.version).values_list("path", flat=True)
    lost = [path for path in kept if path not in known]
    for start in range(0, len(lost), 500):
        Snapshot.objects.filter(page=page, path__in=lost[start : start + 500]).delete()
    return len(lost)


def _addresses(page: StatusPage) -> set[str]:
    """Every path that may exist now."""
    posts = Post.objects.filter(page=page).values_list("kind", "public_id")
    documents = [document for kind, key in posts for document in catalogue.of_post(kind, key)]
    for component in public.visible(page.components.all()):
        documents += catalogue.of_component(component.public_id)
    months = page.snapshots.filter(path__startswith="/history/").values_list("path", flat=True)
    return {document.path for document in documents} | set(months)
