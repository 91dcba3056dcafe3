"""``/callbacks/gateway/…``: the same from an operator's own gateway, as JSON or a form.

It proves itself with the secret that both know, as ``Authorization: Bearer …``.

    sms|voice/<id>/    {"status": "delivered", "id"?: "its own id", "code"?: "its error code"}
                       queued, sent, ringing, answered: under way · delivered, completed: arrived
                       undelivered, failed, busy, no-answer, canceled, machine: in vain
                       for a call also {"digits": "4"}
    sms/reply/         {"from": "+491701234567", "text": "482193", "id"?}, answered by {"reply": "…"}
"""

import json
from collections.abc import Callable
from functools import wraps
from hmac import compare_digest

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from oncall import clock, replies, undelivered
from oncall.messaging import callbacks
from oncall.messaging.callbacks import Kind, Outcome, Said
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import phone
from oncall.webhooks.answers import refused, taken

PROVIDER = "gateway"
LONGEST = 16 * 1024
View = Callable[..., HttpResponse]


def _door(view: View) -> View:
    """From whoever knows the gateway's secret.

    Exempt from CSRF checks: the secret proves the sender, and no cookie is looked at.
    """

    @csrf_exempt
    @require_POST
    @wraps(view)
    def guarded(request: HttpRequest, *, medium: str = "sms", **where: str) -> HttpResponse:
        gateway = {"sms": settings.SMS_GATEWAY, "voice": settings.VOICE_GATEWAY}[medium]
        if gateway is None or not gateway.secret:
            raise Http404("This gateway takes no callbacks.")
        fault = _fault(request, gateway.secret)
        told = {} if fault else _told(request)
        if told is None:
            return JsonResponse({"error": "Send a JSON object or a form."}, status=400)
        if fault:
            blank = Said(PROVIDER, Kind.STATUS, callbacks.digest(request.get_full_path(), []))
            callbacks.write_down(blank, fault, at=clock.now())
            return refused(fault)
        return view(request, medium=medium, told=told, **where)

    return guarded


def _fault(request: HttpRequest, secret: str) -> str:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        return Outcome.UNSIGNED
    return "" if compare_digest(given.strip().encode(), secret.encode()) else Outcome.FORGED


def _told(request: HttpRequest) -> dict[str, str] | None:
    """The fields as texts; None where there are none."""
    if request.content_type != "application/json":
        return request.POST.dict() or None
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
        return None
    try:
        told = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    return {name: str(value) for name, value in told.items() if isinstance(value, str | int)}


def _said(request: HttpRequest, kind: str, told: dict[str, str], word: str = "") -> Said:
    return Said(
        provider=PROVIDER,
        kind=kind,
        digest=callbacks.digest(request.get_full_path(), told.items()),
        provider_id=told.get("id", ""),
        word=word,
        code=told.get("code", ""),
        sender=told.get("from", "") if kind == Kind.REPLY else "",
    )


@_door
def status(request: HttpRequest, *, medium: str, ref: str, told: dict[str, str]) -> HttpResponse:
    """How a message or a call went on, or the key that was pressed in a call."""
    key = told.get("digits", "") if medium == "voice" else ""
    said = _said(request, Kind.KEY if key else Kind.STATUS, told, key or told.get("status", "").lower())
    delivery = callbacks.about(ref, medium)
    if delivery is None or not said.word:
        callbacks.write_down(said, Outcome.UNKNOWN, at=clock.now())
        return refused(Outcome.UNKNOWN)
    if key:
        return _answered(replies.by_key(delivery, said, at=clock.now()))
    outcome = callbacks.take(delivery, said, at=clock.now())
    if outcome == Outcome.TAKEN and said.word in callbacks.IN_VAIN:
        undelivered.note(delivery, at=clock.now())
    return taken() if outcome in (Outcome.TAKEN, Outcome.NO_NEWS) else refused(outcome)


@_door
def reply(request: HttpRequest, *, medium: str, told: dict[str, str]) -> HttpResponse:
    """A text message that came in at the gateway."""
    try:
        told["from"] = phone.check_number(told.get("from", ""))
    except DomainError as error:
        return JsonResponse({"error": error.detail}, status=400)
    said = _said(request, Kind.REPLY, told)
    return _answered(replies.by_text(said, told.get("text", ""), at=clock.now()))


def _answered(answer: replies.Answer) -> HttpResponse:
    if answer.outcome != Outcome.TAKEN and not answer.words:
        return refused(answer.outcome)
    return JsonResponse({"reply": answer.words})
