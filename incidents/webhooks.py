"""Alerts in: the addresses that monitoring tools send to.

The bytes are stored, committed, and then answered; ``incidents.intake.ingest`` reads them in the pulse. The
answer codes are contract.md section 6, chosen for what senders do with them (field/integrations.md finding 1):
Alertmanager repeats after 5xx only, and after a redirect it sends an empty GET.
"""

import logging
import time
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

from incidents import heartbeats, sources
from incidents.intake import guard, storing
from incidents.intake.dialects import DIALECTS, pagerduty
from incidents.intake.dialects.base import line
from oncall import clock

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5
#: Bytes: longer bodies are read only after their sender's key was looked up.
READ_FROM_STRANGERS = 64 * 1024
#: Where machines knock: ``Door`` lets them in.
INTAKE = ("/in/", "/v2/", "/opsgenie/", "/heartbeats/")
UNKNOWN_KEY = "This key is unknown or revoked."
_KEPT_HEADERS = ("Content-Type", "User-Agent")
View = Callable[..., HttpResponse]


def _door(*methods: str) -> Callable[[View], View]:
    """What every address here has in common: refusals as answers, 503 for any trouble of ours.

    Exempt from CSRF checks: the senders are machines that prove themselves with a key, never by a cookie, so
    a foreign page has nothing to abuse.
    """

    def dress(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, **where: str) -> HttpResponse:
            _hide_key(request, where)
            if request.method not in methods:
                text, allow = f"Send with {' or '.join(methods)}.", {"Allow": ", ".join(methods)}
                return JsonResponse({"error": text}, status=405, headers=allow)
            return _answered(view, request, where)

        return guarded

    return dress


def _answered(view: View, request: HttpRequest, where: dict[str, str]) -> HttpResponse:
    try:
        return view(request, **where)
    except guard.Refused as refused:
        return JsonResponse({"error": refused.reason}, status=refused.status)
    except Exception:
        # The database mostly, but whatever it is: an alert that is not stored must be sent again, and
        # senders repeat after 5xx only.
        logger.exception("An alert could not be stored; its sender is asked to repeat it.")
        return JsonResponse(
            {"error": "The alert could not be stored. Send it again."},
            status=503,
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )


def _hide_key(request: HttpRequest, where: dict[str, str]) -> None:
    """Take the key out of the path, which Django logs with every refusal and shows on error pages."""
    if "key" in where:
        hidden = f"/in/{where['dialect']}/[key]" if "dialect" in where else "/heartbeats/[key]"
        request.path = request.path_info = hidden
        for name in ("PATH_INFO", "REQUEST_URI", "RAW_URI", "SCRIPT_URL"):
            if name in request.META:
                request.META[name] = hidden


@_door("POST")
def receive(request: HttpRequest, *, dialect: str, key: str = "") -> HttpResponse:
    """``/in/<dialect>/<key>``, or without the key in the path and with it as a Bearer token."""
    spoken = DIALECTS.get(dialect)
    if spoken is None:
        return JsonResponse({"error": f"Unknown dialect. Known: {', '.join(DIALECTS)}."}, status=404)
    key = key.removesuffix("/") or _bearer(request)
    if _is_long(request) and not _is_known(key, dialect):
        return _unknown_key()
    try:
        body, told = _read(request)
        if problems := _complaints(spoken.complaints, told):
            raise guard.Refused(400, "; ".join(problems))
    except guard.Refused:
        if not _is_known(key, dialect):
            return _unknown_key()  # nothing about the body to whoever may not send
        raise
    event = _store(request, key, dialect, body)
    if event is None:
        return _unknown_key()
    return JsonResponse({"status": "accepted", "event": event}, status=202)


def _is_long(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or ""
    return not length.isdecimal() or int(length) > READ_FROM_STRANGERS


def _unknown_key() -> HttpResponse:
    return JsonResponse({"error": UNKNOWN_KEY}, status=401, headers={"WWW-Authenticate": "Bearer"})


def _is_known(key: str, dialect: str) -> bool:
    source = sources.authenticate(key)
    return source is not None and source.dialect == dialect


@_door("POST")
def pagerduty_enqueue(request: HttpRequest) -> HttpResponse:
    """``/v2/enqueue``, answered in PagerDuty's words; ``routing_key`` is the source's key."""
    told, refusal = _take_for_pagerduty(request, pagerduty.complaints)
    return refusal or JsonResponse(
        {"status": "success", "message": "Event processed", "dedup_key": pagerduty.dedup_key(told)},
        status=202,
    )


@_door("POST")
def pagerduty_change(request: HttpRequest) -> HttpResponse:
    """``/v2/change/enqueue``: something was deployed or switched; it belongs into timelines."""
    _, refusal = _take_for_pagerduty(request, pagerduty.change_complaints)
    return refusal or JsonResponse({"status": "success", "message": "Change event processed"}, status=202)


def _take_for_pagerduty(
    request: HttpRequest, complaints: Callable[[dict], list[str]]
) -> tuple[dict, HttpResponse | None]:
    """Store one event of PagerDuty's form; what it says, and the refusal if there is one."""
    try:
        body, told = _read(request)
    except guard.Refused as refused:
        return {}, _invalid(refused.status, [refused.reason])
    routing_key = told.get("routing_key")
    if not isinstance(routing_key, str) or not routing_key.strip():
        return told, _invalid(400, ["'routing_key' is missing or blank"])
    if (problems := _complaints(complaints, told)) and _is_known(routing_key, pagerduty.DIALECT.name):
        return told, _invalid(400, problems)
    # The key is hashed wherever else we keep it; whoever reads stored events need not learn it.
    hidden = body.replace(routing_key.encode(), b"[routing key]")
    if problems or _store(request, routing_key, pagerduty.DIALECT.name, hidden) is None:
        # 403 is final for PagerDuty's own clients, whereas 401 is unknown to them.
        return told, _invalid(403, [UNKNOWN_KEY])
    return told, None


@_door("GET", "HEAD", "POST")
def heartbeat(request: HttpRequest, *, key: str) -> HttpResponse:
    """``/heartbeats/<key>``: "still alive". A GET acts here: whatever can fetch an address can beat."""
    found = heartbeats.beat(key.removesuffix("/"), at=clock.now())
    if found is None:
        return _unknown_key()
    return JsonResponse({"status": "accepted", "heartbeat": found.slug}, status=202)


@_door("GET", "POST", "PUT", "PATCH")
def opsgenie_ping(request: HttpRequest, *, name: str) -> HttpResponse:
    """``/opsgenie/v2/heartbeats/<name>/ping``, answered in Opsgenie's words."""
    began, scheme = time.monotonic(), "GenieKey "
    given = request.headers.get("Authorization", "")
    key = given.removeprefix(scheme).strip() if given.startswith(scheme) else ""
    found = heartbeats.named(name, key=key)
    if found is None:
        answer, status = {"message": "Could not authenticate"}, 401
    else:
        heartbeats.record(found, at=clock.now())
        answer, status = {"result": "PONG - Heartbeat received"}, 202
    about = {"took": round(time.monotonic() - began, 3), "requestId": str(uuid.uuid4())}
    return JsonResponse(answer | about, status=status)


def _invalid(status: int, errors: list[str]) -> HttpResponse:
    return JsonResponse(
        {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, status=status
    )


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _read(request: HttpRequest) -> tuple[bytes, dict[str, Any]]:
    """The body and what it says. Reads the raw stream: Django's own limit is for forms and far too low."""
    guard.check_encoding(request.headers.get("Content-Encoding", ""))
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    # A chunked body has no length, and Django takes that for an empty one; the server knows where it ends.
    stream = request.META["wsgi.input"] if chunked else request
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > guard.MAX_BODY:
        raise guard.Refused(413, guard.TOO_LARGE)
    try:
        body = guard.read(stream.read)
    except OSError:
        raise guard.Refused(400, "The body ended before its length.") from None
    return body, guard.load(body)


def _complaints(complaints: Callable[[dict], list[str]], told: dict) -> list[str]:
    """What the sender must hear at once. A fault of ours in looking for it must not cost the alert."""
    try:
        return complaints(told)
    except Exception:
        logger.exception("Checking an alert failed; it is stored unchecked.")
        return []


def _store(request: HttpRequest, key: str, dialect: str, body: bytes) -> int | None:
    """One row, committed before the answer, and the doorbell for the pulse; None for a key nobody has."""
    kept = {name: line(value, 200) for name in _KEPT_HEADERS if (value := request.headers.get(name))}
    return storing.store(key, dialect=dialect, headers=kept, body=body, at=clock.now())


class Door:
    """Middleware: alerts come in before anything that people need is set up for them.

    Sessions, CSRF tokens and history belong to people with browsers; a storm of alerts would pay for them with
    half of its time. Stands right behind the security headers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(INTAKE):
            return self.get_response(request)
        try:
            found = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = found
        answer = found.func(request, *found.args, **found.kwargs)
        answer.headers["Content-Length"] = str(len(answer.content))
        if request.method == "HEAD":
            answer.content = b""
        return answer
