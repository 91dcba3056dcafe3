"""The status page while thousands of alerts come in, and while its database is away."""

import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from tests.bench.figures import POSTGRES, tell
from tests.bench.load import Link, request_head
from tests.faults.cases.acting import json_source
from tests.faults.stage import PG_BIN, Postgres, meanwhile, stage
from tests.flow.portal import until
from tests.flow.story import found_company

READS_PER_S = 200
ALERTS = 10_000
OVER_S = 60
HANDS = 8


def under_fire() -> None:
    """Two hundred readers a second: their p99 during a storm of alerts, and their answers without PostgreSQL."""
    if not POSTGRES.startswith("postgres") or PG_BIN is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder))
        server.start()
        with stage(server.database()) as on:
            on.portal.up()
            found_company(on.portal)
            source = json_source(on)
            until(on.portal.is_ready, 60, "a pulse")
            until(lambda: on.portal.http.get("/").status_code == 200, 30, "the page")
            storm = meanwhile(lambda: _press(on.portal.url, source))
            took, statuses = _read(on.portal.url)
            storm.join(OVER_S * 3)
            tell("status_page_p99_in_a_storm", took[int(len(took) * 0.99)] * 1000, "ms at 200 requests/s")
            tell("status_page_refused_in_a_storm", _refused(statuses), f"of {len(took)} requests")
            server.stop()
            took, statuses = _read(on.portal.url)
            tell("status_page_p99_without_database", took[int(len(took) * 0.99)] * 1000, "ms at 200 requests/s")
            tell("status_page_refused_without_database", _refused(statuses), f"of {len(took)} requests in 60 s")


def _read(url: str) -> tuple[list[float], Counter[int]]:
    """Ask for the page for a minute: the seconds that each answer took, in order, and the codes."""
    took, statuses, lock, began = [], Counter(), threading.Lock(), time.monotonic()

    def ask(hand: int) -> None:
        head = request_head(f"{url}/", "GET", {"Accept-Encoding": "gzip"})
        with Link(url) as link:
            for n in range(hand, READS_PER_S * OVER_S, HANDS):
                time.sleep(max(0.0, began + n / READS_PER_S - time.monotonic()))
                asked = time.monotonic()
                status = link.ask(head, b"")
                with lock:
                    took.append(time.monotonic() - asked)
                    statuses[status] += 1

    hands = [meanwhile(lambda hand=hand: ask(hand)) for hand in range(HANDS)]
    for hand in hands:
        hand.join(OVER_S * 3)
    return sorted(took), statuses


def _press(url: str, source: str) -> None:
    head, began = request_head(url + source, "POST", {"Content-Type": "application/json"}), time.monotonic()
    with Link(url) as link:
        for n in range(ALERTS):
            time.sleep(max(0.0, began + n * OVER_S / ALERTS - time.monotonic()))
            link.ask(head, b'{"dedup_key": "%d", "summary": "Checkout fault %d"}' % (n, n))


def _refused(statuses: Counter[int]) -> int:
    return sum(count for status, count in statuses.items() if not 200 <= status < 300)
