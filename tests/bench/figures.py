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


def cpu_s(made: Portal) -> dict[int, float]:
    """CPU seconds spent so far by each of the portal's processes and their PostgreSQL backends; Linux only."""
    return cpu_of(_family(made.processes["up"].pid), made.env.get("DATABASE_URL", ""))


def cpu_of(pids: list[int], database: str = "") -> dict[int, float]:
    """The same of these processes, and of the backends that serve a PostgreSQL database."""
    spent = {}
    for pid in pids + _backends(database):
        with contextlib.suppress(FileNotFoundError):  # a connection that has just been replaced
            spent[pid] = _spent_s(pid)
    return spent


def memory_mb(pid: int) -> float:
    """What a process holds in memory now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def spent_s(before: dict[int, float], after: dict[int, float]) -> float:
    """What was spent between two readings by those that are there at the second."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _backends(database: str) -> list[int]:
    if not database:
        return []
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database) as link:
        found = link.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
            " AND pid != pg_backend_pid()",
            [name],
        )
        return [pid for (pid,) in found]


def _spent_s(pid: int) -> float:
    """User and system time of all threads, to the nanosecond where the kernel counts it, else in ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    with contextlib.suppress(OSError, ValueError, IndexError):
        tasks = [path.read_text().split()[0] for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        exact_s = sum(map(int, tasks)) / 1e9
        return exact_s if abs(exact_s - ticks_s) < 0.2 * ticks_s + 0.5 else ticks_s  # threads that have ended
    return ticks_s
