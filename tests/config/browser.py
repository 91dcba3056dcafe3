"""Headless Chromium over its debugging protocol: as much of a driver as our test needs."""

import base64
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import websocket

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-port=0 "
    "--remote-allow-origins=*"
)
LONGEST_S = 30.0


class Browser:
    """One Chromium with one tab; ``complaints`` gathers what its console says against the pages visited."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="muster-chromium-")
        self._process = subprocess.Popen(
            [CHROMIUM, *FLAGS.split(), f"--user-data-dir={self._folder}", "about:blank"],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._numbers = itertools.count(1)
        self._loaded = False
        self.complaints: list[str] = []
        self.status = 0
        self.url = ""
        self._socket = websocket.create_connection(self._address(), timeout=LONGEST_S)
        self._session = ""
        tab = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self._call(f"{domain}.enable")

    def _address(self) -> str:
        for line in self._process.stderr:
            if found := re.search(r"ws://\S+", line):
                return found[0]
        raise AssertionError("Chromium ended before it listened")

    def look(self, *, width: int, dark: bool) -> None:
        """See pages at this width, in light or dark."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> int:
        """Visit an address; the HTTP status of the page."""
        self._loaded, self.status, self.url = False, 0, url
        if self._call("Page.navigate", url=url).get("errorText") != "net::ERR_ABORTED":  # a download
            self._settle()
        return self.status

    def run(self, script: str) -> Any:
        """Run a script in the page; its value."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def submit(self, form: str, **fields: str) -> int:
        """Fill in a form (a CSS selector) and send it; the status of the page that follows."""
        for name, value in fields.items():
            self.run(f"document.querySelector({form!r}).elements[{name!r}].value = {json.dumps(value)}")
        self._loaded = False
        self.run(f"document.querySelector({form!r}).submit()")
        self._settle()
        return self.status

    def press(self, button: str, fill: str = "") -> int:
        """Press a button (a CSS selector) after a script has filled its form; the status of what follows."""
        self.run(fill)
        self._loaded = False
        self.run(f"document.querySelector({button!r}).click()")
        self._settle()
        return self.status

    def picture(self, path: Path) -> None:
        """Save what is seen, down to the end of the page."""
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        self._socket.close()
        os.killpg(self._process.pid, signal.SIGKILL)  # its helpers too, which would write its folder anew
        self._process.wait()
        self._process.stderr.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- the protocol
    def _settle(self) -> None:
        """Wait until the page has loaded, and for what it says right after."""
        deadline = time.monotonic() + LONGEST_S
        while not self._loaded:
            try:
                self._hear(json.loads(self._socket.recv()))
            except websocket.WebSocketTimeoutException:
                deadline = 0
            assert time.monotonic() < deadline, f"{self.url} did not load"
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))")

    def _call(self, method: str, **params: Any) -> dict:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while True:
            heard = json.loads(self._socket.recv())
            if heard.get("id") == number:
                assert "error" not in heard, (method, heard["error"])
                return heard["result"]
            self._hear(heard)

    def _hear(self, event: dict) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.responseReceived" if params["type"] == "Document":
                self.status, self.url = params["response"]["status"], params["response"]["url"]
            case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                self._complain(params["entry"]["text"], params["entry"].get("url", ""))
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self._complain(json.dumps(params["args"]))
            case "Runtime.exceptionThrown":
                self._complain(json.dumps(params["exceptionDetails"]))
            case "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue":
                self._complain(json.dumps(params["issue"]["details"]))

    def _complain(self, text: str, about: str = "") -> None:
        self.complaints.append(f"{self.url}: {text} {about}".strip())
