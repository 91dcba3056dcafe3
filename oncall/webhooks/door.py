"""What the addresses under ``/callbacks/`` have in common: who calls is doubted until proven.

POST only, the raw bytes before anything is read from them, a short body, and no cookie: each caller proves
herself by a signature or a secret, so there is nothing for a CSRF token to protect. What is not believed is
answered 401 or 403, does nothing, and is noted (field/integrations.md section 7).
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from oncall import answers, clock, page_events, presses
from oncall.edges.network import client_address
from oncall.messaging.mediums import missing

#: How far the time within a signature may lie from ours.
WINDOW = timedelta(minutes=5)
#: A button that signs no time of its press is good as long as an answer link.
BUTTON_LIFETIME = answers.LIFETIME
BODY_LIMIT = 256 * 1024

View = Callable[..., HttpResponse]


class Rejected(Exception):
    """A call that is not believed: the HTTP status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def door(medium: str) -> Callable[[View], View]:
    """Guard ``view(request, body, at, …)``. A medium that is not set up has no door: 404."""

    def guard(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, **where: str) -> HttpResponse:
            if missing(medium):
                return _said(404, "This medium is not set up here.")
            if request.method != "POST":
                return JsonResponse({"error": "Send a POST."}, status=405, headers={"Allow": "POST"})
            at = clock.now()
            try:
                return view(request, body=read(request), at=at, **where)
            except Rejected as rejected:
                return _reject(medium, request, rejected.status, rejected.reason, at)
            except presses.Repeated:
                return _reject(medium, request, 403, "The same call was here before.", at)

        return guarded

    return guard


def _reject(medium: str, request: HttpRequest, status: int, reason: str, at: datetime) -> HttpResponse:
    presses.note_rejected(medium, reason, client=client_address(request), at=at)
    return _said(status, reason)


def _said(status: int, text: str) -> HttpResponse:
    return JsonResponse({"error": text}, status=status)


def read(request: HttpRequest) -> bytes:
    """The raw body. Raises ``Rejected`` (413, 400)."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > BODY_LIMIT:
        raise Rejected(413, "The body is too long.")
    try:
        body = request.read(BODY_LIMIT + 1)
    except OSError:
        raise Rejected(400, "The body ended before its length.") from None
    if len(body) > BODY_LIMIT:
        raise Rejected(413, "The body is too long.")
    return body


def parse(body: bytes | str) -> dict[str, Any]:
    """The JSON object in a body that has been proven authentic. Raises ``Rejected`` (400)."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Rejected(400, "The body is not a JSON object.")
    return told


def within(told: dict[str, Any], *path: str | int) -> Any:
    """What lies at a path of a JSON document; None where it does not lead anywhere."""
    found: Any = told
    for key in path:
        if isinstance(found, dict):
            found = found.get(key)
        elif isinstance(found, list) and isinstance(key, int) and key < len(found):
            found = found[key]
        else:
            return None
    return found


def words(value: Any) -> str:
    """A text or number of a JSON document as a text; anything else is none."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def number(value: Any) -> int:
    """A number that was written into a button; what is none fits no page and no step."""
    text = words(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1


def place(value: Any) -> tuple[int, int | None]:
    """The step and the pass at which a button was made."""
    return page_events.read_place(words(value))


def check_window(moment: datetime, at: datetime) -> None:
    """A signature of another time is a copy. Raises ``Rejected`` (403)."""
    if abs(at - moment) > WINDOW:
        raise Rejected(403, "The signature's time lies more than 5 minutes from ours.")


def check_age(made: datetime, at: datetime) -> None:
    """A button of another day does nothing. Raises ``Rejected`` (403)."""
    if not made - WINDOW <= at < made + BUTTON_LIFETIME:
        raise Rejected(403, "This button was made more than a day ago. Use the newest message.")
