"""Receivers on the loopback that take messages and fail on demand."""

import asyncio
import contextlib
import email
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class MailSink:
    """An SMTP server. ``refuse`` maps a recipient to the reply it gets; ``on_data`` decides after DATA."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.connections = 0
        self.refuse: dict[str, str] = {}
        self.pipelining = False
        self.most: int | None = None  # messages over one connection
        self.released = threading.Event()
        self.on_data: Callable[[SMTP, EmailMessage], str | None] = lambda server, mail: None

    async def handle_EHLO(self, server, session: Session, envelope, hostname, responses) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        session.begun = 0
        return ["250-PIPELINING", *responses] if self.pipelining else responses

    async def handle_MAIL(self, server, session: Session, envelope: Envelope, address: str, options) -> str:
        session.begun += 1
        if self.most is not None and session.begun > self.most:
            return "421 enough for one connection"
        envelope.mail_from = address
        return self.refuse.get(address, "250 OK")

    async def handle_RCPT(self, server, session, envelope: Envelope, address: str, options) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session, envelope: Envelope) -> str:
        mail = email.message_from_bytes(envelope.content, policy=policy.default)
        answer = self.on_data(server, mail)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if not answer or answer.startswith("2"):
            self.mails.append(mail)
        return answer or "250 taken"

    def accept_then_drop(self, server: SMTP, mail: EmailMessage) -> None:
        """Take the message and break the line before saying so, once."""
        self.on_data = lambda server, mail: None
        server.transport.abort()

    async def hang(self, server: SMTP, mail: EmailMessage) -> str:
        """Take the message and answer only when released, once."""
        self.on_data = lambda server, mail: None
        while not self.released.is_set():
            await asyncio.sleep(0.02)
        return "250 at last"


@contextmanager
def mail_sink() -> Iterator[tuple[MailSink, int]]:
    """A running sink and its port."""
    sink = MailSink()
    controller = Controller(sink, hostname="127.0.0.1", port=_free_port())
    controller.start()
    try:
        yield sink, controller.port
    finally:
        sink.released.set()
        controller.stop(no_assert=True)


@contextmanager
def mute_server() -> Iterator[int]:
    """The port of a server that accepts connections and never says a word."""
    with tcp_server(lambda connection: connection.recv(1)) as port:
        yield port


@contextmanager
def tcp_server(talk: Callable[[socket.socket], object]) -> Iterator[int]:
    """The port of a server that runs ``talk`` on each connection in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            talk(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class HookSink:
    """An HTTP server. ``answer`` is sent, as it is, to each request once its body is there."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes]] = []
        self.answer: bytes | Callable[[socket.socket], object] = b"HTTP/1.1 204 No Content\r\n\r\n"

    def talk(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536) or _hung_up()
        head, _, body = received.partition(b"\r\n\r\n")
        length = next((int(v) for k, v in _fields(head) if k == "content-length"), 0)
        while len(body) < length:
            body += connection.recv(65536) or _hung_up()
        self.requests.append((head, body))
        if callable(self.answer):
            self.answer(connection)
        else:
            connection.sendall(self.answer)

    def headers(self, number: int = -1) -> dict[str, str]:
        return dict(_fields(self.requests[number][0]))


def _hung_up() -> bytes:
    raise OSError("the client hung up")


def _fields(head: bytes) -> list[tuple[str, str]]:
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    return [(name.lower(), value) for name, _, value in lines]


@contextmanager
def hook_sink() -> Iterator[tuple[HookSink, int]]:
    """A running HTTP sink and its port."""
    sink = HookSink()
    with tcp_server(sink.talk) as port:
        yield sink, port
