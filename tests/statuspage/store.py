"""A small store that speaks S3 and believes nobody: each request's signature is computed anew from the wire."""

import contextlib
import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY, SECRET, REGION = "GK0123456789", "s3cr3t/with+signs=and~more", "garage"


@dataclass
class Store:
    """``objects`` by path with the bucket's name; ``broken``: the status it answers to everything, or 0."""

    url: str = ""
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: int = 0

    def names(self) -> set[str]:
        return {path.removeprefix("/pages/status/") for path in self.objects}


def _hash(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _fault(request: BaseHTTPRequestHandler, body: bytes) -> str:
    """Why the request is not to be believed; empty if it is."""
    told = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, "
        r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
        request.headers.get("Authorization", ""),
    )
    if told is None or told[1] != KEY:
        return "InvalidAccessKeyId"
    if told[3] != REGION:
        return "AuthorizationHeaderMalformed"
    stamp, digest = request.headers["x-amz-date"], hashlib.sha256(body).hexdigest()
    names = told[4].split(";")
    needed = {"host", "x-amz-date", "x-amz-content-sha256"} | {
        name.lower() for name in request.headers if name.lower() == "content-type"
    }
    if not needed <= set(names) or names != sorted(names) or not stamp.startswith(told[2]):
        return "AccessDenied"
    if request.headers["x-amz-content-sha256"] != digest:
        return "XAmzContentSHA256Mismatch"
    lines = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    canonical = f"{request.command}\n{request.path}\n\n{lines}\n{told[4]}\n{digest}"
    scope = f"{told[2]}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _hash(_hash(_hash(_hash(f"AWS4{SECRET}".encode(), told[2]), REGION), "s3"), "aws4_request")
    return "" if hmac.compare_digest(_hash(key, text).hex(), told[5]) else "SignatureDoesNotMatch"


@contextlib.contextmanager
def running() -> Iterator[Store]:
    """A store on a free port of this machine."""
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            store.asked.append(f"{self.command} {self.path}")
            fault = "InternalError" if store.broken else _fault(self, body)
            if fault:
                said = f"<Error><Code>{fault}</Code><StringToSign>{SECRET}</StringToSign></Error>".encode()
                self._say(store.broken or 403, said)
            elif self.command == "PUT":
                store.objects[self.path] = (body, dict(self.headers))
                self._say(200, b"")
            else:
                store.objects.pop(self.path, None)
                self._say(204, b"")

        do_PUT = do_DELETE = answer  # noqa: N815 (the library's names)

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"s3+http://127.0.0.1:{server.server_port}/pages/status?region={REGION}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
