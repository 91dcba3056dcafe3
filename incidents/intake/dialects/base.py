"""What every monitoring tool's words become: the common model, and what parsers share.

Source: field/integrations.md section 2. Parsers are pure: a guarded JSON object and the request's headers
in, a ``Notification`` out.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from oncall.messaging.render import clean_text

MAX_KEY = 255
MAX_SUMMARY = 1_024
MAX_DESCRIPTION = 8_192
MAX_LINK = 2_000
_YEARS = range(2000, 2101)

# Marks without a width, which ``clean_text`` leaves to scripts that need them: in a key they make two of one.
_WIDTHLESS = re.compile("[\u061c\u200b\u200e\u200f\u2060]")
_NO_LINK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")

SEVERITIES = {
    "critical": ("critical", "crit", "p1", "sev0", "disaster", "fatal", "emergency", "page"),
    "error": ("error", "err", "p2", "sev1", "high", "major", "down"),
    "warning": ("warning", "warn", "p3", "sev2", "average", "medium", "minor"),
    "info": ("info", "p4", "p5", "sev3", "sev4", "information", "informational", "notice", "low", "none"),
}
_SEVERITY = {word: name for name, words in SEVERITIES.items() for word in words}


class Status(StrEnum):
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CHANGE = "change"
    HEARTBEAT = "heartbeat"


class ParseError(Exception):
    """The body is well-formed and says nothing this dialect understands; the text says what is missing."""


@dataclass(frozen=True)
class Event:
    """One alert as one message of a tool tells it.

    ``severity`` is empty when the tool's own word (``severity_raw``) is unknown: the source's default
    counts then. ``started_at`` and ``ended_at`` are aware UTC or ``None``.
    """

    dedup_key: str
    status: Status
    summary: str = ""
    severity: str = ""
    severity_raw: str = ""
    group_key: str = ""
    description: str = ""
    service_hint: str = ""
    links: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Notification:
    """What one request says: its events, and what it says about the rest of their group.

    ``closes_unlisted``: an open alert of ``group_key`` that is not among the events has recovered. A tool
    announces a recovery once; a group that is over does not list members that recovered earlier.
    """

    events: tuple[Event, ...]
    group_key: str = ""
    group_status: str = ""
    closes_unlisted: bool = False


def _no_complaints(body: dict) -> list[str]:
    return []


@dataclass(frozen=True)
class Dialect:
    """One tool's way of telling us.

    ``parse`` raises ``ParseError``. ``complaints`` names what the sender must hear at once (answered 400)
    because the tool's protocol promises it; a dialect without such a promise has none, so that a change in
    the tool's format is kept and never refused.
    """

    name: str
    label: str
    parse: Callable[[dict, Mapping[str, str]], Notification]
    complaints: Callable[[dict], list[str]] = _no_complaints


def severity(word: str) -> str:
    """A tool's word for how bad it is as one of ours; empty when unknown."""
    return _SEVERITY.get(word.strip().lower(), "")


def plain(value: Any) -> str:
    """Any JSON value as text; nothing for null, compact JSON for lists and objects."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def line(value: Any, limit: int = MAX_SUMMARY) -> str:
    """One clean line: no control, direction or invisible characters, single spaces, at most ``limit`` long."""
    return _cut(" ".join(_clean(value).split()), limit)


def paragraphs(value: Any, limit: int = MAX_DESCRIPTION) -> str:
    """Clean text that keeps its line breaks."""
    return _cut(_clean(value).strip(), limit)


def key(value: Any) -> str:
    """The form in which keys are compared: one clean line in NFC. Case counts.

    May be longer than a key may be: the caller refuses it or takes ``short_key``.
    """
    return line(value, limit=1_000_000)


def short_key(value: Any) -> str:
    """A key of any length in at most 255 characters: longer ones become ``sha256:`` and their digest."""
    text = key(value)
    return text if len(text) <= MAX_KEY else f"sha256:{digest(text)}"


def digest(value: Any) -> str:
    """The SHA-256, in hex, of a JSON value in its canonical form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def links(*urls: Any) -> tuple[str, ...]:
    """Those that a browser may follow, in order, once each: http and https with a host, nothing else."""
    return tuple(dict.fromkeys(url for url in urls if isinstance(url, str) and _is_link(url)))


def _is_link(url: str) -> bool:
    if len(url) > MAX_LINK or _NO_LINK.search(url) or url != clean_text(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def labels(value: Any) -> dict[str, str]:
    """A tool's labels with clean names and values, whatever types it sent."""
    if not isinstance(value, dict):
        return {}
    return {line(name, 255): line(item, 1_024) for name, item in value.items() if line(name, 255)}


def instant(value: Any) -> datetime | None:
    """An RFC 3339 time in UTC, cut to microseconds; ``None`` for anything unusable.

    The zero time 0001-01-01, which means "not yet", and years no alert comes from are unusable too. A
    time without a zone is read as UTC.
    """
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if moment is None:
            return None
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year in _YEARS else None


def first(*values: Any, limit: int = 200) -> str:
    """The first that has anything to say, as a clean line."""
    return next((text for value in values if (text := line(value, limit))), "")


def objects(value: Any) -> Iterable[dict]:
    """The JSON objects of a list; whatever else stands there is passed over."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _clean(value: Any) -> str:
    text = plain(value)
    if text.isascii() and text.isprintable():  # nearly all of it, in groups of thousands
        return text
    return _WIDTHLESS.sub("", clean_text(text))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
