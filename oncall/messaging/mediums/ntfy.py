"""ntfy: a notification on a phone, loud where it may be, with buttons that call the portal.

A button carries a key of its own (``key_of``): the answer link with a MAC, so that a link alone, which works
once, is no key. A notification is published under a sequence ID and replaced under the same once somebody has
answered; a server older than 2.16 shows that as a second, silent one. Source: ntfy's documentation,
"Publishing".
"""

import json
import re
from typing import Any

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.card import BUTTONS, Card, card, cut, plain
from oncall.messaging.mediums.provider import Service, text_of

_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOUD, _NORMAL, _SILENT = 5, 3, 1
_TITLE_LIMIT, _TEXT_LIMIT = 200, 950  # 4,096 bytes, whatever the script; more becomes an attachment


class Ntfy(Service):
    """The medium ``ntfy``: the address is a topic on the operator's server. Who knows the topic can answer."""

    name = "ntfy"
    label = "ntfy"
    hint = "A topic that nobody can guess, such as muster-alice-8fQ2xL7w"
    changes = True
    needs = ("NTFY_URL",)

    def check_address(self, address: str) -> str:
        address = address.strip()
        if not _TOPIC.fullmatch(address):
            raise DomainError(
                "bad_address",
                "Enter the name of an ntfy topic: letters, digits, - and _ only, without the server's address.",
            )
        return address

    def post(self, letter: Letter) -> Receipt:
        return self._publish(letter, card(letter), letter.stable_id)

    def change(self, letter: Letter) -> Receipt:
        return self._publish(letter, card(letter), letter.original.stable_id)

    def _publish(self, letter: Letter, shown: Card, sequence: str) -> Receipt:
        told: dict[str, Any] = {
            "topic": self.check_address(letter.address),
            "title": cut(f"{shown.said}: {shown.title}" if shown.said else shown.title, _TITLE_LIMIT),
            "message": plain(shown, limit=_TEXT_LIMIT, with_link=False) or shown.title,
            "priority": _SILENT if shown.said else _LOUD if shown.is_loud else _NORMAL,
            "tags": ["white_check_mark"] if shown.said else ["rotating_light"] if shown.is_loud else [],
            "sequence_id": sequence,
        }
        if shown.link:
            told["click"] = shown.link
            told["actions"] = [_action(verb, shown) for verb in shown.verbs]
        reply = self.call("POST", f"{settings.NTFY_URL}/", body=told, token=settings.NTFY_TOKEN)
        if not reply.is_ok:
            raise self.refused(reply, text_of(reply.body.get("error")))
        message = text_of(reply.body.get("id"))
        if not message:
            raise self.unreadable(reply)
        return Receipt(code="200", text="Published by ntfy.", provider_id=message)


def _action(verb: str, shown: Card) -> dict[str, Any]:
    return {
        "action": "http",
        "label": BUTTONS[verb],
        "url": f"{settings.PUBLIC_URL}/callbacks/ntfy/",
        "method": "POST",
        "headers": {"Authorization": f"Bearer {key_of(shown.link)}", "Content-Type": "application/json"},
        "body": json.dumps({"verb": verb, "step": shown.step}),
        "clear": True,
    }


def key_of(link: str) -> str:
    """The key for the buttons of a message with this answer link."""
    token = link.rstrip("/").rpartition("/")[2]
    return f"{token}.{_mac(token, settings.SECRET_KEY)}"


def token_of(key: str) -> str:
    """The answer link's token within a key; empty if we did not make the key. Compared in constant time."""
    token, _, mac = key.rpartition(".")
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return token if any(constant_time_compare(mac, _mac(token, key)) for key in keys) else ""


def _mac(token: str, key: str) -> str:
    return salted_hmac("oncall.messaging.ntfy", token, secret=key, algorithm="sha256").hexdigest()[:40]
