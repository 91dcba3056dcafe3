"""The public pages: answered without session, cookie or script, from copies that are seconds old at most."""

import re
from collections.abc import Callable
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from oncall import clock
from statuspage import copies, public
from statuspage.documents import html, v2
from statuspage.documents.page import Page
from statuspage.models import MAIN, Post, StatusPage

HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
CACHE = "public, max-age=15, s-maxage=15, stale-while-revalidate=60, stale-if-error=86400"
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")

Render = Callable[[StatusPage, datetime], bytes | None]


def answer(
    request: HttpRequest, name: str, render: Render, content_type: str = HTML, *, open_to_all: bool = False
) -> HttpResponse:
    """The document of this name as it is now, or our 404; ``open_to_all`` lets scripts of other sites read it."""
    page, at = _page(), clock.now()
    found = copies.copy(
        page.pk, name, version=page.version, at=at, content_type=content_type, render=lambda: render(page, at)
    )
    if found is None:
        return missing(request)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(found.zipped if zipped else found.body, content_type=found.content_type)
    response["ETag"] = f'"{found.etag}-gz"' if zipped else f'"{found.etag}"'
    if zipped:
        response["Content-Encoding"] = "gzip"
    response["Cache-Control"] = CACHE
    response["Vary"] = "Accept-Encoding"
    if open_to_all:
        response["Access-Control-Allow-Origin"] = "*"
    return _finished(request, framed(response))


def _finished(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """304 where the reader has it already; no body where it asked for none."""
    response["Content-Length"] = str(len(response.content))
    response = get_conditional_response(request, etag=response["ETag"], response=response)
    if request.method == "HEAD" and response.status_code == 200:
        response.content = b""
    return response


def framed(response: HttpResponse) -> HttpResponse:
    """The public face's own policy: no script at all."""
    response["Content-Security-Policy"] = CSP
    response["Referrer-Policy"] = "no-referrer"
    return response


def _page() -> StatusPage:
    return StatusPage.objects.filter(slug=MAIN).first() or StatusPage.main()


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """There is no such page; the same answer for what never was and for what is not public."""
    body = html.plain("404", public.frame(_page(), at=clock.now()))
    response = HttpResponse(b"" if request.method == "HEAD" else body, status=404, content_type=HTML)
    response["Cache-Control"] = "no-store"
    return framed(response)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return answer(request, "index", lambda page, at: html.index(public.recent(page, at=at)))


@require_safe
def incident(request: HttpRequest, public_id: str) -> HttpResponse:
    def render(page: StatusPage, at: datetime) -> bytes | None:
        value = public.one(page, public_id, at=at)
        return html.incident(value, value.posts[0]) if value.posts else None

    return answer(request, f"incidents/{public_id}", render)


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Three months; ``?month=2026-08`` is the last of them."""
    wanted = request.GET.get("month", "")
    if wanted and not MONTH.fullmatch(wanted):
        return missing(request)

    def render(page: StatusPage, at: datetime) -> bytes:
        now = at.astimezone(public.zone_of(page)).date().replace(day=1)
        last = min(date.fromisoformat(f"{wanted}-01"), now) if wanted else now
        first = html.month_back(last, html.MONTHS_ON_A_PAGE - 1)
        since = public.first_month(page)
        earlier = html.month_back(first, 1)
        value = public.between(page, first, html.month_back(last, -1), at=at)
        return html.history(
            value, last=last, since=since, earlier=earlier if since and since < first else None
        )

    return answer(request, f"history/{wanted}", render)


# -- Statuspage's public API -----------------------------------------------------------------------------------
def _json(name: str, render: Callable[[Page], bytes], read: Callable[[StatusPage, datetime], Page]):
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        return answer(
            request, name, lambda page, at: render(read(page, at)), content_type=JSON, open_to_all=True
        )

    view.__name__ = re.sub(r"\W", "_", name)
    return view


def _recent(page: StatusPage, at: datetime) -> Page:
    return public.recent(page, at=at)


def _incidents(page: StatusPage, at: datetime) -> Page:
    return public.newest(page, Post.Kind.INCIDENT, at=at)


def _maintenances(page: StatusPage, at: datetime) -> Page:
    return public.newest(page, Post.Kind.MAINTENANCE, at=at)


API = {
    "summary.json": _json("summary.json", v2.summary, _recent),
    "status.json": _json("status.json", v2.status, _recent),
    "components.json": _json("components.json", v2.components, _recent),
    "incidents.json": _json("incidents.json", v2.incidents, _incidents),
    "incidents/unresolved.json": _json("incidents/unresolved.json", v2.unresolved, _recent),
    "scheduled-maintenances.json": _json("scheduled-maintenances.json", v2.maintenances, _maintenances),
    "scheduled-maintenances/upcoming.json": _json(
        "scheduled-maintenances/upcoming.json", v2.upcoming, _recent
    ),
    "scheduled-maintenances/active.json": _json("scheduled-maintenances/active.json", v2.active, _recent),
}


@require_safe
def one_post(request: HttpRequest, kind: str, public_id: str) -> HttpResponse:
    """``incidents/<id>.json`` and ``scheduled-maintenances/<id>.json``."""

    def render(page: StatusPage, at: datetime) -> bytes | None:
        value = public.one(page, public_id, at=at)
        found = value.of_kind(kind)
        return v2.post(value, found[0]) if found else None

    return answer(request, f"{kind}/{public_id}.json", render, content_type=JSON, open_to_all=True)
