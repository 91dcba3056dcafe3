"""From untrusted bytes to a JSON object that nothing further in can choke on.

Runs before anything else looks at an alert, in the web process and again in the pulse. Sources:
field/reliability.md 4.3 and the bad inputs BI001 to BI013.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable
from typing import Any

MAX_BODY = 16 * 1024 * 1024
TOO_LARGE = f"The body is larger than {MAX_BODY // 1024 // 1024} MB."
MAX_DEPTH = 32
MAX_KEYS = 1_000  # per object
MAX_TEXT = 8_192  # characters per string
MAX_CONTAINERS = 250_000  # an empty object is 3 bytes on the wire and 64 in memory
MAX_VALUES = 2_000_000
_LONGEST_NUMBER = 100
_INT64 = range(-(2**63), 2**63)

# Possessive, and an unfinished string reaches to the end: a body of quotes and backslashes costs one pass.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Refused(Exception):
    """The body cannot be accepted: an HTTP status and a short reason for the person who set up the sender."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def check_encoding(content_encoding: str) -> None:
    """Refuse compressed bodies: 10 KB of gzip can hold 10 GB."""
    if content_encoding.strip().lower() not in ("", "identity"):
        raise Refused(415, "Send the body uncompressed, without Content-Encoding.")


def read(read_some: Callable[[int], bytes], *, limit: int = MAX_BODY) -> bytes:
    """Everything a stream has, or ``Refused`` 413 as soon as it has more than ``limit``.

    Counts what arrives: a ``Content-Length`` may be missing or wrong.
    """
    body = io.BytesIO()
    while part := read_some(min(65_536, limit + 1 - body.tell())):
        body.write(part)
        if body.tell() > limit:
            raise Refused(413, TOO_LARGE)
    return body.getvalue()


def load(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``, safe to store on every database and to show on every page.

    NUL and lone surrogates become U+FFFD, over-long strings are cut. Raises ``Refused`` for everything
    that is no object, is nested too deep, or holds a number no database can keep.
    """
    if not body.strip():
        raise Refused(400, "The body is empty.")
    _check_shape(body)
    try:
        # Some senders on Windows put a byte order mark first.
        value = json.loads(
            body.decode("utf-8-sig"), parse_int=_integer, parse_float=_float, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise Refused(400, f"The body is not UTF-8 (byte {error.start}).") from None
    except json.JSONDecodeError as error:
        raise Refused(400, f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    if not isinstance(value, dict):
        raise Refused(400, "The body must be a JSON object.")
    return _clean(value)


def _check_shape(body: bytes) -> None:
    """Count brackets on the bytes, so that the recursive parser never sees a depth it cannot bear."""
    if len(body) > MAX_BODY:
        raise Refused(413, TOO_LARGE)
    skeleton = _STRING.sub(b"", body)
    brackets = skeleton.translate(None, delete=_NOT_BRACKETS)
    depth = 0
    for bracket in brackets[: 2 * MAX_CONTAINERS + 2]:
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Refused(400, f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    if len(brackets) > 2 * MAX_CONTAINERS or skeleton.count(b",") > MAX_VALUES:
        raise Refused(400, "The JSON holds too many values.")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER or (number := int(text)) not in _INT64:
        raise Refused(400, "The JSON holds a number of more than 64 bits.")
    return number


def _float(text: str) -> float:
    if len(text) > _LONGEST_NUMBER or (number := float(text)) in (float("inf"), float("-inf")):
        raise Refused(400, "The JSON holds a number too large to keep.")
    return number


def _constant(text: str) -> float:
    raise Refused(400, f"The JSON holds {text}, which is no JSON number.")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        if len(value) > MAX_KEYS:
            raise Refused(400, f"An object in the JSON has more than {MAX_KEYS} keys.")
        return {_storable(key): _clean(item) for key, item in value.items()}
    return value


def _storable(text: str) -> str:
    text = _UNSTORABLE.sub("\ufffd", text)
    if len(text) <= MAX_TEXT:
        return text
    # The digest keeps two long keys apart that differ only behind the cut.
    return f"{text[:MAX_TEXT]}… {hashlib.sha256(text.encode()).hexdigest()[:16]}"
