"""Which page a request asks for: by its host, else by its path, else the main one.

What a request says of its host only chooses among pages that are there; no byte of an answer is made from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_resolver, is_valid_path

from statuspage.models import StatusPage
from statuspage.models.face import LOCAL, portal_host

#: What the front notes in a request's environment: the slug of the page that has this host, "" for none.
MARK = "muster.page"
OWN_URLS = "statuspage.urls"


@dataclass(frozen=True)
class Place:
    """A page, and a path on it as the catalogue knows paths."""

    page: StatusPage
    path: str


def host_of(environ: dict[str, Any]) -> str:
    """The host that a request names, in small letters, without port and last dot; "" where it names none."""
    return _host(environ.get("HTTP_HOST", "")[:300])


@lru_cache(maxsize=1000)
def _host(told: str) -> str:
    host = told.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


class PageHost:
    """Middleware: on the host of a page there is that page and nothing else of the portal.

    It stands before what answers by itself (alerts, the API). No setting need name these hosts: whatever checks
    ALLOWED_HOSTS is not reachable there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.status_page = _page_of_host(request.META)
        if not request.status_page:
            return self.get_response(request)
        request.urlconf = OWN_URLS
        if request.path.startswith(_static()) or is_valid_path(request.path, OWN_URLS):
            return self.get_response(request)
        return get_resolver(OWN_URLS).resolve_error_handler(404)(request, exception=Http404())


def _static() -> str:
    return f"/{settings.STATIC_URL.lstrip('/')}"


def _page_of_host(environ: dict[str, Any]) -> str:
    if MARK in environ:
        return environ[MARK]
    host = host_of(environ)
    if not host or host in LOCAL or host == portal_host():
        return ""
    try:
        return StatusPage.objects.filter(host=host).values_list("slug", flat=True).first() or ""
    except (DatabaseError, InterfaceError):  # then nothing of any page can be made either
        return ""


def of(request: HttpRequest, slug: str = "") -> Place:
    """The place that a request asks for; ``slug`` is what its path says. Raises ``Http404``, or ``Moved``."""
    at_host = getattr(request, "status_page", "")
    if at_host and slug:
        raise Http404
    wanted = at_host or slug
    page = StatusPage.objects.filter(slug=wanted).first() if wanted else main()
    if page is None:
        raise Http404
    if at_host or not slug:
        return Place(page, request.path)
    path = "/" + request.path.split("/", 3)[3] if request.path.count("/") > 2 else "/"
    if not page.prefix and request.method in ("GET", "HEAD"):
        if not page.is_public:  # not even where it stands is for everybody
            raise Http404
        raise Moved(page, path)
    return Place(page, path)


def main() -> StatusPage:
    return StatusPage.objects.filter(slug="main").first() or StatusPage.main()


class Moved(Exception):
    """The page stands elsewhere now: at the root of a host of its own."""

    def __init__(self, page: StatusPage, path: str) -> None:
        super().__init__(page.slug)
        self.page, self.path = page, path
