"""The faults of field/reliability.md section 3, each driven from outside. ``CASES`` says on which databases."""

import contextlib
import json
import os
import random
import signal
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import redis as redis_client

from tests.bench.load import Link, request_head
from tests.faults.newsletter import kill_the_fan_out
from tests.faults.stage import Outcome, Postgres, Stage, database_of_kind, meanwhile, stage
from tests.flow.portal import body, free_port, redis_of_its_own, until
from tests.flow.story import found_company
from tests.flow.test_processes import children

BOTH, POSTGRES, SQLITE = ("sqlite", "postgresql"), ("postgresql",), ("sqlite",)
HANDS = 4  # messages that one sender has in flight at most
CLOCK = Path(__file__).parent / "shifted"


# -- kills and stops ---------------------------------------------------------------------------------------
def kill_the_engine(kind: str, *, count: int = 150, kills: int = 10) -> Outcome:
    """3.1: SIGKILL to the engine in mid-conversation, again and again; the lease's minute is made to pass."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.pages(count, over_s=8)
        for n in range(kills):
            engine, seen = on.portal.engine(f"engine-{n}"), len(on.sink.accepted)
            with contextlib.suppress(AssertionError):
                until(lambda seen=seen: len(on.sink.accepted) > seen + random.randint(3, 12), 20)
            engine.kill()
            on.portal.end_leases()
        on.portal.engine("last")
        return on.outcome("3.1 engine killed", within_s=90, allowed_twice=kills * HANDS)


def kill_the_web(kind: str, *, count: int = 400, kills: int = 10) -> Outcome:
    """3.2: SIGKILL to web workers in mid-request; the client repeats what was not answered."""
    with database_of_kind(kind) as url, stage(url) as on:
        up = on.portal.up("--no-engine")
        found_company(on.portal)
        path, taken = _json_source(on), []

        def send(part: int) -> None:
            with httpx.Client(base_url=on.portal.url, timeout=10) as http:
                for n in range(part, count, 4):
                    taken.append((n, _insist(http, path, n)))

        senders = [meanwhile(lambda part=part: send(part)) for part in range(4)]
        for _ in range(kills):
            time.sleep(0.3)
            _kill_a_worker(up.pid)
        for sender in senders:
            sender.join(90)
        stored = _numbers(on, "StoredEvent.objects.values_list('pk', flat=True)")
        _take_all_in(on)
        alerts = _numbers(on, "Alert.objects.values_list('dedup_key', flat=True)")
        done = Outcome("3.2 web killed", kind, expected=count, lost=len(set(range(count)) - set(alerts)))
        done.faults += [] if {event for _, event in taken} <= set(stored) else ["answered 202 and not stored"]
        done.faults += [] if len(alerts) == len(set(alerts)) else ["one key made two alerts"]
        done.notes["repeated"] = len(stored) - count
        return done


def stop_and_start(kind: str, *, count: int = 120, rounds: int = 3) -> Outcome:
    """3.3: SIGTERM to everything under load, and started again."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.pages(count, over_s=15)
        slowest, codes = 0.0, []
        for _ in range(rounds):
            up = on.portal.up()
            time.sleep(3)
            began = time.monotonic()
            codes.append(up.stop(within_s=30))
            slowest = max(slowest, time.monotonic() - began)
        on.portal.up()
        done = on.outcome("3.3 stopped and started", within_s=60)
        done.notes["slowest_stop_s"] = round(slowest, 1)
        done.faults += [f"a stop ended with {code}" for code in codes if code]
        return done


def freeze_the_engine(kind: str, *, count: int = 40) -> Outcome:
    """3.20: SIGSTOP in mid-conversation, its leases pass to another, SIGCONT: the stale owner changes nothing.

    On PostgreSQL alone: a process that is frozen inside a write holds the whole of an SQLite file.
    """
    with database_of_kind(kind) as url, stage(url) as on:
        on.pages(count, over_s=2)
        frozen = on.portal.engine("frozen")
        on.sink.hold.set()
        until(lambda: on.sink.seen, 30, "a conversation")
        os.kill(frozen.pid, signal.SIGSTOP)
        on.sink.hold.clear()
        on.portal.end_leases()
        on.portal.engine("other")
        with contextlib.suppress(AssertionError):
            until(on.all_arrived, 40)
        ended = _numbers(on, "Delivery.objects.filter(state='sent').values_list('pk', flat=True)")
        state = f"Delivery.objects.filter(pk__in={ended}).order_by('pk').values_list('generation', flat=True)"
        before = _numbers(on, state)
        os.kill(frozen.pid, signal.SIGCONT)
        time.sleep(3)
        after = _numbers(on, state)
        done = on.outcome("3.20 engine frozen", within_s=10, allowed_twice=HANDS)
        done.faults += (
            [] if before == after else ["the stale owner changed a delivery that another had ended"]
        )
        return done


def many_at_once(kind: str, *, count: int = 200) -> Outcome:
    """3.15: two beats, two workers and three engines share the work."""
    with _with_redis(kind) as (on, broker, server):
        on.pages(count, over_s=8, begin_in_s=25)
        for n in range(2):
            on.portal.start(
                f"beat-{n}", "-m", "celery", "-A", "config", "beat", "-s", f"{on.portal.folder}/b{n}"
            )
            words = ("-m", "celery", "-A", "config", "worker", "--concurrency", "2", "-n", f"w{n}@%h")
            on.portal.start(f"worker-{n}", *words)
        for n in range(3):
            on.portal.engine(f"engine-{n}")
        return on.outcome("3.15 two beats, two workers, three engines", within_s=120)


# -- the database ------------------------------------------------------------------------------------------
def stop_the_database(kind: str, *, count: int = 100) -> Outcome:
    """3.4: PostgreSQL stopped as by a power cut for ten seconds, then all connections cut again and again."""
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder))
        server.start()
        try:
            url = server.database()
            with stage(url) as on:
                on.portal.up()
                found_company(on.portal)
                path = _json_source(on)
                on.pages(count, over_s=25)
                time.sleep(3)
                server.stop()
                answers = [_post(on, path, n) for n in range(5)]
                time.sleep(8)
                server.start()
                back = time.monotonic()
                until(lambda: _post(on, path, 99) == 202, 30, "the first alert after it is back")
                back_s = time.monotonic() - back
                for _ in range(5):
                    _cut_connections(url)
                    time.sleep(1)
                on.portal.end_leases()
                done = on.outcome("3.4 database stopped", within_s=90, allowed_twice=HANDS)
                done.notes["back_after_s"] = round(back_s, 1)
                done.faults += ["202 while the database was down"] if 202 in answers else []
                return done
        finally:
            server.stop("fast")


def slow_database(kind: str, *, count: int = 12) -> Outcome:
    """3.17: every answer of the database takes a fifth of a second more; three engines."""
    with database_of_kind(kind) as url, stage(url) as fast:
        fast.pages(count, over_s=4, begin_in_s=15)
        with _slow_way_to(url, 0.2) as slow_url:
            fast.portal.env["DATABASE_URL"] = slow_url
            for n in range(3):
                fast.portal.engine(f"engine-{n}")
            with contextlib.suppress(AssertionError):
                until(fast.all_arrived, 150)
            for process in fast.portal.processes.values():
                process.stop()
        fast.portal.env["DATABASE_URL"] = url
        return fast.outcome("3.17 slow database", within_s=5)


def long_locks(kind: str, *, count: int = 40) -> Outcome:
    """3.18: somebody holds one page's row for ten seconds, then the whole table for three."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.pages(count, over_s=20, begin_in_s=6)
        on.portal.engine()
        with psycopg.connect(url) as holder:
            held = holder.execute("SELECT id FROM oncall_page ORDER BY id LIMIT 1 FOR UPDATE").fetchone()[0]
            time.sleep(14)
            early = {mail["To"] for _, mail in list(on.sink.accepted)}
            holder.rollback()
            holder.execute("LOCK TABLE oncall_page IN ACCESS EXCLUSIVE MODE")
            time.sleep(3)
        done = on.outcome("3.18 long locks", within_s=40)
        done.faults += [] if early else [f"page {held} held up all others"]
        return done


def idle_engine(kind: str) -> Outcome:
    """3.24: an engine that turns and works nothing: /readyz says so, the outside watchdog hears no more."""
    with _watchdog() as (port, heard), database_of_kind(kind) as url:
        settings = {"WATCHDOG_URL": f"http://127.0.0.1:{port}/ping", "EGRESS_ALLOW": "127.0.0.0/8"}
        with stage(url, **settings) as on:
            on.portal.up()
            until(lambda: heard and on.portal.is_ready(), 60, "readiness and a first ping")
            with psycopg.connect(url, autocommit=True) as operator:
                operator.execute("ALTER TABLE oncall_page RENAME COLUMN next_step_at TO hidden")
                broke = time.monotonic()
                until(lambda: not on.portal.is_ready(), 90, "/readyz to say so")
                unready_s = time.monotonic() - broke
                time.sleep(max(0.0, 35 - unready_s))
                before = len(heard)
                time.sleep(35)
                after = len(heard)
                operator.execute("ALTER TABLE oncall_page RENAME COLUMN hidden TO next_step_at")
            until(lambda: len(heard) > after and on.portal.is_ready(), 120, "both again, without a hand")
            done = Outcome("3.24 engine idle", kind, expected=0)
            done.notes["unready_after_s"] = round(unready_s, 1)
            done.faults += [] if unready_s <= 60 else ["/readyz took more than a minute"]
            done.faults += [] if before == after else ["the watchdog was pinged all the same"]
            return done


# -- Redis -------------------------------------------------------------------------------------------------
def _redis_case(case: str, fault: Callable, *, count: int = 100) -> Outcome:
    """Pages fall due for 25 seconds while something is done to Redis; alerts are posted all the time."""
    with _with_redis("postgresql") as (on, broker, server):
        on.portal.up()
        on.portal.celery()
        found_company(on.portal)
        path, took, stop = _json_source(on), [], threading.Event()
        until(lambda: b"ready" in on.portal.processes["worker"].log.read_bytes(), 90, "Celery's worker")

        def post() -> None:
            n = 0
            while not stop.is_set():
                began, n = time.monotonic(), n + 1
                took.append((_post(on, path, 1), time.monotonic() - began))
                time.sleep(0.1)

        poster = meanwhile(post)
        on.pages(count, over_s=25)
        fault(on, broker, server)
        done = on.outcome(case, within_s=60)
        stop.set()
        poster.join(10)
        slow = sorted(seconds for _, seconds in took)
        done.notes["post_p99_s"] = round(slow[int(len(slow) * 0.99) - 1], 3)
        done.notes["not_202"] = sum(status != 202 for status, _ in took)
        done.faults += ["an alert was refused"] if done.notes["not_202"] else []
        return done


def flush_redis(kind: str) -> Outcome:
    """3.5: FLUSHALL every two seconds."""

    def fault(on: Stage, broker: str, server) -> None:
        for _ in range(10):
            redis_client.Redis.from_url(broker).flushall()
            time.sleep(2)

    return _redis_case("3.5 Redis flushed", fault)


def stop_redis(kind: str) -> Outcome:
    """3.6: Redis ends and stays away."""

    def fault(on: Stage, broker: str, server) -> None:
        time.sleep(4)
        server.stop()

    return _redis_case("3.6 Redis stopped", fault)


def freeze_redis(kind: str) -> Outcome:
    """3.7: Redis neither answers nor refuses."""

    def fault(on: Stage, broker: str, server) -> None:
        time.sleep(4)
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(18)
        os.kill(server.pid, signal.SIGCONT)

    return _redis_case("3.7 Redis frozen", fault)


def fill_redis(kind: str) -> Outcome:
    """3.8: Redis takes no more writes."""

    def fault(on: Stage, broker: str, server) -> None:
        time.sleep(4)
        redis_client.Redis.from_url(broker).config_set("maxmemory", "1")

    return _redis_case("3.8 Redis full", fault)


# -- mail --------------------------------------------------------------------------------------------------
def mail_server_down(kind: str, *, count: int = 80, down_s: float = 20) -> Outcome:
    """3.9: the mail server is away while pages fall due; escalation goes on by time."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.portal.engine()
        on.pages(count, over_s=10)
        on.sink.down()
        time.sleep(down_s)
        stepped = _numbers(on, "Page.objects.filter(step__gt=0).values_list('pk', flat=True)")
        on.sink.up()
        done = on.outcome("3.9 mail server down", within_s=90)
        done.notes["stepped_meanwhile"] = len(stepped)
        done.faults += [] if len(stepped) == count else ["escalation waited for the mail server"]
        return done


def mail_server_moods(kind: str, *, count: int = 100) -> Outcome:
    """3.10: some are put off once, one in ten does not exist, one hangs, one is taken and the line dropped."""
    with database_of_kind(kind) as url, stage(url) as on:
        moods = {f"p{n}@example.com": n % 10 for n in range(count)}
        tried: dict[str, int] = {}

        def answer(address: str) -> str:
            tried[address] = tried.get(address, 0) + 1
            mood = moods[address] if tried[address] == 1 else -1
            return {1: "451 later", 2: "drop" if address == "p2@example.com" else ""}.get(mood, "")

        on.sink.answer = answer
        on.sink.refuse = lambda address: "550 nobody" if moods[address] == 3 else ""
        on.portal.engine()
        on.pages(count, over_s=5)
        wants = {address for address, mood in moods.items() if mood != 3}
        done = on.outcome("3.10 mail server's moods", within_s=90, allowed_twice=1, wants=wants)
        gone = [address for address, mood in moods.items() if mood == 3]
        dead = _numbers(on, "Delivery.objects.filter(state='dead').values_list('attempt_count', flat=True)")
        done.faults += [] if dead == [1] * len(gone) else [f"refused addresses ended as {dead}"]
        return done


# -- storms, clocks, poison --------------------------------------------------------------------------------
def storm(kind: str, *, count: int = 10_000, over_s: float = 60, hands: int = 20) -> Outcome:
    """3.13: thousands of alerts on one integration; the pages of other services must not wait."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.portal.up()
        found_company(on.portal)
        noisy, calm = _json_source(on), _calm_source(on)
        until(on.portal.is_ready, 60, "a pulse")
        statuses: dict[int, int] = {}
        lock, began = threading.Lock(), time.monotonic()

        def press(hand: int) -> None:
            head = request_head(on.portal.url + noisy, "POST", {"Content-Type": "application/json"})
            with Link(on.portal.url) as link:
                for n in range(hand, count, hands):
                    time.sleep(max(0.0, began + n * over_s / count - time.monotonic()))
                    body = b'{"dedup_key": "%d", "summary": "Checkout fault %d"}' % (n, n)
                    status = link.ask(head, body)
                    with lock:
                        statuses[status] = statuses.get(status, 0) + 1

        pressers = [meanwhile(lambda hand=hand: press(hand)) for hand in range(hands)]
        asked = []
        for n in range(10):
            time.sleep(over_s / 12)
            asked.append(time.time())
            told = {"dedup_key": f"calm-{n}", "summary": f"Search fault {n}", "service": f"calm{n}"}
            assert on.portal.http.post(calm, json=told).status_code == 202
        for presser in pressers:
            presser.join(over_s * 3)
        posted_s = time.monotonic() - began
        done = Outcome("3.13 storm", kind, expected=count + 10)
        until(lambda: _numbers(on, "[StoredEvent.objects.filter(state='new').count()]") == [0], 240, "intake")
        alerts = _numbers(on, "[Alert.objects.count()]")[0]
        time.sleep(35)  # what a limit holds goes out
        done.lost = count + 10 - alerts
        said = [(at, mail["Subject"] + body(mail)) for at, mail in list(on.sink.accepted)]
        waits = [
            min((at for at, text in said if f"Search fault {n}" in text), default=asked[n] + 999) - asked[n]
            for n in range(10)
        ]
        done.late_s = (round(statistics.median(waits), 3), round(max(waits), 3), round(max(waits), 3))
        done.notes |= {
            "posted_in_s": round(posted_s, 1),
            "not_202": sum(n for status, n in statuses.items() if status != 202),
            "incidents": _numbers(on, "[Incident.objects.count()]")[0],
            "messages": len(said),
        }
        done.faults += ["another service's page waited more than 30 s"] if max(waits) > 30 else []
        done.faults += ["an alert got a 500"] if statuses.get(500) else []
        return done


def clock_jumps(kind: str) -> Outcome:
    """3.12: the clock leaps an hour ahead, then back: one step, no step twice, none put off for ever."""
    with tempfile.NamedTemporaryFile("w+") as shift, database_of_kind(kind) as url:
        shift.write("0")
        shift.flush()
        with stage(url) as on:
            on.portal.env |= {"CLOCK_SHIFT": shift.name, "PYTHONPATH": str(CLOCK)}
            on.portal.python(_CHAIN)
            engine = on.portal.engine()
            until(lambda: len(on.sink.accepted) == 1, 30, "the first step")
            # A leap ends the lease of what is in a sender's hands at that moment; that is 3.1, not this.
            until(lambda: on.portal.python(_STATES).split() == ["sent"], 30, "the first step in the books")
            Path(shift.name).write_text("3600")
            with contextlib.suppress(AssertionError):
                until(lambda: len(on.sink.accepted) > 1, 20, "the second step")
            time.sleep(4)
            ahead = len(on.sink.accepted)
            Path(shift.name).write_text("0")
            time.sleep(4)
            back = len(on.sink.accepted)
            done = Outcome("3.12 clock leaps", kind, expected=2, lost=max(0, 2 - back))
            done.twice = len(on.sink.accepted) - len({mail["Message-ID"] for _, mail in on.sink.accepted})
            done.faults += [] if ahead == 2 else [f"{ahead - 1} steps at one leap ahead"]
            done.faults += [] if back == ahead else ["a step was taken at the leap back"]
            done.faults += [] if engine.is_alive() else ["the engine died"]
            return done


_STATES = """
    from oncall.messaging.models import Delivery

    print(*Delivery.objects.values_list("state", flat=True))
    """
_CHAIN = """
    from datetime import timedelta
    from oncall import clock, paging
    from oncall.models import EscalationPolicy, User

    policy = EscalationPolicy.objects.create(slug="chain", name="Chain")
    for n in range(4):
        person = User.objects.create(username=f"p{n}", email=f"p{n}@example.com")
        step = policy.steps.create(position=n, after=timedelta(minutes=20 * bool(n)))
        step.targets.create(user=person)
    paging.page(title="Chain", urgency="high", policy=policy, by=None, at=clock.now())
    """


def poison(kind: str, *, count: int = 60) -> Outcome:
    """3.19: rows that cannot be worked, between rows that can."""
    with database_of_kind(kind) as url, stage(url) as on:
        on.pages(count, over_s=3)
        on.portal.python("""
            from oncall import clock, paging
            from oncall.messaging import outbox
            from oncall.messaging.models import Delivery
            from oncall.models import Page, User

            at = clock.now()
            ghost = User.objects.create(username="ghost", email="ghost@example.com")
            paging.page(title="New\\nline\\x00", urgency="high", user=ghost, by=None, at=at)
            ghost.delete()
            broken = paging.page(title="Broken plan", urgency="high", by=None, at=at)
            Page.objects.filter(pk=broken.pk).update(plan={"steps": [{"after_s": "no number", "targets": 7}]})
            text = outbox.compose(purpose="page", subject="{{", text="x" * 5_000_000, at=at)
            for n, address in enumerate(["no address", "a@b@c", "x@" + "y" * 300]):
                outbox.send(text, medium="email", address=address, key=f"poison:{n}", lane="page", at=at)
            Delivery.objects.update_or_create(idempotency_key="values", defaults=dict(
                message=text, medium="email", address="v@example.com", created_at=at, due_at=at, expires_at=at,
                stable_id="<v@x>", values=[1], lane="page"))
            """)
        on.portal.engine()
        done = on.outcome("3.19 poison rows", within_s=60)
        spared = {"v@example.com", "ghost@example.com"} & set(on.arrived())
        done.notes["poison_sent"] = len(spared)
        return done


# -- tools -------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def _with_redis(kind: str):
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


def _json_source(on: Stage, slug: str = "noisy", service: str = "checkout") -> str:
    key = f"{slug}-" + "k" * 40
    path = on.portal.folder / f"{slug}.json"
    source = {"slug": slug, "name": slug, "dialect": "json", "service": service, "key": key}
    path.write_text(json.dumps({"sources": [source]}))
    on.portal.manage("apply", str(path))
    return f"/in/json/{key}"


def _calm_source(on: Stage) -> str:
    """A source for ten other services, each with a person of its own."""
    on.portal.python("""
        from oncall.models import EscalationPolicy, Service, User

        for n in range(10):
            policy = EscalationPolicy.objects.create(slug=f"calm{n}", name=f"Calm {n}")
            user = User.objects.create(username=f"q{n}", email=f"q{n}@example.com")
            policy.steps.create(position=0).targets.create(user=user)
            Service.objects.create(slug=f"calm{n}", name=f"Calm {n}", policy=policy)
        """)
    return _json_source(on, "calm")


def _post(on: Stage, path: str, n: int) -> int:
    try:
        body = {"dedup_key": str(n), "summary": f"Fault {n}"}
        return httpx.post(on.portal.url + path, json=body, timeout=15).status_code
    except httpx.HTTPError:
        return 0


def _insist(http: httpx.Client, path: str, n: int) -> int:
    """Send until it is answered 202, as a monitoring tool does; the event's number."""
    while True:
        try:
            answer = http.post(path, json={"dedup_key": str(n), "summary": f"Fault {n}"})
        except httpx.HTTPError:
            time.sleep(0.1)
            continue
        if answer.status_code == 202:
            return answer.json()["event"]


def _kill_a_worker(up: int) -> None:
    for words, pid in children(up).items():
        if "granian" in words:
            for worker in children(pid).values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                return


def _numbers(on: Stage, expression: str) -> list[int]:
    said = on.portal.python(f"""
        from incidents.models import Alert, Incident, StoredEvent
        from oncall.messaging.models import Delivery
        from oncall.models import Page

        print(*{expression})
        """)
    return [int(word) for word in said.split()]


def _take_all_in(on: Stage) -> None:
    on.portal.python("""
        from incidents.intake import ingest
        from oncall import clock

        while ingest.take_in(now=clock.now):
            pass
        """)


def _cut_connections(url: str) -> None:
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


@contextlib.contextmanager
def _slow_way_to(url: str, delay_s: float):
    """A way to the database on which each of its answers takes longer; the address to use."""
    place = psycopg.conninfo.conninfo_to_dict(url)
    target = (place.get("host", "127.0.0.1"), int(place.get("port", 5432)))
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, sink: socket.socket, wait_s: float) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(65_536):
                time.sleep(wait_s)
                sink.sendall(part)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(target)
                meanwhile(lambda client=client, server=server: carry(client, server, 0))
                meanwhile(lambda client=client, server=server: carry(server, client, delay_s))

    meanwhile(serve)
    try:
        yield url.replace(f":{target[1]}/", f":{listener.getsockname()[1]}/")
    finally:
        listener.close()


@contextlib.contextmanager
def _watchdog():
    """An outside watchdog: its port, and when it heard us."""
    heard: list[float] = []
    listener = socket.create_server(("127.0.0.1", free_port()))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    client.recv(65_536)
                    heard.append(time.monotonic())
                    client.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    meanwhile(serve)
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.close()


CASES: list[tuple[Callable[..., Outcome], tuple[str, ...]]] = [
    (kill_the_engine, BOTH),
    (kill_the_web, BOTH),
    (stop_and_start, BOTH),
    (stop_the_database, POSTGRES),
    (flush_redis, POSTGRES),
    (stop_redis, POSTGRES),
    (freeze_redis, POSTGRES),
    (fill_redis, POSTGRES),
    (mail_server_down, BOTH),
    (mail_server_moods, BOTH),
    (clock_jumps, BOTH),
    (storm, BOTH),
    (many_at_once, POSTGRES),
    (slow_database, POSTGRES),
    (long_locks, POSTGRES),
    (poison, BOTH),
    (freeze_the_engine, POSTGRES),
    (kill_the_fan_out, BOTH),
    (idle_engine, POSTGRES),
]
