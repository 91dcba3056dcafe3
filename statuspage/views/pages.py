"""The public pages where no snapshot answers: before the first render, in tests, and while the pulse is behind.

The same documents by the same renderers (``statuspage.catalogue``), without session, cookie or script. Usually
``statuspage.serve`` has answered before a request comes here.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from oncall import clock
from statuspage import catalogue, copies, emergency, public
from statuspage.catalogue import MEDIA, Document, Reading
from statuspage.documents import html
from statuspage.documents.strips import laid_over
from statuspage.edges import door, strips
from statuspage.edges.place import Moved, main, of
from statuspage.models import StatusPage

HTML = MEDIA["html"].content_type


@require_safe
def document(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
    """The document of this path as it is now, or our 404."""
    page, path = request.place.page, catalogue.canonical(request.place.path)
    found = catalogue.find(catalogue.asked(path, request.META.get("QUERY_STRING", "")), page)
    return answer(request, found, page) if found else missing(request)


def answer(request: HttpRequest, document: Document, page: StatusPage) -> HttpResponse:
    """A document made from the database, or a copy of seconds ago while nothing has changed."""
    at = clock.now()
    found = copies.copy(page.pk, document, version=page.version, at=at, read=lambda: Reading(page, at))
    if found is None:
        return missing(request)
    found = strips.on_top(found, emergency.line(page.slug))
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    media = MEDIA[found.media]
    headers = media.headers if page.is_public else media.closed_headers
    response = HttpResponse(found.zipped if zipped else found.body, headers=headers)
    response["ETag"] = f'"{found.etag}-gz"' if zipped else f'"{found.etag}"'
    if zipped:
        response["Content-Encoding"] = "gzip"
    return _finished(request, response)


def _finished(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """304 where the reader has it already; no body where it asked for none."""
    response["Content-Length"] = str(len(response.content))
    response = get_conditional_response(request, etag=response["ETag"], response=response)
    if request.method == "HEAD" and response.status_code == 200:
        response.content = b""
    return response


def plain(template: str, page: StatusPage, **context) -> bytes:
    """A page of one sentence or one form in the frame of this page, with an emergency's line on top."""
    with translation.override(page.language):
        body = html.plain(template, public.frame(page, at=clock.now()), **context)
    return laid_over(body, line=emergency.line(page.slug))


def framed(response: HttpResponse) -> HttpResponse:
    """The public face's own policy: no script at all."""
    response["Content-Security-Policy"] = catalogue.CSP
    response["Referrer-Policy"] = "no-referrer"
    return response


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """There is no such page; the same answer for what never was and for what is not public."""
    page = _page(request)
    if not door.is_open(request, page):
        return door.nothing_here()
    body = plain("404", page)
    response = HttpResponse(b"" if request.method == "HEAD" else body, status=404, content_type=HTML)
    response["Cache-Control"] = "no-store"
    return framed(response)


def _page(request: HttpRequest) -> StatusPage:
    """The page in whose frame a refusal stands: that of the request, as far as it names one, else the main one."""
    slug = request.path.split("/")[2] if request.path.startswith("/p/") else ""
    for asked in (slug, ""):
        try:
            return of(request, asked).page
        except (Http404, Moved):
            continue
    return main()
