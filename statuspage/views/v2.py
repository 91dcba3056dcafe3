"""``/api/v2/subscribers.json`` in Statuspage's shapes: signing up by programs, with the limits of the form.

The answer is the same for known and unknown addresses: the id in it is derived from the address, and opens
nothing. Only the token of a subscriber's own link unsubscribes at once.
"""

import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from oncall import clock
from oncall.edges.network import client_address
from oncall.messaging.errors import DomainError
from statuspage import forms, links, public, subscriptions
from statuspage.edges import door
from statuspage.models import Component, StatusPage, Subscriber

LONGEST = 16 * 1024
Channel = Subscriber.Channel


@csrf_exempt
@door.has_own_door
def subscribers(request: HttpRequest) -> HttpResponse:
    """POST ``{"subscriber": {"email" | "endpoint" + "email", "component_id"?, "incident_id"?}}``: 201, always."""
    if request.method == "OPTIONS":
        return _open(HttpResponse(status=204), "POST, OPTIONS")
    if request.method != "POST":
        return _refused(405, "Send a POST.")
    page = request.place.page
    if not door.is_open(request, page):
        return _closed()
    asked = _read(request)
    if asked is None:
        return _refused(400, 'Send {"subscriber": {"email": "…"}}.')
    if "phone_number" in asked and not asked.get("email"):
        return _refused(422, "This page sends no text messages. Use email or endpoint.")
    try:
        told = _subscribe(asked, page, client_address(request), at=clock.now())
    except DomainError as refusal:
        return _refused(422, refusal.detail)
    return _open(JsonResponse({"subscriber": told}, status=201))


def _subscribe(asked: dict[str, Any], page: StatusPage, network: str, *, at: datetime) -> dict[str, Any]:
    """Sign up, and what is told of it: the same whether the address is known or not."""
    mail = _text(asked.get("email"))
    channel = Channel.WEBHOOK if asked.get("endpoint") else Channel.EMAIL
    address, owner = (_text(asked["endpoint"]), mail) if channel == Channel.WEBHOOK else (mail, "")
    choice = _choice(asked, page)
    public_id = subscriptions.subscribe(
        address, choice, network=network, at=at, page=page, channel=channel, owner=owner
    )
    return {
        "id": public_id,
        "mode": channel.value,
        "email": mail,
        "endpoint": address if channel == Channel.WEBHOOK else None,
        "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "quarantined_at": None,
        "purge_at": None,
        "components": [row.public_id for row in choice.components],
    }


@csrf_exempt
@door.has_own_door
def subscriber(request: HttpRequest, which: str) -> HttpResponse:
    """DELETE with the token of one's own link unsubscribes: 204. With an id its owner is sent that link: 202."""
    if request.method == "OPTIONS":
        return _open(HttpResponse(status=204), "DELETE, OPTIONS")
    if request.method != "DELETE":
        return _refused(405, "Send a DELETE.", "DELETE, OPTIONS")
    found = links.by_manage_token(which)
    if found is not None:
        subscriptions.unsubscribe(found, at=clock.now())
        return _open(HttpResponse(status=204))
    page = request.place.page
    if not door.is_open(request, page):
        return _closed()
    subscriptions.ask_to_leave(which, page=page, network=client_address(request), at=clock.now())
    told = {"detail": "If that is a subscriber, a link to unsubscribe is on its way to it."}
    return _open(JsonResponse(told, status=202))


def _read(request: HttpRequest) -> dict[str, Any] | None:
    """The fields, from JSON or a form as ``subscriber[email]``."""
    if request.content_type != "application/json":
        named = {key[11:-1]: value for key, value in request.POST.items() if key.startswith("subscriber[")}
        return named or None
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
        return None
    try:
        told = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    found = told.get("subscriber") if isinstance(told, dict) else None
    return found if isinstance(found, dict) else None


def _choice(asked: dict[str, Any], page: StatusPage) -> subscriptions.Choice:
    """Raises ``DomainError("not_found")`` for what is not there or not public."""
    wanted = asked.get("component_ids") or asked.get("component_id") or []
    wanted = {_text(one) for one in (wanted if isinstance(wanted, list) else [wanted])[:1000]}
    rows: list[Component] = []
    if wanted:
        rows = [row for row in public.visible(page.components.all()) if row.public_id in wanted]
        if len(rows) != len(wanted):
            raise DomainError("not_found", "There is no such component.")
    post = None
    if asked.get("incident_id"):
        post = forms.followable(page, _text(asked["incident_id"]))
        if post is None:
            raise DomainError("not_found", "There is no such incident, or it is over.")
    return subscriptions.Choice(
        everything=not (rows or post), components=tuple(rows), posts=(post,) if post else ()
    )


def _text(value: Any) -> str:
    return value[:2000] if isinstance(value, str) else ""


def _refused(status: int, text: str, allowed: str = "POST, OPTIONS") -> HttpResponse:
    answer = _open(JsonResponse({"error": text}, status=status))
    if status == 405:
        answer["Allow"] = allowed
    return answer


def _closed() -> HttpResponse:
    answer = _refused(401, "This page is not public: send its key.")
    answer["WWW-Authenticate"] = 'Bearer realm="status page"'
    return answer


def _open(answer: HttpResponse, methods: str = "") -> HttpResponse:
    """Scripts of other sites may ask, as they may fill in the form."""
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cache-Control"] = "no-store"
    if methods:
        answer["Access-Control-Allow-Methods"] = methods
        answer["Access-Control-Allow-Headers"] = "Content-Type"
    return answer
