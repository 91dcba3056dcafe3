"""The services of chat and push on the loopback: one fake, answering in each one's own words.

The shapes are those of the vendors' documentation; Matrix's were recorded from Synapse (field/matrix.md).
"""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.messaging.sinks import HookSink, tcp_server

TOLD = dict[str, Any]


class FakeService(HookSink):
    """An HTTP server that answers like a provider. ``script`` maps "METHOD /path" to what is answered there.

    An answer is ``(status, body)`` or ``(status, body, headers)``, or a function of the connection for what no
    well-behaved server does. A path that is not in the script gets ``otherwise``.
    """

    def __init__(self, script: dict[str, Any]) -> None:
        super().__init__()
        self.script = script
        self.otherwise: Any = (404, {"error": "not in the script"})
        self.sent_bytes = 0
        self.answer = self._answer

    def _answer(self, connection: socket.socket) -> None:
        found = self.script.get(self.calls[-1], self.otherwise)
        if callable(found):
            found(connection)
            return
        status, body, *headers = found
        content = json.dumps(body).encode() if body is not None else b""
        lines = {"Content-Type": "application/json", "Content-Length": str(len(content)), **dict(*headers)}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        connection.sendall(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + content)

    def everywhere(self, answer: Any) -> None:
        """Answer this to whatever is asked."""
        self.script, self.otherwise = {}, answer

    @property
    def calls(self) -> list[str]:
        """Each request as "METHOD /path"."""
        return [head.split(b" HTTP/")[0].decode().partition("?")[0] for head, _ in self.requests]

    def told(self, number: int = -1) -> TOLD:
        """The JSON or form of a request."""
        body = self.requests[number][1]
        if self.headers(number).get("content-type", "").startswith("application/json"):
            return json.loads(body)
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}

    def hang(self, connection: socket.socket) -> None:
        """Take the request and say nothing until the other side gives up."""
        connection.recv(1)

    def drip(self, connection: socket.socket) -> None:
        """Begin an answer that never ends, a byte at a time."""
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        connection.settimeout(0.02)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b" ")
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(1):
                        return

    def flood(self, connection: socket.socket) -> None:
        """Answer with a gigabyte."""
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        chunk = b'"' * 65536
        with contextlib.suppress(OSError):
            for _ in range(16384):
                connection.sendall(chunk)
                self.sent_bytes += len(chunk)


@contextmanager
def fake_service(script: dict[str, Any]) -> Iterator[tuple[FakeService, str]]:
    """A running fake and its address."""
    fake = FakeService(script)
    with tcp_server(fake.talk) as port:
        yield fake, f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class Known:
    """One provider: how it is set up, an address there, and its own words for yes, not now, and never."""

    address: str
    setup: Callable[[str], dict[str, Any]]
    script: dict[str, Any]
    provider_id: str
    limited: Any
    refused: Any
    reason: str
    changed: str = ""
    bad_addresses: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)


MM_USER, MM_ME, MM_CHANNEL, MM_POST = (letter * 26 for letter in "uomp")
PUSHOVER_USER = "u" * 30

KNOWN: dict[str, Known] = {
    "slack": Known(
        address="U024BE7LH",
        setup=lambda url: {
            "SLACK_API_URL": url,
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
        },
        script={
            "POST /chat.postMessage": (200, {"ok": True, "channel": "D024BE7RE", "ts": "1503435956.000247"}),
            "POST /chat.update": (200, {"ok": True, "channel": "D024BE7RE", "ts": "1503435956.000247"}),
        },
        provider_id="D024BE7RE:1503435956.000247",
        limited=(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"}),
        refused=(200, {"ok": False, "error": "channel_not_found"}),
        reason="channel_not_found",
        changed="POST /chat.update",
        bad_addresses=("alice", "@alice", "#ops", "U1", "U024BE7LH/../x", "X024BE7LH", ""),
    ),
    "mattermost": Known(
        address=MM_USER,
        setup=lambda url: {"MATTERMOST_URL": url, "MATTERMOST_TOKEN": "token"},
        script={
            "GET /api/v4/users/me": (200, {"id": MM_ME, "username": "muster"}),
            "POST /api/v4/channels/direct": (201, {"id": MM_CHANNEL, "type": "D"}),
            "POST /api/v4/posts": (201, {"id": MM_POST, "channel_id": MM_CHANNEL}),
            f"PUT /api/v4/posts/{MM_POST}/patch": (200, {"id": MM_POST}),
        },
        provider_id=MM_POST,
        limited=(429, None, {"Retry-After": "30", "X-Ratelimit-Reset": "30"}),
        refused=(
            403,
            {
                "id": "api.context.permissions.app_error",
                "message": "You do not have the appropriate permissions.",
                "status_code": 403,
            },
        ),
        reason="appropriate permissions",
        changed=f"PUT /api/v4/posts/{MM_POST}/patch",
        bad_addresses=("alice", "@alice", "channel:", "channel:town-square", MM_USER + "/..", ""),
    ),
    "matrix": Known(
        address="!opaque-room:example.org",
        setup=lambda url: {"MATRIX_URL": url, "MATRIX_TOKEN": "token"},
        script={},  # the transaction's name is in the path
        provider_id="!opaque-room:example.org $event",
        limited=(
            429,
            {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 29_400},
        ),
        refused=(403, {"errcode": "M_FORBIDDEN", "error": "User @muster:example.org not in room"}),
        reason="M_FORBIDDEN",
        bad_addresses=("alice", "@alice", "#ops", "! room", "@alice:exa mple.org", ""),
    ),
    "teams": Known(
        address="{url}/workflows/1?sig=secret",
        setup=lambda url: {"EGRESS_ALLOW": ["127.0.0.0/8"]},
        script={"POST /workflows/1": (202, None)},
        provider_id="",
        limited=(429, {"error": {"code": "RateLimited"}}, {"Retry-After": "30"}),
        refused=(404, {"error": {"code": "WorkflowNotFound", "message": "secret inside"}}),
        reason="answered 404",
        bad_addresses=("alice@example.com", "ftp://example.com/", "http://10.0.0.1/", ""),
    ),
    "telegram": Known(
        address="123456789",
        setup=lambda url: {
            "TELEGRAM_API_URL": url,
            "TELEGRAM_BOT_TOKEN": "42:AbC_d",
            "TELEGRAM_WEBHOOK_SECRET": "a-secret-of-the-portal",
        },
        script={
            "POST /bot42:AbC_d/sendMessage": (
                200,
                {"ok": True, "result": {"message_id": 77, "chat": {"id": 123456789}}},
            ),
            "POST /bot42:AbC_d/editMessageText": (200, {"ok": True, "result": {"message_id": 77}}),
        },
        provider_id="77",
        limited=(
            429,
            {
                "ok": False,
                "error_code": 429,
                "description": "Too Many Requests: retry after 30",
                "parameters": {"retry_after": 30},
            },
        ),
        refused=(
            403,
            {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"},
        ),
        reason="blocked by the user",
        changed="POST /bot42:AbC_d/editMessageText",
        bad_addresses=("alice", "@alice", "0", "-", "1" * 30, "12e9", ""),
    ),
    "ntfy": Known(
        address="muster-alice-8fQ2xL7w",
        setup=lambda url: {"NTFY_URL": url, "NTFY_TOKEN": "tk_1"},
        script={"POST /": (200, {"id": "hwQ2YpKdmg", "event": "message", "topic": "muster-alice-8fQ2xL7w"})},
        provider_id="hwQ2YpKdmg",
        limited=(
            429,
            {"code": 42901, "http": 429, "error": "limit reached: too many requests"},
            {"Retry-After": "30"},
        ),
        refused=(403, {"code": 40301, "http": 403, "error": "forbidden"}),
        reason="forbidden",
        changed="POST /",
        bad_addresses=("https://ntfy.sh/x", "a b", "../x", "x" * 65, ""),
    ),
    "pushover": Known(
        address=PUSHOVER_USER,
        setup=lambda url: {"PUSHOVER_API_URL": url, "PUSHOVER_TOKEN": "t" * 30},
        script={
            "POST /messages.json": (200, {"status": 1, "request": "647d2300", "receipt": "r" * 30}),
            f"POST /receipts/{'r' * 30}/cancel.json": (200, {"status": 1, "request": "647d2301"}),
        },
        provider_id="r" * 30,
        limited=(503, {"status": 0, "errors": ["try again"]}, {"Retry-After": "30"}),
        refused=(400, {"user": "invalid", "errors": ["user identifier is not a valid user"], "status": 0}),
        reason="not a valid user",
        changed=f"POST /receipts/{'r' * 30}/cancel.json",
        bad_addresses=("alice", "u" * 29, "u" * 31, "u" * 29 + "/", ""),
    ),
}
