"""Twilio's HTTP API, as far as text messages and calls need it, and the signature of its callbacks.

Two calls, each a form POST with basic authentication, answered by JSON with the ``sid``. An error is JSON with a
``code`` of its own: 21211 no valid number, 21610 unsubscribed, 20429 too many requests. Twilio changes its codes
and asks that no program depends on them, so the HTTP status decides; the code is kept for people.
Source: field/integrations.md sections 4.2 and 7.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.utils.html import escape

from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums import phone
from oncall.messaging.mediums.base import Receipt
from oncall.messaging.render import clean_header, clean_text

LIMIT_S = 10.0
RINGS_S = 40  # then a mailbox would answer
SAID_LIMIT = 300


# -- sending -----------------------------------------------------------------------------------------------
def send_message(number: str, text: str, ref: str) -> Receipt:
    """Hand over a text message; how it went on is told to the callback of ``ref``."""
    given = settings.TWILIO.sender
    sender = "MessagingServiceSid" if given.startswith("MG") else "From"
    return _post("Messages", [("To", number), (sender, given), ("Body", text), *_callback("sms", ref)])


def call(number: str, words: str, ref: str, *, listens: bool) -> Receipt:
    """Start a call that says ``words``; with ``listens`` it waits for a key and tells the callback of ``ref``."""
    spoken = menu(words, ref) if listens else response(say(words), pause(), say(words))
    events = [("StatusCallbackEvent", event) for event in ("initiated", "ringing", "answered", "completed")]
    detection = [
        # Asynchronously: a person who has just been woken must not hear silence first.
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", callback_url("voice", ref)),
    ]
    told = [("To", number), ("From", settings.TWILIO.voice_from), ("Twiml", spoken), ("Timeout", RINGS_S)]
    return _post("Calls", [*told, *_callback("voice", ref), *events, *detection])


def callback_url(medium: str, ref: str, what: str = "") -> str:
    """Where Twilio says how a message or call went on; ``keys`` for what was pressed."""
    return f"{settings.PUBLIC_URL}/callbacks/twilio/{medium}/{ref}/{f'{what}/' if what else ''}"


def _callback(medium: str, ref: str) -> list[tuple[str, str]]:
    return [("StatusCallback", callback_url(medium, ref))]


def _post(resource: str, fields: Iterable[tuple[str, object]]) -> Receipt:
    account = settings.TWILIO
    login = base64.b64encode(f"{account.account_sid}:{account.auth_token}".encode()).decode()
    answer = egress.request(
        "POST",
        f"{account.api_base}/2010-04-01/Accounts/{account.account_sid}/{resource}.json",
        headers={"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(list(fields)).encode(),
        limit_s=LIMIT_S,
    )
    told = _told(answer.body)
    if 200 <= answer.status < 300:
        return Receipt(code=str(answer.status), text="Accepted by Twilio.", provider_id=_text(told, "sid"))
    raise _refusal(answer, told)


def _told(body: bytes) -> dict:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):  # an error page of something in between
        return {}
    return told if isinstance(told, dict) else {}


def _text(told: dict, name: str) -> str:
    return clean_header(str(told.get(name) or ""), limit=SAID_LIMIT)


def _refusal(answer: egress.Answer, told: dict) -> DeliveryError:
    """Too many requests and trouble on their side pass; whatever else they refuse, they will refuse again."""
    code = _text(told, "code") or str(answer.status)
    passes = answer.status in (408, 429) or answer.status >= 500
    reason = _text(told, "message") or "no reason was given"
    return DeliveryError(
        f"Twilio refused ({code}): {reason}",
        permanent=not passes,
        code=code,
        retry_after_s=egress.retry_after_s(answer),
    )


# -- what is said in a call --------------------------------------------------------------------------------
def response(*parts: str) -> str:
    """A TwiML document; every part is a complete element."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(parts)}</Response>'


def say(words: str) -> str:
    return f'<Say language="en-GB">{escape(clean_text(words))}</Say>'


def pause() -> str:
    return '<Pause length="1"/>'


def message(text: str) -> str:
    """An answer to a text message."""
    return f"<Message>{escape(clean_text(text))}</Message>"


def menu(words: str, ref: str) -> str:
    """Say it, then the keys, twice, and wait for one key; silence ends the call and answers nothing."""
    once = f"{say(words)}{say(phone.KEYS_SPOKEN)}"
    action = escape(callback_url("voice", ref, "keys"))
    gather = f'<Gather input="dtmf" numDigits="1" timeout="8" action="{action}" method="POST">'
    return response(f"{gather}{once}{pause()}{once}</Gather>", say("No key was pressed. Goodbye."))


# -- what comes back ---------------------------------------------------------------------------------------
def signature(token: str, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """``X-Twilio-Signature``: HMAC-SHA1 over the address and every field's name and value, sorted by name.

    A field that comes twice with the same value is signed once. Source: field/integrations.md section 7.
    """
    signed = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def is_signed(given: str, path: str, fields: Iterable[tuple[str, str]]) -> bool:
    """Whether a request to ``path`` (with its query) was signed by Twilio for our PUBLIC_URL.

    Not for the address that the request seems to have: behind a proxy that is another one. Twilio signs with or
    without the port that goes without saying.
    """
    fields, token = list(fields), settings.TWILIO.auth_token
    return any(
        hmac.compare_digest(signature(token, f"{base}{path}", fields).encode(), given.encode())
        for base in _bases(settings.PUBLIC_URL)
    )


def _bases(public_url: str) -> list[str]:
    parts = urlsplit(public_url)
    port = {"https": 443, "http": 80}[parts.scheme]
    if parts.port not in (None, port):
        return [public_url]
    bare = parts.netloc.removesuffix(f":{port}")
    return [f"{parts.scheme}://{host}{parts.path}" for host in (bare, f"{bare}:{port}")]
