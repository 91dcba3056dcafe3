"""A signed POST of JSON to an address of the receiver's choice, after the Standard Webhooks specification.

Headers: ``webhook-id`` (the same on every try), ``webhook-timestamp`` (this try, Unix seconds) and
``webhook-signature`` (``v1,`` and the base64 HMAC-SHA256 of ``id.timestamp.body``; several, parted by blanks,
while SECRET_KEY is being changed). Body: ``{"type", "timestamp", "data": {"subject", "text", "recipient",
"values"}}``.

The secret is not stored: it is derived from SECRET_KEY, the address and the recipient, so that a copy of the
database does not hold it, and whoever enters the same address for somebody else gets another one.
"""

import base64
import hashlib
import hmac
import json
from contextlib import AbstractContextManager, nullcontext

from django.conf import settings
from django.utils.crypto import salted_hmac

from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.mediums.base import ATTEMPT_LIMIT_S, Letter, Receipt, fingerprint


class Webhook:
    """The medium ``webhook``. Each letter has a hand to itself: one slow receiver keeps no other waiting."""

    name = "webhook"
    label = "Webhook"
    hint = "An https:// address that takes a POST of JSON"
    batch_size = 1
    changes = False

    def check_address(self, address: str) -> str:
        """The address as it will be called. Whether its name leads to a private network is seen when sending."""
        try:
            return egress.parse(address.strip()).url
        except DeliveryError as error:
            raise DomainError("bad_address", error.text) from None

    def stable_id(self, key: str) -> str:
        return f"msg_{fingerprint(key)}"

    def line(self) -> AbstractContextManager["WebhookLine"]:
        return nullcontext(WebhookLine())


class WebhookLine:
    """No connection is kept: each letter opens and closes its own."""

    def send(self, letter: Letter) -> Receipt:
        """POST the letter. 2xx is taken, 410 and redirects are final, anything else is tried again."""
        body = json.dumps(payload(letter), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **signed_headers(letter, body)}
        address = Webhook().check_address(letter.address)
        answer = egress.request("POST", address, headers=headers, body=body, limit_s=ATTEMPT_LIMIT_S)
        code = str(answer.status)
        if 200 <= answer.status < 300:
            return Receipt(code=code, text="Accepted by the receiver.")
        if 300 <= answer.status < 400:
            text = "The receiver answers with a redirect, which is not followed. Enter its final address."
            raise DeliveryError(text, permanent=True, code=code)
        if answer.status == 410:
            raise DeliveryError("The receiver says that it is gone for good.", permanent=True, code=code)
        # What the receiver wrote is not repeated: it may come from a place that the reader must not see.
        retry_after_s = egress.retry_after_s(answer)
        raise DeliveryError(f"The receiver answered {code}.", code=code, retry_after_s=retry_after_s)


def payload(letter: Letter) -> dict[str, object]:
    """The body; the same on every try."""
    return {
        "type": letter.purpose,
        "timestamp": letter.written_at.isoformat().replace("+00:00", "Z"),
        "data": {
            "subject": letter.subject,
            "text": letter.text,
            "recipient": letter.recipient,
            "values": letter.values,
        },
    }


def signing_secret(address: str, recipient: str = "", *, secret_key: str | None = None) -> str:
    """The secret with which a receiver checks our signatures (``whsec_…``), to be shown to its owner."""
    who = f"{Webhook().check_address(address)}\n{recipient}"
    digest = salted_hmac("oncall.messaging.webhook", who, secret=secret_key, algorithm="sha256").digest()
    return "whsec_" + base64.b64encode(digest).decode()


def signed_headers(letter: Letter, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks."""
    timestamp = str(int(letter.sent_at.timestamp()))
    content = b".".join([letter.stable_id.encode(), timestamp.encode(), body])
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    secrets = [signing_secret(letter.address, letter.recipient, secret_key=key) for key in keys]
    return {
        "webhook-id": letter.stable_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signature(secret, content) for secret in secrets),
    }


def signature(secret: str, content: bytes) -> str:
    """One ``v1`` signature of ``id.timestamp.body``."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
