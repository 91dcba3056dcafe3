"""The supervisor in a process of its own, over children that cost nothing to start."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.supervisor import is_taken

ROOT = Path(__file__).resolve().parents[2]
# $0 is a file to write our process ids into.
CALM = "echo $$ >> $0; exec sleep 60"
WITH_A_CHILD = "sleep 61 & echo $! >> $0; echo $$ >> $0; trap 'exit 0' TERM; wait"
STUBBORN = "trap '' TERM; echo $$ >> $0; while true; do sleep 1; done"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def supervise(tmp_path):
    """Start a supervisor over one shell script; gives the process and a way to read the ids it wrote."""
    started = []

    def start(script, patience_s=8.0):
        log = tmp_path / "pids"
        code = (
            "from config import supervisor as s;"
            f"s.PATIENCE_S = {patience_s};"
            f"s.Supervisor([s.Child('child', ['sh', '-c', {script!r}, {str(log)!r}])]).run(lambda: True)"
        )
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
        started.append(process)
        return process, lambda count: until(lambda: pids(log, count))

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(ask, within_s=10.0):
    deadline = time.monotonic() + within_s
    while not (found := ask()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def pids(log: Path, count: int) -> list[int]:
    found = [int(line) for line in log.read_text().split()] if log.exists() else []
    return found if len(found) >= count else []


def is_alive(pid: int) -> bool:
    """A zombie does not count: it waits for an init that a container may not have."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_that_dies_is_started_again(supervise):
    _, written = supervise(CALM)
    first = written(1)[0]

    os.kill(first, signal.SIGKILL)

    assert is_alive(written(2)[1])


def test_a_stop_ends_grandchildren_too(supervise):
    process, written = supervise(WITH_A_CHILD)
    born = written(2)

    process.terminate()

    assert process.wait(10) == 0
    assert until(lambda: not any(map(is_alive, born)))


def test_a_stop_does_not_wait_for_the_stubborn(supervise):
    process, written = supervise(STUBBORN, patience_s=0.3)
    born = written(1)

    process.terminate()
    process.wait(10)

    assert until(lambda: not any(map(is_alive, born)))


def test_children_end_with_a_supervisor_that_is_killed(supervise):
    process, written = supervise(CALM)
    born = written(1)

    process.kill()

    assert until(lambda: not any(map(is_alive, born)))


def test_an_address_in_use_is_noticed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert is_taken("127.0.0.1", port)
    assert not is_taken("127.0.0.1", port)
