"""A load generator that costs little: raw HTTP over kept sockets, in a process of its own."""

import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

CONNECTIONS = 8
TIMEOUT_S = 30


def requests_per_second(
    url: str,
    *,
    seconds: float = 5.0,
    headers: dict[str, str] | None = None,
    body: Callable[[int, int], bytes] | None = None,
    query: Callable[[int, int], str] | None = None,
) -> tuple[float, list[int]]:
    """How many requests an address answers per second over eight connections, and the statuses it gave.

    ``body`` makes the n-th body of a connection; without it the requests are GETs. ``query`` makes its query.
    """
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_press, (url, seconds, headers or {}, body, query))


def _press(
    url: str, seconds: float, headers: dict[str, str], body: Callable | None, query: Callable | None
) -> tuple[float, list[int]]:
    answered, statuses = [0] * CONNECTIONS, set()
    method = "POST" if body else "GET"
    head = request_head(url, method, headers)
    ends_at = time.monotonic() + seconds

    def press(hand: int) -> None:
        with Link(url) as link:
            while time.monotonic() < ends_at:
                n = answered[hand]
                asked = request_head(f"{url}?{query(hand, n)}", method, headers) if query else head
                statuses.add(link.ask(asked, body(hand, n) if body else b""))
                answered[hand] += 1

    hands = [threading.Thread(target=press, args=(hand,)) for hand in range(CONNECTIONS)]
    began = time.monotonic()
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return sum(answered) / (time.monotonic() - began), sorted(statuses)


def request_head(url: str, method: str, headers: dict[str, str]) -> bytes:
    """The head of every request to an address, but for its Content-Length and the empty line."""
    place = urlsplit(url)
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {place.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode()


class Link:
    """One kept connection. Python's own client would spend more on an answer than the portal does."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, head: bytes, body: bytes) -> int:
        """Send one request and read its answer to the end; the status."""
        self._socket.sendall(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        top, _, rest = got.partition(b"\r\n\r\n")
        length = top.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        while len(rest) < int(length) if length else not rest.endswith(b"0\r\n\r\n"):  # the end of chunks
            rest += self._more()
        return int(top.split(b" ", 2)[1])

    def _more(self) -> bytes:
        part = self._socket.recv(65_536)
        if not part:
            raise ConnectionError("The server closed the connection.")
        return part

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()


def alert(hand: int, n: int) -> bytes:
    """A new alert each time, in our own dialect."""
    return json.dumps({"dedup_key": f"{hand}-{n}-{time.time_ns()}", "summary": "Checkout is down"}).encode()


def group_of_twenty(hand: int, n: int) -> bytes:
    """Twenty alerts of one group, as Alertmanager sends and repeats them; two hundred groups in all."""
    group = f"{hand}-{n % 25}"
    labels = {"alertname": "HighErrorRate", "severity": "critical", "service": "checkout", "region": "eu-1"}
    members = [
        {
            "status": "firing",
            "labels": {**labels, "instance": f"web-{member}"},
            "annotations": {"summary": f"web-{member} answers 5xx"},
            "startsAt": "2026-11-24T03:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
            "fingerprint": f"{group}-{member}",
        }
        for member in range(20)
    ]
    about = {"status": "firing", "groupKey": group, "truncatedAlerts": 0, "version": "4"}
    return json.dumps({**about, "receiver": "muster", "groupLabels": labels, "alerts": members}).encode()
