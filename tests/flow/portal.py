"""A whole portal in processes of its own, and what stands around it: relay, database, Redis, Alertmanager.

Everything here is real and reached from outside: sockets, signals, files. Waits are polls with a deadline.
"""

import asyncio
import contextlib
import email
import email.policy
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
from aiosmtpd.controller import Controller
from psycopg import sql

from tests import databases

ROOT = Path(__file__).resolve().parents[2]
Found = TypeVar("Found")


def until(
    ask: Callable[[], Found], within_s: float = 20.0, what: str = "", told: Callable[[], str] = str
) -> Found:
    """The first truthy answer; an AssertionError that says what was waited for if none comes in time.

    ``told`` is asked at the end for what else may explain it, such as a program's output.
    """
    deadline = time.monotonic() + within_s
    while True:
        found = ask()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {within_s:.0f} s in vain for {what or ask.__name__}\n{told()}")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# -- what stands around the portal -------------------------------------------------------------------------
class Relay:
    """An SMTP server that keeps what it accepts; ``hold`` makes it hang after DATA, before its answer."""

    def __init__(self) -> None:
        self.accepted: list[tuple[float, EmailMessage]] = []
        self.seen: list[EmailMessage] = []
        self.hold = threading.Event()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._controller.port}"

    async def handle_DATA(
        self, server: Any, session: Any, envelope: Any
    ) -> str:  # aiosmtpd calls it by this name
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.seen.append(message)
        while self.hold.is_set():
            await asyncio.sleep(0.02)
        self.accepted.append((time.time(), message))
        return "250 accepted"

    def to(self, address: str, words: str = "") -> list[EmailMessage]:
        """Accepted messages to an address that hold the words."""
        mine = [mail for _, mail in self.accepted if address in mail["To"]]
        return [mail for mail in mine if words in mail["Subject"] or words in body(mail)]

    def first(self, address: str, words: str = "", within_s: float = 20.0) -> EmailMessage:
        found = until(lambda: self.to(address, words), within_s, f"a mail to {address} about {words!r}")
        return found[0]

    def __enter__(self) -> "Relay":
        self._controller.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.hold.clear()
        self._controller.stop()


def body(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content()


def link(mail: EmailMessage, path: str) -> str:
    """The first link of a mail's text whose path begins so."""
    found = re.search(rf"https?://[^\s<>\"]+?{path}[^\s<>\"]*", body(mail))
    assert found, f"no link to {path} in:\n{body(mail)}"
    return found[0]


@contextlib.contextmanager
def database_of_its_own(server_url: str) -> Iterator[str]:
    """A migrated PostgreSQL database beside the one named by the URL, dropped at the end."""
    name = f"muster_flow_{secrets.token_hex(4)}"
    base = server_url.rsplit("/", 1)[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        both = sql.Identifier(name), sql.Identifier(databases.postgres_template(server_url))
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*both))
        try:
            yield f"{base}/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Process:
    """One program with its output in a file, ended with its whole session."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def is_alive(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """SIGKILL to it alone, as a power cut would."""
        self._popen.kill()
        self._popen.wait()

    def ask_to_stop(self) -> None:
        if self.is_alive():
            self._popen.terminate()

    def stop(self, within_s: float = 12.0) -> int:
        """SIGTERM, and SIGKILL to all of its session if that is not enough."""
        self.ask_to_stop()
        try:
            code = self._popen.wait(within_s)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        return code


@contextlib.contextmanager
def redis_of_its_own(folder: Path) -> Iterator[tuple[str, Process]]:
    """A Redis server on a free port without files; the test may stop it."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = Process(["redis-server", *options], folder / "redis.log")
    try:
        until(lambda: b"Ready to accept" in server.log.read_bytes(), what="Redis")
        yield f"redis://127.0.0.1:{port}/0", server
    finally:
        server.stop()


ALERTMANAGER = shutil.which("prometheus-alertmanager")


@contextlib.contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[str]:
    """Debian's Alertmanager, sending to the webhook at once; gives its own address."""
    config = folder / "alertmanager.yml"
    config.write_text(
        "route: {receiver: muster, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: muster, webhook_configs: [{{url: '{webhook}', send_resolved: true}}]}}]\n"
    )
    port = free_port()
    flags = [f"--config.file={config}", f"--storage.path={folder / 'am'}", "--cluster.listen-address="]
    address = f"--web.listen-address=127.0.0.1:{port}"
    server = Process([ALERTMANAGER, *flags, address], folder / "alertmanager.log")
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{url}/-/ready"), what="Alertmanager")
        yield url
    finally:
        server.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


# -- the portal --------------------------------------------------------------------------------------------
class Portal:
    """One portal: its settings, its data folder, its processes, and a client that talks to it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, Process] = {}
        kept = {
            key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}
        }
        self.env = kept | {
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "SECRET_KEY": "flow-" + "k" * 40,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **settings,
        }
        self.http = httpx.Client(base_url=self.url, timeout=20)

    # -- commands and processes
    def manage(self, *words: str, code: int = 0) -> str:
        """Run a management command to its end; what it printed."""
        run = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == code, run.stdout + run.stderr
        return run.stdout

    def python(self, code: str) -> str:
        """Run code inside the portal, as an operator's script would; what it printed."""
        setup = "import django; django.setup()\n"
        run = subprocess.run(
            [sys.executable, "-c", setup + textwrap.dedent(code)],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def send_mails(self, count: int) -> None:
        """Leave so many pages in the outbox, to page-0@example.com and so on."""
        self.python(f"""
            from django.db import transaction
            from oncall import clock
            from oncall.messaging import outbox

            at = clock.now()
            with transaction.atomic():
                text = outbox.compose(purpose="page", subject="Checkout is down", text="Look.", at=at)
                to = [outbox.To(f"page-{{n}}@example.com", key=f"flow:{{n}}") for n in range({count})]
                outbox.send_many(text, to, medium="email", lane="page", at=at)
            """)

    def end_leases(self) -> None:
        """Let the minute pass after which a dead sender's deliveries are taken over."""
        self.python("""
            from oncall import clock
            from oncall.messaging.models import Delivery

            at = clock.now()
            Delivery.objects.filter(state="sending").update(due_at=at, lease_until=at)
            """)

    def start(self, name: str, *command: str) -> Process:
        """Start one of our programs under a name; its output goes to ``<name>.log``."""
        words = [sys.executable, *command]
        self.processes[name] = Process(words, self.folder / f"{name}.log", self.env)
        return self.processes[name]

    def up(self, *options: str) -> Process:
        """``manage.py up``, waited for until the web server answers."""
        process = self.start("up", "manage.py", "up", *options)
        until(lambda: _answers(f"{self.url}/healthz"), 60, "the web server", lambda: self.told("up"))
        return process

    def engine(self, name: str = "engine") -> Process:
        return self.start(name, "manage.py", "engine")

    def celery(self) -> None:
        """Beat and one worker."""
        self.start("beat", "-m", "celery", "-A", "config", "beat")
        self.start("worker", "-m", "celery", "-A", "config", "worker", "--concurrency", "2", "-l", "info")

    def is_ready(self) -> bool:
        return _answers(f"{self.url}/readyz")

    def told(self, name: str) -> str:
        """The end of a program's output."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def close(self) -> None:
        self.http.close()
        for process in self.processes.values():
            process.ask_to_stop()
        for process in self.processes.values():
            process.stop()

    # -- the API
    def sign_in(self, username: str, scope: str = "write") -> "Caller":
        """A caller of the REST API with a token of this person's."""
        return Caller(self, self.manage("createtoken", username, "--scope", scope).strip())

    def alert(self, source_key: str, payload: dict, dialect: str = "alertmanager") -> httpx.Response:
        return self.http.post(f"/in/{dialect}/{source_key}", json=payload)


class Caller:
    """A person's program: calls the REST API with her token and insists on success."""

    def __init__(self, portal: Portal, token: str) -> None:
        self._http = portal.http
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **params: Any) -> Any:
        return self._ask("GET", path, params=params)

    def list(self, path: str, **params: Any) -> list[dict]:
        return self.get(path, **params)["results"]

    def post(self, path: str, **fields: Any) -> Any:
        return self._ask("POST", path, json=fields)

    def patch(self, path: str, **fields: Any) -> Any:
        return self._ask("PATCH", path, json=fields)

    def _ask(self, method: str, path: str, **rest: Any) -> Any:
        answer = self._http.request(method, f"/api/v1/{path}", headers=self._headers, **rest)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()


@contextlib.contextmanager
def portal(*, migrated: bool = True, **settings: str) -> Iterator[Portal]:
    """A portal in a folder of its own, on a migrated database unless told otherwise."""
    folder = Path(tempfile.mkdtemp(prefix="muster-flow-"))
    if migrated and "DATABASE_URL" not in settings:
        databases.copy_sqlite(folder / "muster.sqlite3")
    made = Portal(folder, **settings)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


# -- a person at a page ------------------------------------------------------------------------------------
class _Forms(HTMLParser):
    """The forms of a page: where they go, what they hold, what their buttons say."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._button: dict[str, Any] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self.forms.append({"action": found.get("action", ""), "fields": {}, "buttons": []})
        elif self.forms and tag == "input" and found.get("name"):
            chosen = found.get("type") not in {"checkbox", "radio"} or "checked" in found
            if chosen:
                self.forms[-1]["fields"][found["name"]] = found.get("value") or ""
        elif self.forms and tag == "button":
            self._button = {"name": found.get("name"), "value": found.get("value") or "", "says": ""}
            self.forms[-1]["buttons"].append(self._button)

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self._button["says"] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "button":
            self._button = None


def press(http: httpx.Client, url: str, says: str, *, reading_s: float = 0, **fields: str) -> httpx.Response:
    """Open a page and, after reading it, press the button that says these words, with the fields filled in."""
    page = http.get(url, follow_redirects=True)
    time.sleep(reading_s)
    assert page.status_code == 200, f"{url}: {page.status_code}"
    reader = _Forms()
    reader.feed(page.text)
    for form in reader.forms:
        for button in form["buttons"]:
            if says.lower() not in button["says"].lower():
                continue
            own = {button["name"]: button["value"]} if button["name"] else {}
            target = page.url.join(form["action"])
            answer = http.post(
                target, data=form["fields"] | fields | own, headers={"Referer": url}, follow_redirects=True
            )
            assert answer.is_success, f"{says} at {url}: {answer.status_code} {answer.text[:500]}"
            return answer
    raise AssertionError(f"no button says {says!r} at {url}")
