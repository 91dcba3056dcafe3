"""What every medium looks like from the outbox. To add one, copy a neighbour and list it in ``__init__``."""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings

ATTEMPT_LIMIT_S = 20.0


@dataclass(frozen=True)
class Letter:
    """A message filled in for one address, ready to go out.

    ``stable_id`` is the same on every try. ``written_at`` is when the message was composed, ``sent_at`` this
    try. ``brief`` is the text for chat and push, without links that act; where there is none, ``text`` says
    it all. ``original`` is set where this letter changes one sent before, known to its provider as
    ``provider_id``.
    """

    address: str
    recipient: str
    purpose: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    values: dict[str, str]
    stable_id: str
    written_at: datetime
    sent_at: datetime
    brief: str = ""
    original: "Letter | None" = None
    provider_id: str = ""


@dataclass(frozen=True)
class Receipt:
    """The other side took the letter; ``kept`` where there is no other side."""

    code: str = ""
    text: str = ""
    provider_id: str = ""
    kept: bool = False


class Odd(Exception):
    """A copy that a prepared form would not get right: this one must be written in full."""


class Line(Protocol):
    """A way to the other side that serves many letters: one SMTP connection, for example.

    A medium with ``form`` has lines with ``send_copy``, which hands over one copy of a form as ``send`` does a
    letter.
    """

    def send(self, letter: Letter) -> Receipt:
        """Hand one letter over within ``ATTEMPT_LIMIT_S``.

        Raises ``DeliveryError`` (``LineDown``, ``Unsure``). Whatever it raises, the line serves the next letter.
        """


class Medium(Protocol):
    """One way to reach people. ``batch_size`` deliveries at most are claimed at once.

    A medium that an operator must set up first also has ``missing()``: the sentence that says what is not set yet,
    or an empty text. ``label`` names it in a sentence, ``hint`` says what to enter as an address, ``changes``
    whether a message can be changed after it was sent; a medium may do without these three. One that is quick
    enough for mass mail has ``bulk_size``, how much of that is claimed at once, and ``form``, which prepares a
    message for many copies.
    """

    name: str
    batch_size: int

    def check_address(self, address: str) -> str:
        """The address in its usual form; ``DomainError("bad_address")`` where none can be."""

    def stable_id(self, key: str) -> str:
        """The identifier that receivers fold repeats by, made from the idempotency key."""

    def line(self) -> AbstractContextManager[Line]:
        """A line for what one hand sends; what it opened is closed at the end of the block."""


def fingerprint(key: str) -> str:
    """A short, opaque, stable name for an idempotency key."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def our_host() -> str:
    """The host under which people know this portal."""
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"
