"""Every public document: its path, what kind of thing it is, and how it is made.

One list for all who need it: the pulse renders what it names, views answer from it, the export writes it. A
document is a pure function of what ``public`` says of a page at one instant.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from statuspage import public
from statuspage.documents import html, v2
from statuspage.documents.page import Page, Post
from statuspage.models import StatusPage

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
STALE = "stale-while-revalidate=60, stale-if-error=86400"


@dataclass(frozen=True)
class Media:
    """A kind of document: what a reader and a cache are told of it. ``max_age_s`` in seconds."""

    content_type: str
    max_age_s: int = 15
    open_to_all: bool = False
    policy: str = CSP

    @property
    def headers(self) -> dict[str, str]:
        """What every answer of this kind carries, whatever its bytes."""
        told = {
            "Content-Type": self.content_type,
            "Cache-Control": f"public, max-age={self.max_age_s}, s-maxage={self.max_age_s}, {STALE}",
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": self.policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        return told | ({"Access-Control-Allow-Origin": "*"} if self.open_to_all else {})


MEDIA = {
    "html": Media("text/html; charset=utf-8"),
    "json": Media("application/json; charset=utf-8", open_to_all=True),
}


class Reading:
    """What is public of one page at one instant; each part is read once, and only when asked for.

    ``whole``: for who wants everything, so that all posts are read together and not one by one.
    """

    def __init__(self, page: StatusPage, at: datetime, *, whole: bool = False) -> None:
        self.page, self.at, self._whole = page, at, whole

    @cached_property
    def recent(self) -> Page:
        return public.recent(self.page, at=self.at)

    @cached_property
    def incidents(self) -> Page:
        return public.newest(self.page, "incident", at=self.at)

    @cached_property
    def maintenances(self) -> Page:
        return public.newest(self.page, "maintenance", at=self.at)

    @cached_property
    def everything(self) -> Page:
        return public.everything(self.page, at=self.at)

    @cached_property
    def month(self) -> date:
        """The month that it is on the page's clock, by its first day."""
        return self.at.astimezone(public.zone_of(self.page)).date().replace(day=1)

    @cached_property
    def first_month(self) -> date | None:
        return public.first_month(self.page)

    def post(self, public_id: str) -> tuple[Page, Post] | None:
        """A post and the value it stands in; None if this page has none of that name."""
        value = self.everything if self._whole else self.recent
        found = self._posts.get(public_id)
        if found is None and not self._whole:
            value = public.one(self.page, public_id, at=self.at)
            found = value.posts[0] if value.posts else None
        return (value, found) if found else None

    @cached_property
    def _posts(self) -> dict[str, Post]:
        return {post.id: post for post in (self.everything if self._whole else self.recent).posts}

    def between(self, first: date, last: date) -> Page:
        """A value with at least what began from ``first`` to the day before ``last``."""
        return self.everything if self._whole else public.between(self.page, first, last, at=self.at)


Make = Callable[[Reading], bytes | None]


@dataclass(frozen=True)
class Document:
    """One public document; ``make`` returns None where there is no such thing on this page."""

    path: str
    media: str
    make: Make


FIXED: dict[str, Document] = {
    document.path: document
    for document in (
        Document("/", "html", lambda read: html.index(read.recent)),
        Document("/history/", "html", lambda read: _history(read, read.month)),
        Document("/api/v2/summary.json", "json", lambda read: v2.summary(read.recent)),
        Document("/api/v2/status.json", "json", lambda read: v2.status(read.recent)),
        Document("/api/v2/components.json", "json", lambda read: v2.components(read.recent)),
        Document("/api/v2/incidents.json", "json", lambda read: v2.incidents(read.incidents)),
        Document("/api/v2/incidents/unresolved.json", "json", lambda read: v2.unresolved(read.recent)),
        Document(
            "/api/v2/scheduled-maintenances.json", "json", lambda read: v2.maintenances(read.maintenances)
        ),
        Document(
            "/api/v2/scheduled-maintenances/upcoming.json", "json", lambda read: v2.upcoming(read.recent)
        ),
        Document("/api/v2/scheduled-maintenances/active.json", "json", lambda read: v2.active(read.recent)),
    )
}


def of_post(kind: str, public_id: str) -> list[Document]:
    """The documents of one post: its permanent address and its JSON."""
    return [
        Document(f"/incidents/{public_id}/", "html", lambda read: _incident(read, public_id)),
        Document(
            f"/api/v2/{_FOLDER[kind]}/{public_id}.json", "json", lambda read: _post(read, kind, public_id)
        ),
    ]


def of_month(month: date) -> Document:
    """Three months of history that end with this one."""
    return Document(f"/history/{month:%Y-%m}/", "html", lambda read: _history(read, month))


def find(path: str) -> Document | None:
    """The document at a path as it stands in the list, with its slash at the end; None if there is none.

    Whether a post of that id is public is known only when it is made.
    """
    if path in FIXED:
        return FIXED[path]
    for pattern, make in _PATTERNS:
        if found := pattern.fullmatch(path):
            return make(*found.groups())
    return None


def canonical(path: str) -> str:
    """The path under which a document is kept: pages end with a slash, files do not."""
    return path if path.endswith("/") or "." in path.rsplit("/", 1)[-1] else f"{path}/"


def months(read: Reading) -> Iterable[Document]:
    """Every month of the past that has a page, newest first."""
    first, month = read.first_month, html.month_back(read.month, 1)
    while first and month >= first:
        yield of_month(month)
        month = html.month_back(month, 1)


_FOLDER = {"incident": "incidents", "maintenance": "scheduled-maintenances"}
_ID = "([a-z0-9]{12})"
_PATTERNS: list[tuple[re.Pattern, Callable[..., Document]]] = [
    (re.compile(f"/incidents/{_ID}/"), lambda key: of_post("incident", key)[0]),
    (re.compile(rf"/api/v2/incidents/{_ID}\.json"), lambda key: of_post("incident", key)[1]),
    (re.compile(rf"/api/v2/scheduled-maintenances/{_ID}\.json"), lambda key: of_post("maintenance", key)[1]),
    (
        re.compile(r"/history/(20\d\d-(?:0[1-9]|1[0-2]))/"),
        lambda month: of_month(date.fromisoformat(f"{month}-01")),
    ),
]


def _incident(read: Reading, public_id: str) -> bytes | None:
    found = read.post(public_id)
    return html.incident(*found) if found else None


def _post(read: Reading, kind: str, public_id: str) -> bytes | None:
    found = read.post(public_id)
    return v2.post(*found) if found and found[1].kind == kind else None


def _history(read: Reading, last: date) -> bytes:
    """A month that has not come yet shows the present."""
    last = min(last, read.month)
    first = html.month_back(last, html.MONTHS_ON_A_PAGE - 1)
    earlier = html.month_back(first, 1)
    value = read.between(first, html.month_back(last, -1))
    since = read.first_month
    return html.history(value, last=last, since=since, earlier=earlier if since and since < first else None)
