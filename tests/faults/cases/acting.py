"""What cases of several subjects do to a portal, and ask of it."""

import contextlib
import json
import os
import signal
import tempfile
import time
from pathlib import Path

import httpx

from tests.faults.stage import Stage, database_of_kind, stage
from tests.flow.portal import redis_of_its_own

HANDS = 4  # messages that one sender has in flight at most


@contextlib.contextmanager
def with_redis(kind: str):
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_of_its_own(Path(folder)) as (broker, server),
        database_of_kind(kind) as url,
        stage(url, REDIS_URL=broker) as on,
    ):
        try:
            yield on, broker, server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server.pid, signal.SIGCONT)


def json_source(on: Stage, slug: str = "noisy", service: str = "checkout") -> str:
    key = f"{slug}-" + "k" * 40
    path = on.portal.folder / f"{slug}.json"
    source = {"slug": slug, "name": slug, "dialect": "json", "service": service, "key": key}
    path.write_text(json.dumps({"sources": [source]}))
    on.portal.manage("apply", str(path))
    return f"/in/json/{key}"


def post_alert(on: Stage, path: str, n: int) -> int:
    try:
        body = {"dedup_key": str(n), "summary": f"Fault {n}"}
        return httpx.post(on.portal.url + path, json=body, timeout=15).status_code
    except httpx.HTTPError:
        return 0


def insist(http: httpx.Client, path: str, n: int) -> int:
    """Send until it is answered 202, as a monitoring tool does; the event's number."""
    while True:
        try:
            answer = http.post(path, json={"dedup_key": str(n), "summary": f"Fault {n}"})
        except httpx.HTTPError:
            time.sleep(0.1)
            continue
        if answer.status_code == 202:
            return answer.json()["event"]


def numbers(on: Stage, expression: str) -> list[int]:
    said = on.portal.python(f"""
        from incidents.models import Alert, Incident, StoredEvent
        from oncall.messaging.models import Delivery
        from oncall.models import Page

        print(*{expression})
        """)
    return [int(word) for word in said.split()]


def take_all_in(on: Stage) -> None:
    on.portal.python("""
        from incidents.intake import ingest
        from oncall import clock

        while ingest.take_in(now=clock.now):
            pass
        """)
