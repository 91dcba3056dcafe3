"""The database stops, is slow, or is locked."""

import contextlib
import socket
import tempfile
import time
from pathlib import Path

import psycopg

from tests.faults.cases.acting import HANDS, json_source, post_alert
from tests.faults.stage import Outcome, Postgres, database_of_kind, meanwhile, stage
from tests.flow.portal import until
from tests.flow.story import found_company


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
                path = json_source(on)
                on.pages(count, over_s=25)
                time.sleep(3)
                server.stop()
                answers = [post_alert(on, path, n) for n in range(5)]
                time.sleep(8)
                server.start()
                back = time.monotonic()
                until(lambda: post_alert(on, path, 99) == 202, 30, "the first alert after it is back")
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
