"""What every answer carries."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

# Named like Django 6's setting, so that the move to its own middleware is a deletion.
SECURE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class SecurityHeaders:
    """A strict policy on every page: nothing inline, nothing from elsewhere, no framing, no referrer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", SECURE_CSP)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


class ViewersClock:
    """In the portal, times are read and written in the zone of whoever is signed in, while her request lasts.

    Elsewhere nobody is looked up: the status page, alerts and the API owe nothing to a session, and an answer that
    looked at the cookie could not be shared by caches.
    """

    PORTAL = ("/admin/", "/report/")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(self.PORTAL) or not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(ZoneInfo(request.user.time_zone)):
            return self.get_response(request)


class WholeAddresses:
    """No row holds a NUL, and PostgreSQL faults on it: such a path leads nowhere, such a query is refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/v1/"):
            if "\x00" in request.path:
                return JsonResponse({"detail": "Not found."}, status=404)
            if "%00" in request.META.get("QUERY_STRING", ""):
                return JsonResponse({"detail": "The address holds a NUL character."}, status=400)
        return self.get_response(request)
