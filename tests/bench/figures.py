"""What every benchmark uses: telling a figure, a portal on each database, and the CPU that it spends."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from tests.flow.portal import Portal, Relay, database_of_its_own, portal

POSTGRES = os.environ.get("TEST_DATABASE_URL", "")

figures: dict[str, float] = {}


def tell(name: str, value: float, unit: str) -> None:
    """One figure, on the terminal at once."""
    figures[name] = round(value, 3)
    print(f"{name} {value:.6g} {unit}", flush=True)  # noqa: T201  the terminal is what it is for


@contextlib.contextmanager
def ways() -> Iterator[list[tuple[str, dict[str, str]]]]:
    """The databases there are: (name, settings)."""
    with contextlib.ExitStack() as stack:
        found = [("sqlite", {})]
        if POSTGRES.startswith("postgres"):
            found.append(("postgresql", {"DATABASE_URL": stack.enter_context(database_of_its_own(POSTGRES))}))
        yield found


def each_database(measure: Callable[[str, Portal, Relay], None], **settings: str) -> None:
    """Measure on a fresh portal on each database, with a relay that keeps what it accepts."""
    with ways() as databases:
        for name, database in databases:
            with (
                Relay() as relay,
                portal(EMAIL_URL=relay.url, LOG_LEVEL="ERROR", **database, **settings) as made,
            ):
                measure(name, made, relay)


def cpu_s(made: Portal) -> float:
    """CPU seconds that the portal's processes and their PostgreSQL backends have spent; Linux only."""
    pids = _family(made.processes["up"].pid) + _backends(made.env.get("DATABASE_URL", ""))
    return sum(map(_spent_s, pids))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _backends(database: str) -> list[int]:
    if not database:
        return []
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database) as link:
        found = link.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid != pg_backend_pid()", [name]
        )
        return [pid for (pid,) in found]


def _spent_s(pid: int) -> float:
    """User and system time, of all threads: fields 14 and 15 of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
