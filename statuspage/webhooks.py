"""``/callbacks/bounces/<key>/``: providers of mail tell which mails came back, or were called spam.

The key in the address (``BOUNCES_KEY``) proves the sender; without one set there is no such address. The shapes
are those of ``bounces``. What tells nothing that matters here is taken all the same: nobody sends it again.
"""

import json
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from oncall import clock
from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError
from statuspage import bounces, suppression

LONGEST = 2 * 1024 * 1024


@csrf_exempt
def bounces_told(request: HttpRequest, key: str) -> HttpResponse:
    """204 where it was read, 400 where it is nothing that we know.

    Exempt from CSRF checks: the key proves the sender, and no cookie is looked at.
    """
    if not settings.BOUNCES_KEY or not compare_digest(key.encode(), settings.BOUNCES_KEY.encode()):
        return _said(404, "There is no such address.")
    if request.method != "POST":
        return JsonResponse({"error": "Send a POST."}, status=405, headers={"Allow": "POST"})
    body = _body(request)
    if body is None:
        return _said(413, "The body is too long.")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return _said(400, "The body is not JSON.")
    if isinstance(told, dict) and told.get("Type") == "SubscriptionConfirmation":
        return _subscribed(told)
    returned = bounces.read(told)
    if returned is None:
        return _said(400, "This is not a form of bounce that we know.")
    for one in returned:
        suppression.take(one, at=clock.now())
    return HttpResponse(status=204)


def _body(request: HttpRequest) -> bytes | None:
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > LONGEST:
        return None
    try:
        body = request.read(LONGEST + 1)
    except OSError:
        return b""
    return body if len(body) <= LONGEST else None


def _subscribed(told: dict) -> HttpResponse:
    """Amazon's SNS asks once whether this address wants its notices: we say yes, at Amazon's own address only."""
    url = bounces.subscription_of(told)
    if not url:
        return _said(400, "The address to confirm at is not Amazon's.")
    try:
        answer = egress.request("GET", url)
    except DeliveryError as error:
        return _said(502, error.text)
    return (
        HttpResponse(status=204) if answer.status == 200 else _said(502, f"Amazon answered {answer.status}.")
    )


def _said(status: int, text: str) -> HttpResponse:
    return JsonResponse({"error": text}, status=status)
