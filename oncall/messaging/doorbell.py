"""The doorbell: a commit that leaves urgent work wakes the engine at once.

It only saves the engine the rest of its second. Ringing never blocks and may be lost. On PostgreSQL it is a
NOTIFY; on SQLite one datagram to each listening engine's socket below DATA_DIR. What is rung for is its payload:
``WORK`` that people wait for, or a change of what is ``PUBLIC``.
"""

import contextlib
import hashlib
import logging
import os
import secrets
import select
import socket
import tempfile
import time
from functools import cache, partial
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

logger = logging.getLogger(__name__)

CHANNEL = "muster_doorbell"
WORK, PUBLIC = "work", "public"
_LONGEST_PATH = 90  # of the 104 to 108 bytes that a socket's path may have, less the file's own name


def ring(what: str = WORK) -> None:
    """Wake the engines when the current transaction commits; nothing if it rolls back.

    However often it is called in one transaction, it rings once for each thing.
    """
    bell = _bell(what)
    if not any(callback is bell for _, callback, _ in connection.run_on_commit):
        transaction.on_commit(bell, robust=True)


@cache
def _bell(what: str) -> partial:
    return partial(_ring_now, what)


def _ring_now(what: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}, '{what}'")
    else:
        _ring_sockets(what)


def _ring_sockets(what: str = WORK) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.setblocking(False)
        for path in _sockets().glob("*.sock"):
            try:
                bell.sendto(what.encode(), str(path))
            except (ConnectionRefusedError, FileNotFoundError):
                path.unlink(missing_ok=True)  # its engine has died
            except OSError as error:  # its queue is full: it has been rung already
                logger.debug("Not rung: %s", error)


def _sockets() -> Path:
    """Where the engines of this database put their sockets; a short path of our own if DATA_DIR's is too long."""
    path = Path(settings.DATA_DIR) / "doorbell"
    if len(os.fsencode(path)) <= _LONGEST_PATH - len("/12345678.sock"):
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"muster-{os.getuid()}-{name}"


class Listener:
    """The engine's side. Never raises: without a bell there is still the engine's own second.

    Use it as a context manager, or ``close`` it.
    """

    def __init__(self) -> None:
        self._bell = _Channel() if connection.vendor == "postgresql" else _Socket()
        self.heard: frozenset[str] = frozenset()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it rings (True) or ``timeout_s`` seconds have passed (False); ``heard`` says what for."""
        ends_at, self.heard = time.monotonic() + timeout_s, frozenset()
        try:
            self.heard = frozenset(self._bell.wait(timeout_s))
            return bool(self.heard)
        except Exception as error:  # of the driver, which is optional, so it cannot be named here
            logger.warning("The doorbell is out of order, working by the clock: %s", error)
            self.close()
            time.sleep(max(0.0, ends_at - time.monotonic()))
            return False

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._bell.close()

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class _Channel:
    """LISTEN on a PostgreSQL connection of its own, made again whenever it breaks."""

    def __init__(self) -> None:
        self._own = connection.copy()

    def wait(self, timeout_s: float) -> set[str]:
        if self._own.connection is None:
            with self._own.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            return {WORK, PUBLIC}  # it may have rung while nobody listened
        rings = self._own.connection.notifies(timeout=timeout_s, stop_after=1)
        return {ring.payload or WORK for ring in rings}  # a process from before an upgrade says nothing

    def close(self) -> None:
        self._own.close()


class _Socket:
    """A datagram socket with a name of its own, so that several engines hear the same ring."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._path: Path | None = None

    def wait(self, timeout_s: float) -> set[str]:
        if self._socket is None or not self._path.exists():
            self.close()
            self._open()
        readable, _, _ = select.select([self._socket], [], [], timeout_s)
        heard: set[str] = set()
        with contextlib.suppress(BlockingIOError):
            while readable:  # several rings are one
                heard.add(self._socket.recv(16).decode())
        return heard

    def _open(self) -> None:
        directory = _sockets()
        directory.mkdir(mode=0o700, exist_ok=True)
        if directory.stat().st_uid != os.getuid():
            raise PermissionError(f"{directory} belongs to somebody else")
        self._path = directory / f"{secrets.token_hex(4)}.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self._path))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._path.unlink(missing_ok=True)
            self._socket = None
