"""Settings of text messages and calls: an account at Twilio, and gateways of the operator's own."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from config import env

NUMBER = re.compile(r"\+[1-9][0-9]{7,14}")
PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}")
GATEWAY_VALUES = {"to", "text", "id", "code", "link", "callback"}


@dataclass(frozen=True)
class Twilio:
    """An account at Twilio.

    ``sender`` is a number, a name or a messaging service; ``voice_from`` a number, or empty: no calls.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    sender: str
    voice_from: str
    api_base: str


def twilio() -> Twilio | None:
    """The account of TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM; None if none of them is set."""
    sid, token, sender = (env.text(f"TWILIO_{name}") for name in ("ACCOUNT_SID", "AUTH_TOKEN", "FROM"))
    if not (sid or token or sender):
        return None
    if not (sid and token and sender):
        raise env.Misconfigured(
            "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM belong together: set all three."
        )
    if not re.fullmatch(r"AC[0-9a-zA-Z]{32}", sid):
        raise env.Misconfigured(
            "TWILIO_ACCOUNT_SID must be AC and 32 letters and digits, as the console shows it."
        )
    voice = env.text("TWILIO_VOICE_FROM") or (sender if sender.startswith("+") else "")
    for name, value in (
        ("TWILIO_FROM", sender if sender.startswith("+") else ""),
        ("TWILIO_VOICE_FROM", voice),
    ):
        if value and not NUMBER.fullmatch(value):
            raise env.Misconfigured(f"{name} must be a number such as +4930123456, not {value!r}.")
    return Twilio(sid, token, sender, voice, env.public_url("TWILIO_API_BASE", "https://api.twilio.com"))


@dataclass(frozen=True)
class Gateway:
    """An operator's own way to send.

    ``body`` is JSON with placeholders, None for the usual one; ``expected`` are the statuses that mean yes.
    """

    url: str
    body: Any
    authorization: str = field(repr=False)
    expected: list[range]
    id_path: list[str]
    secret: str = field(repr=False)


def gateway(prefix: str) -> Gateway | None:
    """A gateway from ``<prefix>_URL``, ``_BODY``, ``_AUTH``, ``_EXPECT``, ``_ID``, ``_SECRET``; None if unset."""
    url = env.text(f"{prefix}_URL")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        well = parts.scheme in {"http", "https"} and parts.hostname and "{" not in parts.netloc
    except ValueError:
        well = False
    if not well:
        raise env.Misconfigured(
            f"{prefix}_URL must be an address such as https://modem.example.com/send?to={{{{to}}}}."
        )
    body = _gateway_body(f"{prefix}_BODY")
    unknown = {
        name for part in (url, json.dumps(body)) for name in PLACEHOLDER.findall(part)
    } - GATEWAY_VALUES
    if unknown:
        known = ", ".join(sorted(GATEWAY_VALUES))
        raise env.Misconfigured(f"{prefix} has an unknown placeholder {min(unknown)!r}. Known: {known}.")
    path = env.text(f"{prefix}_ID")
    return Gateway(
        url=url,
        body=body,
        authorization=_authorization(f"{prefix}_AUTH"),
        expected=_statuses(f"{prefix}_EXPECT"),
        id_path=path.split(".") if path else [],
        secret=_shared_secret(f"{prefix}_SECRET"),
    )


def _gateway_body(name: str) -> Any:
    value = env.text(name)
    try:
        return json.loads(value) if value else None
    except ValueError:
        raise env.Misconfigured(
            f'{name} must be JSON such as {{"to": "{{{{to}}}}", "text": "{{{{text}}}}"}}.'
        ) from None


def _authorization(name: str) -> str:
    """``Bearer key`` as it is, ``Basic user:password`` encoded; both as the header has it."""
    scheme, _, value = env.text(name).partition(" ")
    if not scheme:
        return ""
    if scheme.lower() == "bearer" and value and value.isascii():
        return f"Bearer {value}"
    if scheme.lower() == "basic" and ":" in value:
        return f"Basic {base64.b64encode(value.encode()).decode()}"
    raise env.Misconfigured(f"{name} must be 'Bearer key' or 'Basic user:password'.")


def _statuses(name: str) -> list[range]:
    spans = []
    for word in env.words(name, "200-299"):
        first, _, last = word.partition("-")
        if not re.fullmatch(r"[1-5]\d\d", first) or not re.fullmatch(r"[1-5]\d\d", last or first):
            raise env.Misconfigured(f"{name} must list HTTP statuses such as 200 or 200-299, not {word!r}.")
        spans.append(range(int(first), int(last or first) + 1))
    return spans


def _shared_secret(name: str) -> str:
    value = env.text(name)
    if value and (len(value) < 16 or not value.isascii()):
        raise env.Misconfigured(
            f"{name} must be at least 16 letters and digits long; leave it out to take no callbacks."
        )
    return value
