"""Mattermost: a bot posts a message with buttons and patches it once somebody has answered.

Mattermost signs nothing. What comes back with a press is the ``context`` that we gave its button, which only
the server knows, so that carries a MAC of ours. Source: Mattermost's API reference (version 4) and
"Interactive messages".
"""

import functools
import re
from typing import Any

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.card import BUTTONS, Card, card, cut, plain, quiet
from oncall.messaging.mediums.provider import Reply, Service, text_of

_ID = re.compile(r"(channel:)?[a-z0-9]{26}")
_STYLES = {"acknowledge": "primary", "resolve": "danger"}
_TITLE_LIMIT, _TEXT_LIMIT = 300, 3_500
_SIGNED = ("verb", "page", "step", "to", "at")


class Mattermost(Service):
    """The medium ``mattermost``: to a person by a direct message, or into a channel."""

    name = "mattermost"
    label = "Mattermost"
    hint = "A user ID of 26 letters and digits, or channel: and a channel ID"
    changes = True
    needs = ("MATTERMOST_URL", "MATTERMOST_TOKEN")

    def check_address(self, address: str) -> str:
        """A user's ID, or ``channel:`` and a channel's; people can rename themselves, IDs stay."""
        address = address.strip().lower()
        if not _ID.fullmatch(address):
            raise DomainError(
                "bad_address",
                "Enter a Mattermost user ID (26 letters and digits), or channel: followed by a channel ID.",
            )
        return address

    def post(self, letter: Letter) -> Receipt:
        """Post it. A repeat with the same pending ID within seconds is folded by the server."""
        channel = self._channel(self.check_address(letter.address))
        body = {"channel_id": channel, "pending_post_id": letter.stable_id, **_content(letter)}
        reply = self._api("POST", "posts", body)
        return Receipt(code=str(reply.status), text="Posted to Mattermost.", provider_id=self._named(reply))

    def change(self, letter: Letter) -> Receipt:
        try:
            reply = self._api("PUT", f"posts/{letter.provider_id}/patch", _content(letter))
        except DeliveryError as error:
            if error.code != "404":
                raise
            return Receipt(code="404", text="The message is gone, so nothing was changed.")
        return Receipt(code=str(reply.status), text="Changed in Mattermost.")

    def _channel(self, address: str) -> str:
        if address.startswith("channel:"):
            return address.removeprefix("channel:")
        return _direct_channel(self, settings.MATTERMOST_URL, settings.MATTERMOST_TOKEN, address)

    def _named(self, reply: Reply) -> str:
        """The ID of what was asked for or made."""
        found = text_of(reply.body.get("id"))
        if not found:
            raise self.unreadable(reply)
        return found

    def _api(self, method: str, path: str, body: Any = None) -> Reply:
        url = f"{settings.MATTERMOST_URL}/api/v4/{path}"
        reply = self.call(method, url, body=body, token=settings.MATTERMOST_TOKEN)
        if not reply.is_ok:
            raise self.refused(reply, text_of(reply.body.get("message")))
        return reply


@functools.lru_cache(maxsize=1000)
def _direct_channel(medium: Mattermost, url: str, token: str, user: str) -> str:
    """The channel between the bot and a person; it never changes. A failure is not remembered."""
    me = medium._named(medium._api("GET", "users/me"))
    return medium._named(medium._api("POST", "channels/direct", [me, user]))


def _content(letter: Letter) -> dict[str, Any]:
    shown = card(letter)
    attachment = {
        "fallback": cut(shown.title, _TITLE_LIMIT),
        "color": "#4a8f5f" if shown.said else "#c8372d",
        "text": quietened(
            plain(shown, limit=_TEXT_LIMIT, with_link=not letter.address.startswith("channel:"))
        ),
        "actions": [_button(verb, shown, letter) for verb in shown.verbs],
    }
    return {
        "message": f"**{escaped(cut(shown.title, _TITLE_LIMIT))}**",
        "props": {"attachments": [attachment]},
    }


def escaped(text: str) -> str:
    """A title that Mattermost shows as it is written."""
    return re.sub(r"([\\`*_{}\[\]<>()#|~])", r"\\\1", text).replace("@", "@\u200b")


def quietened(text: str) -> str:
    """Text whose addresses still lead somewhere, but that wakes no channel and hides no address behind words."""
    return quiet(text).replace("[", "\\[")


def _button(verb: str, shown: Card, letter: Letter) -> dict[str, Any]:
    url = f"{settings.PUBLIC_URL}/callbacks/mattermost/"
    return {
        "id": verb,
        "type": "button",
        "name": BUTTONS[verb],
        "style": _STYLES.get(verb, "default"),
        "integration": {"url": url, "context": context(verb, shown, letter)},
    }


def context(verb: str, shown: Card, letter: Letter) -> dict[str, str]:
    """What a press brings back: what to do, to whom the message went, when, and the proof that we wrote it."""
    told = {
        "verb": verb,
        "page": shown.page,
        "step": shown.step,
        "to": letter.address,
        "at": str(int(letter.sent_at.timestamp())),
    }
    return {**told, "mac": _mac(told, settings.SECRET_KEY)}


def is_ours(told: dict[str, str]) -> bool:
    """Whether we wrote this context, compared in constant time."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(told.get("mac", ""), _mac(told, key)) for key in keys)


def _mac(told: dict[str, str], key: str) -> str:
    signed = "\n".join(told.get(name, "") for name in _SIGNED)
    return salted_hmac("oncall.messaging.mattermost", signed, secret=key, algorithm="sha256").hexdigest()
