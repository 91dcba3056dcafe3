"""``make bench``: one line per figure, ``name value unit``, and the same in var/bench.json.

    python -m tests.bench                  all of them
    python -m tests.bench latency kills    those groups alone

Generator, relay and portal share the machine, so every figure is a lower bound. PostgreSQL and Redis take part
where TEST_DATABASE_URL names a server and redis-server is installed.
"""

import contextlib
import gzip
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import lateness, newsletter, on_call, under_fire
from tests.bench.figures import POSTGRES, cpu_s, each_database, figures, spent_s, tell
from tests.bench.load import alert, group_of_twenty, requests_per_second
from tests.flow.portal import (
    ROOT,
    Portal,
    Process,
    Relay,
    database_of_its_own,
    free_port,
    portal,
    redis_of_its_own,
    until,
)
from tests.flow.story import COMPANY, found_company

ALERTS = 200
DELIVERIES = 500
KILLS = 10
GROUP_KEY = "groups-" + "k" * 40
AS_JSON = {"Content-Type": "application/json"}


# -- alert answered 202 -> message accepted by SMTP --------------------------------------------------------
def latency() -> None:
    """Alerts one after the other, each timed until the relay has its page."""
    each_database(lambda name, made, relay: _embedded(name, made, relay))
    if POSTGRES.startswith("postgres") and shutil.which("redis-server"):
        _full()


def _embedded(name: str, made: Portal, relay: Relay) -> None:
    if name == "sqlite":
        made.up()
        _time_alerts("embedded", made, relay)


def _full() -> None:
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(Relay())
        database = stack.enter_context(database_of_its_own(POSTGRES))
        broker, _ = stack.enter_context(redis_of_its_own(Path(ROOT / "var")))
        settings = {"DATABASE_URL": database, "REDIS_URL": broker, "LOG_LEVEL": "ERROR"}
        made = stack.enter_context(portal(EMAIL_URL=relay.url, **settings))
        made.up()
        made.celery()
        until(lambda: b"ready" in made.processes["worker"].log.read_bytes(), 60, "Celery's worker")
        _time_alerts("full", made, relay)


def _time_alerts(way: str, made: Portal, relay: Relay) -> None:
    until(made.is_ready, 60, "a pulse")
    found_company(made)
    made.manage("apply", str(_json_source(made)))
    made.python(_SERVICES.format(count=ALERTS))
    took_ms, seen, before = [], 0, cpu_s(made)
    for n in range(ALERTS):
        summary = f"Checkout case {n:04d} is down"
        told = {"dedup_key": f"case-{n}", "summary": summary, "service": f"s{n}"}
        answer = made.alert("bench-" + "k" * 40, told, dialect="json")
        answered = time.time()
        assert answer.status_code == 202, answer.text
        accepted = until(
            lambda words=summary, since=seen: _accepted(relay, words, since), what=f"{summary!r}"
        )
        seen = len(relay.accepted)
        took_ms.append(max(0.0, accepted - answered) * 1000)
    spent_ms = spent_s(before, cpu_s(made)) / ALERTS * 1000
    took_ms.sort()
    tell(f"alert_to_mail_{way}_p50", statistics.median(took_ms), "ms")
    tell(f"alert_to_mail_{way}_p99", took_ms[int(len(took_ms) * 0.99) - 1], "ms")
    tell(f"alert_to_mail_{way}_cpu", spent_ms, "ms for each alert, web, engine and database")


#: Each alert has a service and a person of its own: what a limit holds back is no measure of haste.
_SERVICES = """
    from oncall.models import EscalationPolicy, Service, User

    for n in range({count}):
        policy = EscalationPolicy.objects.create(slug=f"s{{n}}", name=f"Policy {{n}}")
        user = User.objects.create(username=f"p{{n}}", email=f"p{{n}}@example.com")
        policy.steps.create(position=0).targets.create(user=user)
        Service.objects.create(slug=f"s{{n}}", name=f"Service {{n}}", policy=policy)
    """


def _accepted(relay: Relay, words: str, since: int) -> float:
    """When the relay accepted the mail; 0.0 if it has not yet."""
    return next((at for at, mail in relay.accepted[since:] if words in mail["Subject"]), 0.0)


def _json_source(made: Portal) -> Path:
    """A source in our own dialect, and a policy that pages one person once."""
    key = "bench-" + "k" * 40
    policies = [{**COMPANY["policies"][0], "steps": COMPANY["policies"][0]["steps"][:1]}]
    sources = [
        {"slug": "bench", "name": "Bench", "dialect": "json", "service": "checkout", "key": key},
        {
            "slug": "groups",
            "name": "Groups",
            "dialect": "alertmanager",
            "service": "checkout",
            "key": GROUP_KEY,
        },
    ]
    path = made.folder / "bench.json"
    path.write_text(json.dumps({"policies": policies, "sources": sources}))
    return path


# -- what faults cost --------------------------------------------------------------------------------------
def kills() -> None:
    """Deliveries while the engine is killed again and again."""
    each_database(_kill)


def _kill(database: str, made: Portal, relay: Relay) -> None:
    made.send_mails(DELIVERIES)
    for n in range(KILLS):
        before = len(relay.accepted)
        engine = made.engine(f"engine-{n}")
        until(lambda seen=before: len(relay.accepted) > seen + random.randint(5, 25), 30, "some mails")
        engine.kill()
        made.end_leases()
    made.engine("last")
    until(lambda: len(_ids(relay)) >= DELIVERIES, 150, "every mail, leases included")
    ids = [mail["Message-ID"] for _, mail in relay.accepted]
    tell(f"kills_lost_{database}", DELIVERIES - len(set(ids)), "of 500 deliveries, 10 kills")
    tell(f"kills_twice_{database}", len(ids) - len(set(ids)), "of 500 deliveries, 10 kills")


def _ids(relay: Relay) -> set[str]:
    return {mail["Message-ID"] for _, mail in list(relay.accepted)}


def engines() -> None:
    """Three engines share the work: nobody gets a message twice."""
    each_database(_three)


def _three(database: str, made: Portal, relay: Relay) -> None:
    made.send_mails(DELIVERIES)
    began = time.monotonic()
    for n in range(3):
        made.engine(f"engine-{n}")
    until(lambda: len(_ids(relay)) >= DELIVERIES, 90, "every mail")
    tell(f"three_engines_twice_{database}", len(relay.accepted) - len(_ids(relay)), "of 500 deliveries")
    tell(f"three_engines_{database}", DELIVERIES / (time.monotonic() - began), "mails/s, start included")


# -- throughput --------------------------------------------------------------------------------------------
def ingest() -> None:
    """Alerts stored and answered 202, by two web workers, and how fast the engine then takes them in."""
    each_database(_ingest)


def _ingest(database: str, made: Portal, relay: Relay) -> None:
    made.up("--no-engine")
    found_company(made)
    made.manage("apply", str(_json_source(made)))
    for what, path, body, size in (
        ("alerts", f"json/bench-{'k' * 40}", alert, 1),
        ("grouped_alerts", f"alertmanager/{GROUP_KEY}", group_of_twenty, 20),
    ):
        before = cpu_s(made)
        rate, statuses = requests_per_second(f"{made.url}/in/{path}", headers=AS_JSON, body=body)
        assert statuses == [202], statuses
        tell(f"{what}_accepted_{database}", rate * size, "alerts/s")
        spent_ms = spent_s(before, cpu_s(made)) / (rate * 5.0) * 1000
        tell(f"{what}_cpu_{database}", spent_ms, "ms per request, with database")
        tell(f"{what}_taken_in_{database}", _take_all_in(made) * size, "alerts/s")


def _take_all_in(made: Portal) -> float:
    """Requests per second that the line of the pulse works through, with nothing else going on."""
    said = made.python("""
        import time
        from incidents.intake import ingest
        from oncall import clock

        began, done = time.monotonic(), 0
        while worked := ingest.take_in(now=clock.now):
            done += worked
        print(done / (time.monotonic() - began))
        """)
    return float(said)


GZIP = {"Accept-Encoding": "gzip"}


def reads() -> None:
    """A page of 50 components and 90 days beside a bare WSGI application that answers the same bytes."""

    def measure(database: str, made: Portal, relay: Relay) -> None:
        made.up()
        found_company(made)
        made.python(LARGE_PAGE)
        until(lambda: "Component 49" in made.http.get("/").text, 30, "the page")
        until(lambda: "last-modified" in made.http.get("/").headers, 30, "its snapshot")
        body = made.http.get("/", headers={"Accept-Encoding": "identity"}).content
        tell("status_page_size", len(body) / 1000, "kB")
        tell("status_page_zipped_size", len(gzip.compress(body, 6)) / 1000, "kB")
        with _bare(made, gzip.compress(body, 6)) as bare:
            pairs = [(_rate(f"{made.url}/"), _rate(bare)) for _ in range(3)]
        tell(f"status_page_{database}", statistics.median(ours for ours, _ in pairs), "requests/s")
        ratios = [ours / theirs for ours, theirs in pairs]
        tell(f"status_page_of_bare_wsgi_{database}", statistics.median(ratios), "of a bare WSGI application")
        tell(f"render_{database}", float(made.python(RENDER)), "ms for the whole page set")
        shown = [_publish(made, n) for n in range(10)]
        tell(f"published_to_visible_{database}_max_of_10", max(shown) * 1000, "ms")

    each_database(measure)


LARGE_PAGE = """
    from datetime import timedelta
    from oncall import clock
    from statuspage import publishing
    from statuspage.models import Component

    at = clock.now()
    groups = [Component.objects.create(slug=f"g{n}", name=f"Group {n}", is_group=True) for n in range(5)]
    rows = [
        Component.objects.create(slug=f"c{n}", name=f"Component {n}", parent=groups[n % 5], position=n + 1)
        for n in range(50)
    ]
    for n in range(40):
        publishing.publish(
            name=f"Trouble {n}", body="We looked into it.", status="resolved", backfilled=True,
            components={rows[n]: "major_outage"}, started_at=at - timedelta(days=2 * n + 1, minutes=50),
            ended_at=at - timedelta(days=2 * n + 1), by=None, at=at,
        )
    """
RENDER = """
    import time
    from django.db import transaction
    from oncall import clock
    from statuspage import snapshots
    from statuspage.models import StatusPage, outdate

    took = []
    for _ in range(5):
        outdate(StatusPage.main().pk)
        began = time.process_time()
        snapshots.publish(StatusPage.main(), at=clock.now())
        took.append(time.process_time() - began)
    print(min(took) * 1000)
    """


def _publish(made: Portal, n: int) -> float:
    """Seconds from the return of the verb until a reader sees the post."""
    done = float(
        made.python(f"""
        import time
        from oncall import clock
        from statuspage import publishing

        publishing.publish(name="Visible {n}", body="x", by=None, at=clock.now())
        print(time.time())
        """)
    )
    until(lambda: f"Visible {n}" in made.http.get("/").text, 20, "the post")
    return max(0.0, time.time() - done)


def _rate(url: str) -> float:
    rate, statuses = requests_per_second(url, seconds=3.0, headers=GZIP)
    assert statuses == [200], statuses
    return rate


@contextlib.contextmanager
def _bare(made: Portal, body: bytes) -> Iterator[str]:
    """The address of the same server with an application that only hands over these bytes."""
    port, path = free_port(), made.folder / "bare.bin"
    path.write_bytes(body)
    place = [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "2",
        "--blocking-threads",
        "4",
        "--no-ws",
    ]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", *place, "tests.bench.bare:application"]
    server = Process(command, made.folder / "bare.log", made.env | {"BARE_BODY": str(path)})
    try:
        until(lambda: b"Started worker" in server.log.read_bytes(), what="the bare application")
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.stop()


SCHEDULES = [on_call.arithmetic, on_call.many, on_call.on_call]
GROUPS = [latency, lateness.lateness, lateness.idle, kills, engines, ingest, reads]
GROUPS += [*SCHEDULES, newsletter.newsletter, under_fire.under_fire]


def main(chosen: list[str]) -> None:
    for group in GROUPS:
        if not chosen or group.__name__ in chosen:
            group()
    path = ROOT / "var" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
