"""Keeps the portal's processes running: started together, restarted one by one, stopped together."""

import contextlib
import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: How long children may take to end by themselves; the whole stop stays within 10 s.
PATIENCE_S = 8.0
#: A child that has lived this long starts again at once, with a fresh count.
HEALTHY_S = 30.0
LONGEST_WAIT_S = 30.0
PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One process of ours, in a session of its own so that its children end with it."""

    name: str
    command: list[str]
    process: subprocess.Popen | None = None
    started_s: float = 0.0
    start_at_s: float = 0.0
    deaths: int = field(default=0)

    def start(self) -> None:
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603  our own commands
            self.command, start_new_session=True, preexec_fn=_end_with_parent
        )

    def bury(self) -> None:
        """Note a death and when to start again: soon at first, then later and later."""
        lived_s = time.monotonic() - self.started_s
        self.deaths = 1 if lived_s > HEALTHY_S else self.deaths + 1
        wait_s = min(0.25 * 2**self.deaths, LONGEST_WAIT_S)
        code, self.process = self.process.returncode, None
        self.start_at_s = time.monotonic() + wait_s
        say(f"{self.name} ended with {code} after {lived_s:.0f} s; starting again in {wait_s:.1f} s")

    def signal_all(self, number: int) -> None:
        """Send a signal to the process and whatever it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def group_is_empty(self) -> bool:
        """True when nothing of its session is left, grandchildren included."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


def _end_with_parent() -> None:
    """Have the kernel end us when the supervisor is killed, where it can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Runs children until a signal says stop."""

    def __init__(self, children: list[Child]) -> None:
        self._children = children
        self._stopping = False

    def run(self, once_up: Callable[[], bool]) -> None:
        """Start everything and keep it running. ``once_up`` is asked again and again until it is true."""
        with _signals_wake(self._signalled) as wait:
            for child in self._children:
                child.start()
            is_up = False
            while not self._stopping:
                is_up = is_up or once_up()
                self._restart_the_dead()
                wait(1.0 if is_up else 0.05)
            self._stop(wait)

    def _signalled(self, number: int, _frame: object) -> None:
        self._stopping = self._stopping or number != signal.SIGCHLD

    def _restart_the_dead(self) -> None:
        for child in self._children:
            if child.process and child.has_ended():
                child.signal_all(signal.SIGKILL)  # what it leaves behind would hold the port
                child.bury()
            if not child.process and time.monotonic() >= child.start_at_s:
                child.start()

    def _stop(self, wait: Callable[[float], None]) -> None:
        """SIGTERM to each child, which ends its own; SIGKILL to whole sessions after that."""
        running = [child for child in self._children if child.process]
        for child in running:
            child.process.terminate()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and not all(child.has_ended() for child in running):
            wait(0.1)
        for child in running:
            child.signal_all(signal.SIGKILL)
            child.process.wait()


@contextlib.contextmanager
def _signals_wake(handler: Callable[[int, object], None]) -> Iterator[Callable[[float], None]]:
    """Handle stop signals and deaths of children; gives a wait that any of them cuts short."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, handler)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def wait(longest_s: float) -> None:
        select.select([reader], [], [], longest_s)
        with contextlib.suppress(BlockingIOError):
            reader.recv(4096)

    try:
        yield wait
    finally:
        signal.set_wakeup_fd(-1)
        reader.close()
        writer.close()


def is_taken(host: str, port: int) -> bool:
    """True when somebody listens on the address, or it cannot be listened on."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, _, _, address = found[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen()
        except OSError:
            return True
    return False


def say(text: str) -> None:
    """One line on the operator's terminal."""
    sys.stderr.write(f"muster: {text}\n")
    sys.stderr.flush()
