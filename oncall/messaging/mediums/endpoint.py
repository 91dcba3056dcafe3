"""A POST of JSON that is written already, to an address that somebody outside has subscribed.

The message's text is the body. Headers: those of the message (``X-Event``), ``X-Delivery`` (a UUID, the same
on every try), ``X-Timestamp`` (this try, Unix seconds) and, for those who can check it, ``X-Signature``: ``v1=``
and the hexadecimal HMAC-SHA256 of ``timestamp.body``; several, parted by commas, while SECRET_KEY changes.

The secret is derived, not stored. A message whose values hold a ``challenge`` is answered by repeating it: then
the receipt says so, and whoever asked can see it in the delivery.
"""

import hashlib
import hmac
import json
import uuid
from contextlib import AbstractContextManager, nullcontext

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.mediums.base import Letter, Receipt, fingerprint

#: As long as Statuspage gives a receiver; less than the lease by more than a look-up and a connection take.
ANSWER_WITHIN_S = 30.0
ECHOED = "echoed"
_GONE = {410}
#: Chat services say so when a channel is gone or its webhook was taken back, and when they cannot read us.
_GONE_FROM_CHAT = {400, 403, 404, 410}


class Endpoint:
    """The mediums ``hook``, ``slack_hook`` and ``teams_hook``, each with hands of its own."""

    batch_size = 1
    changes = False
    hint = "An https:// address that takes a POST of JSON"

    def __init__(self, name: str, label: str, *, signs: bool) -> None:
        self.name, self.label, self.signs = name, label, signs

    def check_address(self, address: str) -> str:
        """The address as it will be called. Whether its name leads to a private network is seen when sending."""
        try:
            return egress.parse(address.strip()).url
        except DeliveryError as error:
            raise DomainError("bad_address", error.text) from None

    def stable_id(self, key: str) -> str:
        return str(uuid.UUID(fingerprint(key), version=5))

    def line(self) -> AbstractContextManager["Endpoint"]:
        return nullcontext(self)

    def send(self, letter: Letter) -> Receipt:
        """POST the body. 2xx within 30 s is taken; "gone" is final, anything else is tried again."""
        body = letter.text.encode()
        headers = {"Content-Type": "application/json", **letter.headers, **self._proof(letter, body)}
        address = self.check_address(letter.address)
        answer = egress.request("POST", address, headers=headers, body=body, limit_s=ANSWER_WITHIN_S)
        code = str(answer.status)
        if 200 <= answer.status < 300:
            echoed = echoes(answer.body, letter.values.get("challenge", ""))
            return Receipt(code, "Accepted by the receiver.", provider_id=ECHOED if echoed else "")
        if answer.status in (_GONE if self.signs else _GONE_FROM_CHAT):
            raise DeliveryError(f"The receiver answered {code}, which is final.", permanent=True, code=code)
        # What the receiver wrote is not repeated: it may come from a place that the reader must not see.
        raise DeliveryError(
            f"The receiver answered {code}.", code=code, retry_after_s=egress.retry_after_s(answer)
        )

    def _proof(self, letter: Letter, body: bytes) -> dict[str, str]:
        timestamp = str(int(letter.sent_at.timestamp()))
        headers = {"X-Delivery": letter.stable_id, "X-Timestamp": timestamp}
        if not self.signs:
            return headers
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        secrets = [
            signing_secret(letter.recipient, letter.values.get("secret_id", ""), key=key) for key in keys
        ]
        return headers | {"X-Signature": ",".join(signature(secret, timestamp, body) for secret in secrets)}


def signing_secret(recipient: str, secret_id: str, *, key: str | None = None) -> str:
    """The secret with which a receiver checks our signatures, to be shown to its owner."""
    mark = f"{recipient}\n{secret_id}"
    return salted_hmac("oncall.messaging.endpoint", mark, secret=key, algorithm="sha256").hexdigest()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``v1=`` and the HMAC-SHA256 of ``timestamp.body``, keyed with the secret as it is shown."""
    content = b".".join([timestamp.encode(), body])
    return "v1=" + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def echoes(answer: bytes, challenge: str) -> bool:
    """Whether an answer repeats the challenge: as it is, or as ``{"challenge": …}`` and nothing beside.

    Whoever sends back everything that he gets has read nothing.
    """
    if not challenge:
        return False
    said: object = answer.decode("utf-8", "replace").strip()
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, str):
        said = told
    elif isinstance(told, dict) and list(told) == ["challenge"]:
        said = told["challenge"]
    return isinstance(said, str) and constant_time_compare(said, challenge)
