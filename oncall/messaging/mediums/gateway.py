"""A gateway of the operator's own, for text messages or calls: a modem, Asterisk, another vendor.

The operator's settings say how it is asked: an address and perhaps a body with ``{{to}} {{text}} {{id}} {{code}}
{{link}} {{callback}}``, how it knows us, which statuses mean yes, and where in the answer its own id stands. What
it says later it POSTs to ``{{callback}}`` with the secret that both know (``oncall.webhooks.gateway``).
"""

import json
from typing import Any, Protocol
from urllib.parse import quote

from django.conf import settings

from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.render import clean_header, fill

LIMIT_S = 10.0
DEFAULT_BODY = {"to": "{{to}}", "text": "{{text}}", "id": "{{id}}", "callback": "{{callback}}"}


class Settings(Protocol):
    """What ``config.env.gateway`` reads from the environment."""

    url: str
    body: Any
    authorization: str
    expected: list[range]
    id_path: list[str]
    secret: str


def send(gateway: Settings, medium: str, number: str, text: str, letter: Letter) -> Receipt:
    """Ask the gateway to send. Too many requests and 5xx are tried again, every other refusal is final."""
    values = {
        "to": number,
        "text": text,
        "id": letter.stable_id,
        "code": letter.values.get("code", ""),
        "link": letter.values.get("link", ""),
        "callback": callback_url(medium, letter.stable_id),
    }
    headers, body = _body(gateway, values)
    url = fill(gateway.url, {name: quote(value, safe="") for name, value in values.items()})
    answer = egress.request("POST" if body else "GET", url, headers=headers, body=body, limit_s=LIMIT_S)
    if any(answer.status in span for span in gateway.expected):
        found = _found(answer.body, gateway.id_path)
        return Receipt(code=str(answer.status), text="Accepted by the gateway.", provider_id=found)
    raise _refusal(answer)


def callback_url(medium: str, ref: str) -> str:
    """Where the gateway says how it went on."""
    return f"{settings.PUBLIC_URL}/callbacks/gateway/{medium}/{ref}/"


def _body(gateway: Settings, values: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """Headers and body; without a body, where the address carries the text itself, it is a GET."""
    headers = {"Authorization": gateway.authorization} if gateway.authorization else {}
    template = gateway.body or ({} if "{{text}}" in gateway.url.replace(" ", "") else DEFAULT_BODY)
    if not template:
        return headers, b""
    filled = json.dumps(_filled(template, values), ensure_ascii=False)
    return {**headers, "Content-Type": "application/json"}, filled.encode()


def _filled(template: Any, values: dict[str, str]) -> Any:
    """The same JSON with its texts filled in: values go in after the JSON was read, so none can break it."""
    if isinstance(template, str):
        return fill(template, values)
    if isinstance(template, list):
        return [_filled(item, values) for item in template]
    if isinstance(template, dict):
        return {key: _filled(item, values) for key, item in template.items()}
    return template


def _found(body: bytes, path: list[str]) -> str:
    """The gateway's own id in its JSON answer; empty where there is none."""
    try:
        value = json.loads(body) if path else ""
        for part in path:
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (ValueError, TypeError, LookupError, RecursionError):
        return ""
    return clean_header(str(value)) if isinstance(value, str | int) else ""


def _refusal(answer: egress.Answer) -> DeliveryError:
    code = str(answer.status)
    if 300 <= answer.status < 400:
        text = "The gateway answers with a redirect, which is not followed. Set its final address."
        return DeliveryError(text, permanent=True, code=code)
    passes = answer.status in (408, 429) or answer.status >= 500
    return DeliveryError(
        f"The gateway answered {code}.",
        permanent=not passes,
        code=code,
        retry_after_s=egress.retry_after_s(answer),
    )
