"""``/callbacks/slack/``: a button in Slack was pressed.

Signed with the app's signing secret over the raw bytes and a time. The answer is empty, since Slack reads
nothing from it: what was done shows in the message itself (``oncall.follow_ups``), and why nothing was done
in a direct message.
"""

import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from oncall import presses
from oncall.edges.network import client_address
from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import by_name
from oncall.messaging.mediums.slack import signature
from oncall.messaging.models import Delivery
from oncall.presses import VERBS, Press
from oncall.webhooks.door import Rejected, check_window, door, number, parse, place, within, words


@door("slack")
def slack(request: HttpRequest, *, body: bytes, at: datetime) -> HttpResponse:
    """Verify, act, and be done well within the three seconds that Slack waits."""
    signed = _check_signature(request, body, at)
    if request.content_type == "application/json":
        return JsonResponse({"challenge": words(parse(body).get("challenge"))[:200]})
    told = parse(_form(body).get("payload", ""))
    verb = words(within(told, "actions", 0, "action_id"))
    if within(told, "type") != "block_actions" or verb not in VERBS:
        return HttpResponse()  # a link was opened, or something else that asks for nothing
    page, _, stood = words(within(told, "actions", 0, "value")).partition(":")
    step, loop = place(stood)
    address = words(within(told, "user", "id"))
    pressed = Press(
        medium="slack",
        call=signed,
        verb=verb,
        page=number(page),
        step=step,
        loop=loop,
        address=address,
        client=client_address(request),
    )
    answered = presses.press(pressed, at=at)
    if not answered.done:
        _tell(address, answered.said, call=signed, at=at)
    return HttpResponse()


def _check_signature(request: HttpRequest, body: bytes, at: datetime) -> str:
    given = request.headers.get("X-Slack-Signature", "")
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    if not settings.SLACK_SIGNING_SECRET or not given or not timestamp:
        raise Rejected(401, "The call is not signed.")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        raise Rejected(401, "The signature has no time.")
    expected = signature(settings.SLACK_SIGNING_SECRET, timestamp, body)
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise Rejected(401, "The signature is not Slack's.")
    check_window(datetime.fromtimestamp(int(timestamp), UTC), at)
    return given


def _form(body: bytes) -> dict[str, Any]:
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=50).items()}
    except ValueError:
        raise Rejected(400, "The body is not a form.") from None


def _tell(address: str, said: str, *, call: str, at: datetime) -> None:
    """A direct message to whoever pressed; who she is Slack has vouched for."""
    try:
        to = by_name("slack").check_address(address)
    except DomainError:
        return
    message = outbox.compose(
        purpose="notice", subject="Nothing was done", text=said.replace("{{", "{ {"), at=at
    )
    outbox.send(message, medium="slack", address=to, key=f"slack:{call}", lane=Delivery.Lane.PAGE, at=at)
