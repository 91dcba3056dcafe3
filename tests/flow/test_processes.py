"""The processes by themselves: starting, stopping, dying, and wrong settings."""

import os
import signal
from pathlib import Path

import pytest

from tests.flow.portal import Portal, portal, until

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def running():
    with portal(migrated=False) as made:
        made.up()
        until(made.is_ready, what="a pulse")
        yield made


def children(pid: int) -> dict[str, int]:
    """Command line to process id of the children of a process."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rsplit(")", 1)[1].split()[1])
            words = (status.parent / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if parent == pid:
            found[" ".join(words)] = int(status.parent.name)
    return found


def engine_of(made: Portal) -> int:
    """The process id of the engine that ``up`` started."""

    def find():
        mine = children(made.processes["up"].pid)
        return next((pid for words, pid in mine.items() if "manage.py engine" in words), None)

    return until(find, what="the engine")


def test_an_engine_that_is_killed_comes_back_by_itself(running):
    first = engine_of(running)

    os.kill(first, signal.SIGKILL)

    until(lambda: engine_of(running) != first, what="another engine")
    until(running.is_ready, what="its pulse")


def test_the_banner_says_where(running):
    told = until(lambda: "Muster is up" in running.told("up") and running.told("up"), what="the banner")

    assert f"{running.url}/admin/" in told
    assert "readable in the portal" in told


def test_a_second_portal_on_the_port_is_refused_in_one_sentence(running):
    with portal(PORT=str(running.port)) as second:
        process = second.start("up", "manage.py", "up")
        until(lambda: not process.is_alive(), what="the refusal")

        assert "is taken" in second.told("up")
        assert second.told("up").strip().count("\n") == 0


def test_a_stop_takes_everything_along_within_ten_seconds():
    with portal() as made:
        process = made.up()
        engine = engine_of(made)

        assert process.stop(within_s=10) == 0
        assert not Path(f"/proc/{engine}").exists()
        assert not children(process.pid)


def test_a_database_that_does_not_answer_ends_the_start_in_one_sentence():
    with portal(DATABASE_URL="postgres://muster@127.0.0.1:1/muster") as made:
        process = made.start("up", "manage.py", "up")
        until(lambda: not process.is_alive(), what="the refusal")

        assert "The database cannot be used" in made.told("up")
        assert "Traceback" not in made.told("up")
