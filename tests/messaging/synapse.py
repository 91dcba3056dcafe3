"""A real Matrix homeserver for a test: Synapse on the loopback, SQLite, no federation, nothing kept.

It is started with the Python that SYNAPSE_PYTHON names, one that has ``matrix-synapse`` installed.
"""

import hashlib
import hmac
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

SECRET = "for registering test users only"  # noqa: S105
NAME = "muster.test"


@dataclass(frozen=True)
class Homeserver:
    """A running Synapse: its address, and what its users do."""

    url: str

    def register(self, name: str) -> str:
        """A new user; her access token."""
        path = f"{self.url}/_synapse/admin/v1/register"
        nonce = httpx.get(path).json()["nonce"]
        told = [nonce, name, "password", "notadmin"]
        mac = hmac.new(SECRET.encode(), "\0".join(told).encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": "password", "admin": False, "mac": mac}
        answer = httpx.post(path, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def call(self, token: str, method: str, path: str, body: dict | None = None) -> dict:
        """One call in a user's name."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.request(
            method, f"{self.url}/_matrix/client/v3/{path}", json=body, headers=headers, timeout=30
        )
        answer.raise_for_status()
        return answer.json()

    def invitations(self, token: str) -> list[str]:
        """The rooms that a user is invited to."""
        return list(self.call(token, "GET", "sync?timeout=0").get("rooms", {}).get("invite", {}))

    def messages(self, token: str, room: str) -> list[dict]:
        """The messages of a room, oldest first."""
        found = self.call(token, "GET", f"rooms/{quote(room, safe='')}/messages?dir=b&limit=50")
        return [event for event in reversed(found["chunk"]) if event["type"] == "m.room.message"]


@contextmanager
def homeserver(python: str, folder: Path, *, limited: bool = False) -> Iterator[Homeserver]:
    """Start Synapse in ``folder`` and end it; ``limited`` keeps its stock rate limits."""
    port = _free_port()
    config = folder / "homeserver.yaml"
    config.write_text(json.dumps(_config(folder, port, limited)), encoding="utf-8")  # JSON is YAML
    command = [python, "-m", "synapse.app.homeserver", "-c", str(config)]
    subprocess.run([*command, "--generate-keys"], cwd=folder, check=True, capture_output=True, timeout=60)
    log = (folder / "synapse.log").open("wb")
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield Homeserver(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def _config(folder: Path, port: int, limited: bool) -> dict:
    free = {"per_second": 1000, "burst_count": 1000}
    limits = {
        "rc_message": free,
        "rc_registration": free,
        "rc_login": {"address": free, "account": free},
        "rc_joins": {"local": free, "remote": free},
        "rc_invites": {"per_room": free, "per_user": free, "per_issuer": free},
        "rc_room_creation": free,
    }
    return {
        "server_name": NAME,
        "pid_file": str(folder / "synapse.pid"),
        "listeners": [
            {
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "type": "http",
                "tls": False,
                "resources": [{"names": ["client"]}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": SECRET,
        "macaroon_secret_key": SECRET,
        "form_secret": SECRET,
        "report_stats": False,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "federation_domain_whitelist": [],
        "presence": {"enabled": False},
        "url_preview_enabled": False,
        **({} if limited else limits),
    }


def _wait(url: str, process: subprocess.Popen) -> None:
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("Synapse did not start; its folder has synapse.log")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
