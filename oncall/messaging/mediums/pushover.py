"""Pushover: a page of high urgency is an emergency, repeated every minute until somebody acknowledges it.

Pushover gives a receipt for an emergency. It calls back when the person acknowledges, and we ask for the
receipt as well, since a portal behind a firewall hears no call (``acknowledged_by``); once anybody has
answered the emergency is cancelled. Source: Pushover's Message API, and "Receipts and Callbacks API".
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.card import Card, card, cut, plain
from oncall.messaging.mediums.provider import Reply, Service, text_of

_KEY = re.compile(r"[A-Za-z0-9]{30}")
_EMERGENCY, _NORMAL = 2, 0
REPEAT_EVERY_S, REPEAT_FOR_S = 60, 3600
_TITLE_LIMIT, _TEXT_LIMIT = 250, 1_000


@dataclass(frozen=True)
class Acknowledged:
    """Who has acknowledged an emergency, by user key, and when."""

    by: str
    at: datetime


class Pushover(Service):
    """The medium ``pushover``: the address is the key of a user or a delivery group."""

    name = "pushover"
    label = "Pushover"
    hint = "Your user key: 30 letters and digits, shown when you sign in to Pushover"
    changes = True
    needs = ("PUSHOVER_TOKEN",)

    def check_address(self, address: str) -> str:
        address = address.strip()
        if not _KEY.fullmatch(address):
            raise DomainError(
                "bad_address",
                "Enter a Pushover user key: 30 letters and digits, shown when you sign in there.",
            )
        return address

    def post(self, letter: Letter) -> Receipt:
        """Send it. The monthly limit (429) will not pass in time either, so it is final like every 4xx."""
        shown = card(letter)
        form = {
            "token": settings.PUSHOVER_TOKEN,
            "user": self.check_address(letter.address),
            "title": cut(shown.title, _TITLE_LIMIT),
            "message": plain(shown, limit=_TEXT_LIMIT, with_link=False) or shown.title,
            **_link(shown),
            **(_emergency(shown, letter) if shown.is_loud and shown.page else {"priority": _NORMAL}),
        }
        reply = self._api("POST", "messages.json", form)
        name = text_of(reply.body.get("receipt")) or text_of(reply.body.get("request"))
        return Receipt(code="200", text="Taken by Pushover.", provider_id=name)

    def change(self, letter: Letter) -> Receipt:
        """Stop the repeating; what was a single notification stays as it is."""
        if card(letter.original).is_loud:
            form = {"token": settings.PUSHOVER_TOKEN}
            try:
                self._api("POST", f"receipts/{letter.provider_id}/cancel.json", form)
            except DeliveryError as error:
                if error.code != "404":
                    raise
        return Receipt(code="200", text="Pushover repeats it no more.")

    def acknowledged_by(self, receipt: str) -> Acknowledged | None:
        """Who has acknowledged the emergency of a receipt; None while nobody has. Raises ``DeliveryError``."""
        reply = self._api("GET", f"receipts/{receipt}.json?token={settings.PUSHOVER_TOKEN}")
        by, when = text_of(reply.body.get("acknowledged_by")), reply.body.get("acknowledged_at")
        if reply.body.get("acknowledged") != 1 or not isinstance(when, int) or not _KEY.fullmatch(by):
            return None
        return Acknowledged(by, datetime.fromtimestamp(min(max(when, 0), 2**32), UTC))

    def _api(self, method: str, path: str, form: dict[str, Any] | None = None) -> Reply:
        reply = self.call(method, f"{settings.PUSHOVER_API_URL}/{path}", form=form)
        if reply.is_ok and reply.body.get("status") == 1:
            return reply
        if reply.is_ok:
            raise self.unreadable(reply)
        errors = reply.body.get("errors")
        error = self.refused(reply, ", ".join(map(str, errors)) if isinstance(errors, list) else "")
        error.permanent = error.permanent or reply.status == 429
        raise error


def _link(shown: Card) -> dict[str, str]:
    return {"url": shown.link, "url_title": "Answer"} if shown.link else {}


def _emergency(shown: Card, letter: Letter) -> dict[str, Any]:
    return {
        "priority": _EMERGENCY,
        "retry": REPEAT_EVERY_S,
        "expire": REPEAT_FOR_S,
        "callback": f"{settings.PUBLIC_URL}/callbacks/pushover/{callback_key(shown.page, letter.sent_at)}/",
    }


def callback_key(page: str, at: datetime) -> str:
    """The secret part of the address that Pushover calls back: page, time and a proof that we wrote them."""
    told = f"{page}-{int(at.timestamp())}"
    return f"{told}-{_mac(told, settings.SECRET_KEY)}"


def read_callback_key(key: str) -> tuple[str, datetime] | None:
    """The page and the time within a callback's key; None if we did not make it. Compared in constant time."""
    told, _, mac = key.rpartition("-")
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if not any(constant_time_compare(mac, _mac(told, key)) for key in keys):
        return None
    page, _, sent = told.partition("-")
    return page, datetime.fromtimestamp(int(sent), UTC)


def _mac(told: str, key: str) -> str:
    return salted_hmac("oncall.messaging.pushover", told, secret=key, algorithm="sha256").hexdigest()[:40]
