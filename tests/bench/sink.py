"""A mail server that costs little: it takes whatever comes, notes each message in a file, and keeps few whole.

    python -m tests.bench.sink PORT FOLDER

Python's usual test servers spend more on a message than the portal does. This one runs in a process of its own and
reads nothing but the commands, the Message-ID and the To; ``MailSink`` is its other end, in the benchmark.
"""

import asyncio
import contextlib
import email
import email.policy
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from tests.flow.portal import ROOT, Process, free_port, until

KEEP_EVERY = 1000
_GREETING = b"220 sink ESMTP\r\n"
_HELLO = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
_END = b"\r\n.\r\n"


class _Session(asyncio.Protocol):
    """One conversation. Commands may come many at once (RFC 2920); answers go out together."""

    def __init__(self, notes: "_Notes") -> None:
        self._notes = notes
        self._left = b""
        self._mail: list[bytes] | None = None
        self._to = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._out = transport
        self._notes.connections += 1
        transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        data, self._left = self._left + data, b""
        answers = []
        while data:
            if self._mail is not None:
                end = data.find(_END)
                if end < 0:
                    self._left = data
                    break
                self._notes.take(self._to, data[: end + 2])
                self._mail, data = None, data[end + 5 :]
                answers.append(b"250 taken\r\n")
                continue
            line, found, rest = data.partition(b"\r\n")
            if not found:
                self._left = data
                break
            data = rest
            answers.append(self._answer(line))
        if answers:
            self._out.write(b"".join(answers))

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._to = line[line.index(b"<") + 1 : line.index(b">")]
        elif verb == b"DATA":
            self._mail = []
            return b"354 go on\r\n"
        elif verb == b"EHLO":
            return _HELLO
        elif verb == b"QUIT":
            self._out.close()
            return b"221 bye\r\n"
        return b"250 ok\r\n"


class _Notes:
    """A line for each message: when, to whom, under which Message-ID, whether its To is the envelope's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = (folder / "notes").open("ab", buffering=1 << 16)
        self.count = self.connections = 0

    def take(self, to: bytes, mail: bytes) -> None:
        begin = mail.index(b"\r\nMessage-ID: ") + 14
        message_id = mail[begin : mail.index(b"\r\n", begin)]
        fits = b"yes" if b"\nTo: %b\r\n" % to in b"\n" + mail[:4096] else b"no"
        self._file.write(b"%.3f %b %b %b %d\n" % (time.time(), to, message_id, fits, self.connections))
        if self.count % KEEP_EVERY == 0:
            (self._folder / f"{to.decode()}.eml").write_bytes(mail)
        self.count += 1

    async def flush(self) -> None:
        while True:
            self._file.flush()
            await asyncio.sleep(0.05)


async def _serve(port: int, folder: Path) -> None:
    notes = _Notes(folder)
    server = await asyncio.get_running_loop().create_server(lambda: _Session(notes), "127.0.0.1", port)
    async with server:
        await asyncio.gather(server.serve_forever(), notes.flush())


class MailSink:
    """The sink as a benchmark sees it: its address, and what has arrived so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._read = 0
        self._half = b""
        self.arrived: dict[str, list[tuple[float, str]]] = {}
        self.misdirected: list[str] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._port}"

    def look(self) -> dict[str, list[tuple[float, str]]]:
        """Address -> (when, Message-ID) of each message, oldest first."""
        with (self._folder / "notes").open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        self._read += len(fresh)
        *lines, self._half = (self._half + fresh).split(b"\n")
        for line in lines:
            at, to, message_id, fits, connections = line.decode().split(" ")
            self.arrived.setdefault(to, []).append((float(at), message_id))
            self.connections = int(connections)
            if fits == "no":
                self.misdirected.append(to)
        return self.arrived

    def kept(self) -> dict[str, EmailMessage]:
        """Address -> a whole message, of one in a thousand."""
        return {
            path.stem: email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in self._folder.glob("*.eml")
        }

    def start(self) -> Process:
        command = [sys.executable, "-m", "tests.bench.sink", str(self._port), str(self._folder)]
        server = Process(command, self._folder / "log")
        until(lambda: (self._folder / "notes").exists(), what="the mail sink")
        return server


@contextlib.contextmanager
def mail_sink(folder: Path = ROOT / "var" / "sink") -> Iterator[tuple[MailSink, Process]]:
    """A running sink and its process."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    sink = MailSink(folder)
    server = sink.start()
    try:
        yield sink, server
    finally:
        server.stop()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
