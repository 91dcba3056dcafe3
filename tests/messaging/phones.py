"""What Twilio and a gateway look like from here: answers of their shapes, and callbacks that they sign."""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qsl

from config.phones import Gateway, Twilio
from oncall.messaging.models import Callback
from tests.messaging.sinks import HookSink

ACCOUNT, TOKEN = "AC" + "a" * 32, "the token of the account"
OURS, ALICE, BOB = "+4930123456", "+491701234567", "+491709999999"
SECRET = "shared-by-both-of-us"


def account(port: int, **fields) -> Twilio:
    fields = {"sender": OURS, "voice_from": OURS, **fields}
    return Twilio(ACCOUNT, TOKEN, api_base=f"http://127.0.0.1:{port}", **fields)


def gateway(port: int, **fields) -> Gateway:
    fields = {"url": f"http://127.0.0.1:{port}/send", "body": None, "authorization": "Bearer key", **fields}
    return Gateway(
        **{"expected": [range(200, 300)], "id_path": ["message", "id"], "secret": SECRET, **fields}
    )


def answer(status: str, body: dict | str = "", **headers: str) -> bytes:
    """An HTTP answer, JSON where ``body`` is a dict."""
    text = json.dumps(body) if isinstance(body, dict) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(text.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", text]).encode()


def accepted(sid: str = "SM1", status: str = "queued") -> bytes:
    """How Twilio says that it has taken a message or a call."""
    return answer("201 Created", {"sid": sid, "status": status, "error_code": None, "error_message": None})


def error(status: str, code: int, message: str, **headers: str) -> bytes:
    """How Twilio refuses."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    told = {"code": code, "message": message, "more_info": more, "status": int(status[:3])}
    return answer(status, told, **headers)


def form(sink: HookSink, number: int = -1) -> dict[str, list[str]]:
    """The fields of a request that was posted as a form."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(sink.requests[number][1].decode(), keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def path(sink: HookSink, number: int = -1) -> str:
    return sink.requests[number][0].split(b" ")[1].decode()


def sign(url: str, fields: dict[str, str], token: str = TOKEN) -> str:
    """The signature as Twilio's documentation describes it, written down here a second time."""
    text = url
    for name in sorted(fields):
        text += name + fields[name]
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Caller:
    """Calls us back as Twilio does."""

    def __init__(self, web, base: str = "http://testserver") -> None:
        self.web, self.base = web, base

    def post(self, path: str, *, signature: str | None = None, **fields: str):
        fields = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", **fields}
        given = sign(self.base + path, fields) if signature is None else signature
        headers = {"X-Twilio-Signature": given} if given else {}
        return self.web.post(path, fields, headers=headers)

    def message(self, ref: str, status: str, *, sid: str = "SM1", **fields: str):
        fields = {"MessageSid": sid, "MessageStatus": status, "To": ALICE, "From": OURS, **fields}
        return self.post(f"/callbacks/twilio/sms/{ref}/", **fields)

    def call(self, ref: str, status: str, *, sid: str = "CA1", **fields: str):
        fields = {"CallSid": sid, "CallStatus": status, "To": ALICE, "From": OURS, **fields}
        return self.post(f"/callbacks/twilio/voice/{ref}/", **fields)

    def key(self, ref: str, digit: str, *, sid: str = "CA1", to: str = ALICE):
        fields = {"CallSid": sid, "CallStatus": "in-progress", "To": to, "From": OURS, "Digits": digit}
        return self.post(f"/callbacks/twilio/voice/{ref}/keys/", **fields)

    def reply(self, body: str, *, sender: str = ALICE, sid: str = "SM9"):
        return self.post("/callbacks/twilio/sms/", MessageSid=sid, From=sender, To=OURS, Body=body)


def outcomes() -> list[str]:
    """How every callback was taken, oldest first."""
    return list(Callback.objects.order_by("pk").values_list("outcome", flat=True))
