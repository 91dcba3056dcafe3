"""The public pages where no snapshot answers: before the first render, in tests, and while the pulse is behind.

The same documents by the same renderers (``statuspage.catalogue``), without session, cookie or script. Usually
``statuspage.serve`` has answered before a request comes here.
"""

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from oncall import clock
from statuspage import catalogue, copies, public
from statuspage.catalogue import MEDIA, Document, Reading
from statuspage.documents import html
from statuspage.models import MAIN, StatusPage

HTML = MEDIA["html"].content_type


@require_safe
def document(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
    """The document of this path as it is now, or our 404."""
    path = catalogue.asked(catalogue.canonical(request.path), request.META.get("QUERY_STRING", ""))
    found = catalogue.find(path)
    return answer(request, found) if found else missing(request)


def answer(request: HttpRequest, document: Document) -> HttpResponse:
    """A document made from the database, or a copy of seconds ago while nothing has changed."""
    page, at = _page(), clock.now()
    found = copies.copy(page.pk, document, version=page.version, at=at, read=lambda: Reading(page, at))
    if found is None:
        return missing(request)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(found.zipped if zipped else found.body, headers=MEDIA[found.media].headers)
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


def framed(response: HttpResponse) -> HttpResponse:
    """The public face's own policy: no script at all."""
    response["Content-Security-Policy"] = catalogue.CSP
    response["Referrer-Policy"] = "no-referrer"
    return response


def _page() -> StatusPage:
    return StatusPage.objects.filter(slug=MAIN).first() or StatusPage.main()


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """There is no such page; the same answer for what never was and for what is not public."""
    page = _page()
    with translation.override(page.language):
        body = html.plain("404", public.frame(page, at=clock.now()))
    response = HttpResponse(b"" if request.method == "HEAD" else body, status=404, content_type=HTML)
    response["Cache-Control"] = "no-store"
    return framed(response)
