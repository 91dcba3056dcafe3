"""The only HTTP client: requests to addresses that people typed in, which must not reach our own network.

The services that the operator has set may be inside it (``trusted``).

The name is resolved once, every address behind it is judged, and the connection goes to an address so vetted
(TLS and the Host header keep the name), so a name that changes its mind between look-up and connection gains
nothing. No redirect is followed, no proxy taken from the environment, nothing decompressed, at most 64 KB read
unless the caller asks for more, and each request ends by the wall clock. Source: field/reliability.md section 4.5.
"""

import contextlib
import functools
import re
import socket
import ssl
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

from oncall.messaging.deadline import deadline
from oncall.messaging.errors import DeliveryError, Unsure
from oncall.messaging.networks import as_address, is_public, is_within

REQUEST_LIMIT_S = 20.0
CONNECT_LIMIT_S = 5.0
RESOLVE_LIMIT_S = 5.0
ANSWER_LIMIT = 64 * 1024
PORTS = {80, 443, 8443}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ADDRESSES_TRIED = 3

_NUMERIC = re.compile(
    r"(0x[0-9a-f]*|[0-9]+)"
)  # as a last label: browsers and libc read such a host as an address
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@dataclass(frozen=True)
class Target:
    """A URL taken apart and found well-formed; where its name leads is not known yet."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


@dataclass(frozen=True)
class Answer:
    """What came back; ``body`` as it was sent, cut at what the caller would read (64 KB)."""

    status: int
    headers: dict[str, str]
    body: bytes


def retry_after_s(answer: Answer) -> int | None:
    """For how many seconds the other side asks us to stay away; None where it does not say so in seconds."""
    value = answer.headers.get("retry-after", "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 7 else None


def request(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    limit_s: float | None = None,
    answer_limit: int = ANSWER_LIMIT,
    trusted: bool = False,
) -> Answer:
    """Make one request, ended after ``limit_s`` seconds (20 unless told) whatever the receiver does.

    Of the answer's body at most ``answer_limit`` bytes are read. ``trusted``: the operator has set this
    address, so it may lead anywhere.

    Any answer is an ``Answer``, redirects and errors too. Raises ``DeliveryError``: permanent with the code
    ``blocked`` for an address we do not go to, ``Unsure`` where the request may have been taken.
    """
    target = parse(url, trusted=trusted)
    backend = _Pinned(_resolve(target.host, target.port) if trusted else vetted(target))
    limit_s = limit_s or REQUEST_LIMIT_S
    sent = {"User-Agent": "Muster", "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
    with deadline(limit_s, backend.cut) as passed, contextlib.closing(backend):
        try:
            return _exchange(backend, method, target, sent, body, limit_s, answer_limit)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise _failure(error, target, backend, f"{limit_s:g} s" if passed.is_set() else "") from error


def _exchange(
    backend: "_Pinned",
    method: str,
    target: Target,
    headers: dict[str, str],
    body: bytes,
    limit_s: float,
    answer_limit: int,
) -> Answer:
    timeout = {"connect": CONNECT_LIMIT_S, "read": limit_s, "write": limit_s, "pool": limit_s}
    with (
        httpcore.ConnectionPool(ssl_context=_trust(), network_backend=backend, max_connections=1) as pool,
        pool.stream(
            method, target.url, headers=headers, content=body, extensions={"timeout": timeout}
        ) as response,
    ):
        received = bytearray()
        for chunk in response.iter_stream():
            received += chunk
            if len(received) >= answer_limit:
                break
        names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status, names, bytes(received[:answer_limit]))


@functools.lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """The public authorities and those of this machine, where an organisation's own is installed."""
    context = httpcore.default_ssl_context()
    context.load_default_certs()
    return context


def _failure(error: Exception, target: Target, backend: "_Pinned", limit: str) -> DeliveryError:
    if not backend.is_connected:
        return DeliveryError(f"No connection to {target.host}: {_said(error)}", code="connect")
    if limit:
        return Unsure(f"No complete answer from {target.host} within {limit}.", code="timeout")
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):  # in the TLS handshake
        return DeliveryError(f"No secure connection to {target.host}: {_said(error)}", code="tls")
    return Unsure(f"{target.host} broke the connection: {_said(error)}", code="broken")


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def parse(url: str, *, trusted: bool = False) -> Target:
    """Take an address apart without looking its name up; a permanent ``DeliveryError`` says what is wrong."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host if ":" in host else host.encode("idna").decode("ascii").lower()
    except ValueError:  # UnicodeError among them
        raise _bad("This is not an address such as https://hooks.example.com/muster.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise _bad("Enter an address that starts with https:// or http://.")
    if "@" in parts.netloc:
        raise _bad("An address must not hold a user name or password.")
    if not f"{parts.path}?{parts.query}".isascii() or _UNFIT.search(url):
        raise _bad("An address must not hold blanks, backslashes or letters that need encoding.")
    if not trusted:
        _check_host(host)
    path = f"/{parts.path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], path)


def _check_host(host: str) -> None:
    address = as_address(host)
    if address is not None:
        if not is_within(address, settings.EGRESS_ALLOW):
            raise _bad("Enter a host name instead of a bare IP address, or list the address in EGRESS_ALLOW.")
    elif not _NAME.fullmatch(host) or _NUMERIC.fullmatch(host.rpartition(".")[2]):
        raise _bad(f"{host!r} is not a host name.")


def _bad(text: str) -> DeliveryError:
    return DeliveryError(text, permanent=True, code="blocked")


def vetted(target: Target) -> list[str]:
    """The addresses behind the target's name, each found to be one we may go to."""
    addresses = _resolve(target.host, target.port)
    if _names_host(target.host):
        return addresses
    unlisted = [a for a in map(ip_address, addresses) if not is_within(a, settings.EGRESS_ALLOW)]
    if not all(is_public(address) for address in unlisted):
        raise _bad(
            f"{target.host} leads to a private address, which is blocked. "
            "An administrator can permit it in the setting EGRESS_ALLOW."
        )
    if unlisted and target.port not in PORTS:
        raise _bad(
            f"Port {target.port} is blocked: use 80, 443 or 8443. "
            "An administrator can permit this host in the setting EGRESS_ALLOW."
        )
    return addresses


def _names_host(host: str) -> bool:
    return host in {entry.lower().rstrip(".") for entry in settings.EGRESS_ALLOW}


def _resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, asked for once. In a thread, since the resolver knows no timeout."""
    found: list[str] = []
    errors: list[Exception] = []

    def ask() -> None:
        try:
            found.extend(
                dict.fromkeys(
                    str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                )
            )
        except (OSError, UnicodeError) as error:
            errors.append(error)

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(RESOLVE_LIMIT_S)
    if not found or thread.is_alive():
        reason = _said(errors[0]) if errors else f"no answer within {RESOLVE_LIMIT_S:g} s"
        raise DeliveryError(f"The name {host} cannot be looked up: {reason}.", code="dns")
    return found


class _Pinned(httpcore.NetworkBackend):
    """Connects to the vetted addresses and nowhere else, whatever name it is asked for."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses[:_ADDRESSES_TRIED]
        self._handle: socket.socket | None = None

    @property
    def is_connected(self) -> bool:
        return self._handle is not None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        for number, address in enumerate(self._addresses, start=1):
            try:
                stream = httpcore.SyncBackend().connect_tcp(address, port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(self._addresses):
                    raise
            else:
                # A second handle, since TLS takes the first one over and it could not be shut from outside.
                self._handle = stream.get_extra_info("socket").dup()
                return stream
        raise httpcore.ConnectError("no address")

    def cut(self) -> None:
        """End the connection from another thread."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()
