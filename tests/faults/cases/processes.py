"""Processes that are killed, stopped, frozen, idle, or more than one."""

import contextlib
import os
import random
import signal
import socket
import time

import httpx
import psycopg

from tests.faults.cases.acting import HANDS, insist, json_source, numbers, take_all_in, with_redis
from tests.faults.stage import Outcome, database_of_kind, meanwhile, stage
from tests.flow.portal import free_port, until
from tests.flow.story import found_company
from tests.flow.test_processes import children


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
        path, taken = json_source(on), []

        def send(part: int) -> None:
            with httpx.Client(base_url=on.portal.url, timeout=10) as http:
                for n in range(part, count, 4):
                    taken.append((n, insist(http, path, n)))

        senders = [meanwhile(lambda part=part: send(part)) for part in range(4)]
        for _ in range(kills):
            time.sleep(0.3)
            _kill_a_worker(up.pid)
        for sender in senders:
            sender.join(90)
        stored = numbers(on, "StoredEvent.objects.values_list('pk', flat=True)")
        take_all_in(on)
        alerts = numbers(on, "Alert.objects.values_list('dedup_key', flat=True)")
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
        ended = numbers(on, "Delivery.objects.filter(state='sent').values_list('pk', flat=True)")
        state = f"Delivery.objects.filter(pk__in={ended}).order_by('pk').values_list('generation', flat=True)"
        before = numbers(on, state)
        os.kill(frozen.pid, signal.SIGCONT)
        time.sleep(3)
        after = numbers(on, state)
        done = on.outcome("3.20 engine frozen", within_s=10, allowed_twice=HANDS)
        done.faults += (
            [] if before == after else ["the stale owner changed a delivery that another had ended"]
        )
        return done


def many_at_once(kind: str, *, count: int = 200) -> Outcome:
    """3.15: two beats, two workers and three engines share the work."""
    with with_redis(kind) as (on, broker, server):
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


def _kill_a_worker(up: int) -> None:
    for words, pid in children(up).items():
        if "granian" in words:
            for worker in children(pid).values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                return


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
