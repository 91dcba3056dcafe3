"""What every fault is driven against: a portal, people who are to be paged, and a mail server that keeps count."""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg
from aiosmtpd.controller import Controller
from psycopg import sql

from tests import databases
from tests.flow.portal import Portal, Relay, database_of_its_own, free_port, portal, until

SETTLE_S = 2.0  # what goes out twice does so at once
PG_BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class Sink(Relay):
    """A mail server that can refuse, hang, drop, go down and come back at the same address."""

    def __init__(self) -> None:
        super().__init__()
        self._port = self._controller.port
        self.answer: Callable[[str], str] = lambda address: ""
        self.refuse: Callable[[str], str] = lambda address: ""

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if reply := self.refuse(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        reply = self.answer(envelope.rcpt_tos[0])
        if reply == "drop":
            await super().handle_DATA(server, session, envelope)
            server.transport.abort()
            return ""
        return reply or await super().handle_DATA(server, session, envelope)

    def down(self) -> None:
        self._controller.stop(no_assert=True)

    def up(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self._port)
        self._controller.start()


@dataclass
class Outcome:
    """What one case did. ``late_s`` is p50, p99 and the longest from being due to being accepted by the sink."""

    case: str
    database: str
    expected: int
    lost: int = 0
    twice: int = 0
    allowed_twice: int = 0
    late_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    took_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    notes: dict[str, float | str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.lost and self.twice <= self.allowed_twice and not self.faults

    def __str__(self) -> str:
        p50, p99, most = self.late_s
        extra = "".join(f", {name} {value}" for name, value in self.notes.items())
        wrong = "".join(f"\n    {fault}" for fault in self.faults)
        return (
            f"{'pass' if self.passed else 'FAIL'} {self.case} on {self.database}: of {self.expected} lost "
            f"{self.lost}, twice {self.twice} (allowed {self.allowed_twice}), late p50 {p50:.2f} p99 {p99:.2f} "
            f"max {most:.2f} s, took {self.took_s:.0f} s{extra}{wrong}"
        )

    def as_json(self) -> dict:
        return asdict(self) | {"passed": self.passed}


class Stage:
    """One portal on one database, its mail server, and the pages it owes people."""

    def __init__(self, made: Portal, sink: Sink, database: str) -> None:
        self.portal, self.sink, self.database = made, sink, database
        self.due: dict[str, float] = {}

    def pages(self, count: int, *, over_s: float, begin_in_s: float = 2.0) -> None:
        """So many pages, each for a person of its own, falling due one after the other from soon on."""
        said = self.portal.python(f"""
            import json
            from datetime import timedelta
            from django.db import transaction
            from oncall import clock, paging
            from oncall.models import Page, User

            with transaction.atomic():
                people = User.objects.bulk_create(
                    [User(username=f"p{{n}}", email=f"p{{n}}@example.com") for n in range({count})])
                pages = [paging.page(title=f"Fault {{one.username}}", urgency="high", user=one, by=None,
                                     at=clock.now()) for one in people]
                begin, due = clock.now() + timedelta(seconds={begin_in_s}), dict()
                for n, page in enumerate(pages):
                    at = begin + timedelta(seconds=n * {over_s} / {count})
                    Page.objects.filter(pk=page.pk).update(next_step_at=at)
                    due[people[n].email] = at.timestamp()
            print(json.dumps(due))
            """)
        self.due |= json.loads(said)

    def arrived(self) -> dict[str, list[tuple[float, str]]]:
        """Address -> (when, Message-ID) of each message that the sink accepted."""
        found = defaultdict(list)
        for at, mail in list(self.sink.accepted):
            found[mail["To"]].append((at, mail["Message-ID"]))
        return found

    def all_arrived(self) -> bool:
        return set(self.due) <= set(self.arrived())

    def outcome(
        self, case: str, *, within_s: float, allowed_twice: int = 0, wants: set[str] | None = None
    ) -> Outcome:
        """Wait until everybody has a message, or in vain, and count."""
        wants = set(self.due) if wants is None else wants
        with contextlib.suppress(AssertionError):
            until(lambda: wants <= set(self.arrived()), within_s, "every page")
        time.sleep(SETTLE_S)
        arrived = self.arrived()
        late = sorted(
            arrived[one][0][0] - self.due[one] for one in wants if one in arrived and one in self.due
        )
        done = Outcome(
            case,
            self.database,
            expected=len(wants),
            lost=len(wants - set(arrived)),
            twice=sum(len(got) - 1 for got in arrived.values()),
            allowed_twice=allowed_twice,
            late_s=_spread(late),
        )
        other = [who for who, got in arrived.items() if len({message_id for _, message_id in got}) > 1]
        if other:
            done.faults.append(f"sent again under another Message-ID: {other[:3]}")
        if still := self.standing_still():
            done.faults.append(f"{still} open pages stand still")
        return done

    def standing_still(self) -> int:
        """Open pages whose next step is half a minute overdue: promise P4 broken."""
        said = self.portal.python("""
            from datetime import timedelta
            from oncall import clock
            from oncall.models import Page

            print(Page.objects.filter(state="active").due(clock.now() - timedelta(seconds=30)).count())
            """)
        return int(said)


def _spread(late: list[float]) -> tuple[float, float, float]:
    if not late:
        return (0.0, 0.0, 0.0)
    return (round(statistics.median(late), 3), round(late[int(len(late) * 0.99) - 1], 3), round(late[-1], 3))


@contextlib.contextmanager
def stage(database: str = "", **settings: str) -> Iterator[Stage]:
    """A migrated portal without processes; ``database`` is a PostgreSQL database, or empty for SQLite."""
    kind = "postgresql" if database else "sqlite"
    settings |= {"DATABASE_URL": database} if database else {}
    with Sink() as sink, portal(EMAIL_URL=sink.url, LOG_LEVEL="ERROR", **settings) as made:
        yield Stage(made, sink, kind)


@contextlib.contextmanager
def database_of_kind(kind: str) -> Iterator[str]:
    """The address of a fresh PostgreSQL database on the server of the tests, or empty for SQLite."""
    if kind == "sqlite":
        yield ""
    else:
        with database_of_its_own(os.environ["TEST_DATABASE_URL"]) as url:
            yield url


class Postgres:
    """A PostgreSQL server of our own, which may be stopped as by a power cut."""

    def __init__(self, folder: Path) -> None:
        self._data, self._port = folder / "pg", free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self._port}/postgres"
        self._data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            shutil.chown(self._data, "postgres")
        self._run("initdb", "-A", "trust", "-U", "postgres", "-D", str(self._data))

    def start(self) -> None:
        options = f"-p {self._port} -k {self._data} -c listen_addresses=127.0.0.1"
        self._run(
            "pg_ctl", "-D", str(self._data), "-w", "-l", str(self._data / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def database(self) -> str:
        """A migrated database of this server; it goes with the server."""
        template = databases.postgres_template(self.url)
        with psycopg.connect(self.url, autocommit=True) as operator:
            operator.execute(sql.SQL("CREATE DATABASE muster TEMPLATE {}").format(sql.Identifier(template)))
        return self.url.rpartition("/")[0] + "/muster"

    def _run(self, program: str, *words: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(PG_BIN / program), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def meanwhile(work: Callable[[], object]) -> threading.Thread:
    """Something that goes on while the fault is made."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
