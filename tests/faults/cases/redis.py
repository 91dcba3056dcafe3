"""Redis is flushed, stopped, frozen or full."""

import os
import signal
import threading
import time
from collections.abc import Callable

import redis as redis_client

from tests.faults.cases.acting import json_source, post_alert, with_redis
from tests.faults.stage import Outcome, Stage, meanwhile
from tests.flow.portal import until
from tests.flow.story import found_company


def _redis_case(case: str, fault: Callable, *, count: int = 100) -> Outcome:
    """Pages fall due for 25 seconds while something is done to Redis; alerts are posted all the time."""
    with with_redis("postgresql") as (on, broker, server):
        on.portal.up()
        on.portal.celery()
        found_company(on.portal)
        path, took, stop = json_source(on), [], threading.Event()
        until(lambda: b"ready" in on.portal.processes["worker"].log.read_bytes(), 90, "Celery's worker")

        def post() -> None:
            n = 0
            while not stop.is_set():
                began, n = time.monotonic(), n + 1
                took.append((post_alert(on, path, 1), time.monotonic() - began))
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
