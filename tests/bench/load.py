"""A load generator that costs little: raw HTTP over kept connections, in a process of its own."""

import http.client
import json
import multiprocessing
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

CONNECTIONS = 8


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
    place, answered, statuses = urlsplit(url), [0] * CONNECTIONS, set()
    path = place.path + (f"?{place.query}" if place.query else "")
    ends_at = time.monotonic() + seconds

    def press(hand: int) -> None:
        link = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
        while time.monotonic() < ends_at:
            sent = body(hand, answered[hand]) if body else None
            asked = f"{path}?{query(hand, answered[hand])}" if query else path
            link.request("POST" if body else "GET", asked, sent, headers)
            answer = link.getresponse()
            answer.read()
            statuses.add(answer.status)
            answered[hand] += 1

    hands = [threading.Thread(target=press, args=(hand,)) for hand in range(CONNECTIONS)]
    began = time.monotonic()
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return sum(answered) / (time.monotonic() - began), sorted(statuses)


def alert(hand: int, n: int) -> bytes:
    """A new alert each time, in our own dialect."""
    return json.dumps({"dedup_key": f"{hand}-{n}-{time.time_ns()}", "summary": "Checkout is down"}).encode()
