"""What the services of chat and push have in common: one call a letter, JSON, which refusals are final."""

import json
import time
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError, Unsure
from oncall.messaging.mediums.base import Letter, Receipt, fingerprint

#: For all the calls of one letter. A page that takes longer is better sent again, or by the next way.
LIMIT_S = 10.0
NOT_SET_UP = "not_set_up"
#: Whoever answers so did not say no: too slow, too early, too often.
_TRY_AGAIN = {408, 425, 429}
_ends_at: ContextVar[float] = ContextVar("ends_at", default=float("inf"))


@dataclass(frozen=True)
class Reply:
    """What a service answered: the HTTP status, the JSON object (empty if there is none), and its Retry-After."""

    status: int
    body: dict[str, Any]
    retry_after_s: int | None

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


class Service:
    """A medium without a line to keep: each letter is a call of its own, so a slow one delays no other.

    ``needs`` names the settings that must be there. Subclasses post a letter and, where ``changes`` is true,
    change one that was posted before.
    """

    name: str
    label: str
    batch_size = 1
    changes = False
    needs: tuple[str, ...] = ()

    def missing(self) -> str:
        """What an operator must still set, as a sentence; empty: nothing."""
        unset = " and ".join(name for name in self.needs if not getattr(settings, name))
        return f"{self.label} is not set up here: an administrator has to set {unset}." if unset else ""

    def stable_id(self, key: str) -> str:
        return fingerprint(key)

    def line(self) -> AbstractContextManager["Service"]:
        return nullcontext(self)

    def send(self, letter: Letter) -> Receipt:
        """Post the letter, or change what was posted."""
        if unset := self.missing():
            raise DeliveryError(unset, permanent=True, code=NOT_SET_UP)
        ends_at = _ends_at.set(time.monotonic() + LIMIT_S)
        try:
            return self.change(letter) if letter.original else self.post(letter)
        finally:
            _ends_at.reset(ends_at)

    def post(self, letter: Letter) -> Receipt:
        """Hand a new message over; every service says how."""
        raise NotImplementedError

    def change(self, letter: Letter) -> Receipt:
        """Put the letter in the place of ``letter.original``; only services with ``changes`` are asked to."""
        raise NotImplementedError

    def call(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        form: dict[str, Any] | None = None,
        token: str = "",
        trusted: bool = True,
    ) -> Reply:
        """One call, which ends with the letter's time; ``body`` goes as JSON, ``form`` as a form.

        ``trusted``: the operator has set the address, and it may lead into our own network. Raises
        ``DeliveryError``, also for a redirect; whatever else is answered is a ``Reply``.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = b""
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            content = urlencode(form).encode()
        elif body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            content = json.dumps(body, ensure_ascii=False).encode()
        limit_s = min(LIMIT_S, _ends_at.get() - time.monotonic())
        if limit_s <= 0:
            raise DeliveryError(f"{self.label} took longer than {LIMIT_S:g} s.", code="timeout")
        answer = egress.request(method, url, headers=headers, body=content, limit_s=limit_s, trusted=trusted)
        if 300 <= answer.status < 400:
            text = f"{self.label} answers with a redirect, which is not followed. Set its final address."
            raise DeliveryError(text, permanent=True, code=str(answer.status))
        return Reply(answer.status, _json(answer.body), egress.retry_after_s(answer))

    def refused(self, reply: Reply, said: str, *, retry_after_s: int | None = None) -> DeliveryError:
        """The error for an answer that is no success. 4xx is final, but for those that ask for patience."""
        permanent = 400 <= reply.status < 500 and reply.status not in _TRY_AGAIN
        text = f"{self.label} answered {reply.status}" + (f": {said}" if said else ".")
        wait = reply.retry_after_s if retry_after_s is None else retry_after_s
        return DeliveryError(text[:500], permanent=permanent, code=str(reply.status), retry_after_s=wait)

    def unreadable(self, reply: Reply) -> DeliveryError:
        """The error for a success that does not say what it must."""
        return Unsure(f"{self.label} answered something that is not its own form.", code=str(reply.status))


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def text_of(value: object) -> str:
    """A field of an answer as a text, whatever it is."""
    return value if isinstance(value, str) else ""
