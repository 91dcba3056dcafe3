"""Every public document: its path, what kind of thing it is, and how it is made.

One list for all who need it: the pulse renders what it names, views answer from it, the export writes it. A
document is a pure function of what ``public`` says of a page at one instant.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from urllib.parse import parse_qs

from statuspage import public
from statuspage.documents import agenda, badge, feeds, html, v2
from statuspage.documents import year as years
from statuspage.documents.page import Component, Page, Post
from statuspage.models import StatusPage

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
FRAMED = CSP.replace("frame-ancestors 'none'", "frame-ancestors *")
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
    "atom": Media("application/atom+xml; charset=utf-8", max_age_s=60, open_to_all=True),
    "rss": Media("application/rss+xml; charset=utf-8", max_age_s=60, open_to_all=True),
    "ics": Media("text/calendar; charset=utf-8", max_age_s=60, open_to_all=True),
    "svg": Media("image/svg+xml", max_age_s=60, open_to_all=True, policy="default-src 'none'"),
    "csv": Media("text/csv; charset=utf-8", max_age_s=60, open_to_all=True),
    "frame": Media("text/html; charset=utf-8", policy=FRAMED),
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
    def told(self) -> Page:
        """The newest posts of either kind, for feeds."""
        return public.latest(self.page, at=self.at)

    @cached_property
    def maintenances(self) -> Page:
        return public.newest(self.page, "maintenance", at=self.at)

    @cached_property
    def year(self) -> Page:
        return public.year(self.page, at=self.at)

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

    def component(self, public_id: str) -> Component | None:
        """A component that may be shown; None if there is none of that name."""
        return self.recent.by_id.get(public_id)

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
        Document("/uptime/", "html", lambda read: _first_year(read)),
        Document("/embed/", "frame", lambda read: html.embed(read.recent)),
        Document("/history.atom", "atom", lambda read: feeds.atom(read.told, _whole(read, "atom"))),
        Document("/history.rss", "rss", lambda read: feeds.rss(read.told, _whole(read, "rss"))),
        Document("/maintenance.ics", "ics", lambda read: agenda.maintenance(read.maintenances)),
        Document("/badge.svg", "svg", lambda read: badge.of_page(read.recent)),
        Document("/badge.json", "json", lambda read: badge.endpoint(read.recent)),
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
    """The documents of one post: its permanent address, its JSON, its feed, and a maintenance's calendar entry."""
    page = f"/incidents/{public_id}"
    documents = [
        Document(f"{page}/", "html", lambda read: _incident(read, public_id)),
        Document(f"/api/v2/{_FOLDER[kind]}/{public_id}.json", "json", lambda read: _json(read, kind, public_id)),
        Document(f"{page}.atom", "atom", lambda read: _post_feed(read, public_id, feeds.atom, f"{page}.atom")),
        Document(f"{page}.rss", "rss", lambda read: _post_feed(read, public_id, feeds.rss, f"{page}.rss")),
    ]
    if kind == "maintenance":
        documents.append(Document(f"{page}.ics", "ics", lambda read: _entry(read, public_id)))
    return documents


def of_component(public_id: str) -> list[Document]:
    """The documents of one component: its uptime as page and file, its feeds, its badge."""
    own = f"/components/{public_id}"
    return [
        Document(f"/uptime/{public_id}/", "html", lambda read: _year(read, public_id)),
        Document(f"/uptime/{public_id}.csv", "csv", lambda read: _csv(read, public_id)),
        Document(f"{own}.atom", "atom", lambda read: _own_feed(read, public_id, feeds.atom, f"{own}.atom")),
        Document(f"{own}.rss", "rss", lambda read: _own_feed(read, public_id, feeds.rss, f"{own}.rss")),
        Document(f"{own}/badge.svg", "svg", lambda read: _badge(read, public_id)),
    ]


def of_month(month: date) -> Document:
    """Three months of history that end with this one."""
    return Document(f"/history/{month:%Y-%m}/", "html", lambda read: _history(read, month))


def find(path: str) -> Document | None:
    """The document at a path as it stands in the list, with its slash at the end; None if there is none.

    Whether a post or a component of that id is public is known only when it is made.
    """
    if path in FIXED:
        return FIXED[path]
    for pattern, several in _PATTERNS:
        if found := pattern.fullmatch(path):
            return next((one for one in several(found["key"]) if one.path == path), None)
    return None


def asked(path: str, query: str) -> str:
    """The path of a document that is asked for by a question: ``/uptime/?component=`` and ``/history/?month=``."""
    name = _QUESTIONS.get(path)
    wanted = parse_qs(query, max_num_fields=20).get(name, [""])[0] if name and query else ""
    return f"{path}{wanted}/" if wanted else path


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
_QUESTIONS = {"/uptime/": "component", "/history/": "month"}
_ID = "(?P<key>[a-z0-9]{12})"
_PATTERNS: list[tuple[re.Pattern, Callable[[str], list[Document]]]] = [
    (re.compile(rf"/incidents/{_ID}(/|\.atom|\.rss|\.ics)"), lambda key: of_post("maintenance", key)),
    (re.compile(rf"/api/v2/incidents/{_ID}\.json"), lambda key: of_post("incident", key)),
    (re.compile(rf"/api/v2/scheduled-maintenances/{_ID}\.json"), lambda key: of_post("maintenance", key)),
    (re.compile(rf"/(uptime|components)/{_ID}(/|/badge\.svg|\.csv|\.atom|\.rss)"), of_component),
    (
        re.compile(r"/history/(?P<key>20\d\d-(?:0[1-9]|1[0-2]))/"),
        lambda key: [of_month(date.fromisoformat(f"{key}-01"))],
    ),
]


def _incident(read: Reading, public_id: str) -> bytes | None:
    found = read.post(public_id)
    return html.incident(*found) if found else None


def _json(read: Reading, kind: str, public_id: str) -> bytes | None:
    found = read.post(public_id)
    return v2.post(*found) if found and found[1].kind == kind else None


def _entry(read: Reading, public_id: str) -> bytes | None:
    found = read.post(public_id)
    return agenda.one(*found) if found and found[1].kind == "maintenance" else None


Write = Callable[[Page, feeds.Feed], bytes]


def _whole(read: Reading, suffix: str) -> feeds.Feed:
    return feeds.whole(read.told, path=f"/history.{suffix}")


def _post_feed(read: Reading, public_id: str, write: Write, path: str) -> bytes | None:
    found = read.post(public_id)
    return write(found[0], feeds.of_post(*found, path=path)) if found else None


def _own_feed(read: Reading, public_id: str, write: Write, path: str) -> bytes | None:
    found = read.told.by_id.get(public_id)
    return write(read.told, feeds.of_component(read.told, found, path=path)) if found else None


def _badge(read: Reading, public_id: str) -> bytes | None:
    found = read.component(public_id)
    return badge.of_component(found) if found else None


def _first_year(read: Reading) -> bytes:
    components = years.shown(read.year)
    return html.year(read.year, components[0] if components else None)


def _shown(read: Reading, public_id: str) -> Component | None:
    return next((one for one in years.shown(read.year) if one.id == public_id), None)


def _year(read: Reading, public_id: str) -> bytes | None:
    found = _shown(read, public_id)
    return html.year(read.year, found) if found else None


def _csv(read: Reading, public_id: str) -> bytes | None:
    found = _shown(read, public_id)
    return years.as_csv(years.days(read.year, found)) if found else None


def _history(read: Reading, last: date) -> bytes:
    """A month that has not come yet shows the present."""
    last = min(last, read.month)
    first = html.month_back(last, html.MONTHS_ON_A_PAGE - 1)
    earlier = html.month_back(first, 1)
    value = read.between(first, html.month_back(last, -1))
    since = read.first_month
    return html.history(value, last=last, since=since, earlier=earlier if since and since < first else None)
