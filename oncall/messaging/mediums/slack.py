"""Slack: a bot posts a message with buttons and changes it once somebody has answered.

``slack_sdk`` is not used: its client opens connections of its own, past our guard, and waits without an end
by the wall clock; what is left, a signature over ``v0:time:body``, is five lines (``signature``).

Slack says no with HTTP 200 and ``{"ok": false, "error": …}``. Source: Slack's documentation of
chat.postMessage, chat.update, and "Verifying requests from Slack".
"""

import hashlib
import hmac
import re
from typing import Any

from django.conf import settings

from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.card import BUTTONS, Card, card, cut
from oncall.messaging.mediums.provider import Reply, Service, text_of

_ID = re.compile(r"[UWCGD][A-Z0-9]{5,30}")
#: Errors that pass by themselves; every other is an answer that stays the same however often we ask.
_PASSING = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
}
_GONE = {"message_not_found", "channel_not_found", "is_archived", "edit_window_closed", "cant_update_message"}
_HEADER_LIMIT, _TEXT_LIMIT, _FALLBACK_LIMIT = 150, 2_800, 3_000


class Slack(Service):
    """The medium ``slack``: to a member by a direct message, or into a channel."""

    name = "slack"
    label = "Slack"
    hint = "A member ID such as U024BE7LH, or a channel ID such as C024BE91L"
    changes = True
    needs = ("SLACK_BOT_TOKEN",)

    def check_address(self, address: str) -> str:
        """A member's or a channel's ID; names change hands, IDs do not."""
        address = address.strip().upper()
        if not _ID.fullmatch(address):
            raise DomainError(
                "bad_address",
                "Enter a Slack member ID such as U024BE7LH (in the profile: ⋮, Copy member ID), "
                "or a channel ID such as C024BE91L.",
            )
        return address

    def post(self, letter: Letter) -> Receipt:
        """Post it; what Slack calls the message (channel and ``ts``) is kept for changing it."""
        body = {"channel": self.check_address(letter.address), **_content(letter)}
        reply = self._api("chat.postMessage", body)
        channel, ts = text_of(reply.body.get("channel")), text_of(reply.body.get("ts"))
        if not (channel and ts):
            raise self.unreadable(reply)
        return Receipt(code="200", text="Posted to Slack.", provider_id=f"{channel}:{ts}")

    def change(self, letter: Letter) -> Receipt:
        channel, _, ts = letter.provider_id.partition(":")
        try:
            self._api("chat.update", {"channel": channel, "ts": ts, **_content(letter)})
        except DeliveryError as error:
            if error.code not in _GONE:
                raise
            return Receipt(code="200", text=f"The message cannot be changed any more ({error.code}).")
        return Receipt(code="200", text="Changed in Slack.")

    def _api(self, method: str, body: dict[str, Any]) -> Reply:
        url = f"{settings.SLACK_API_URL}/{method}"
        reply = self.call("POST", url, body=body, token=settings.SLACK_BOT_TOKEN)
        if not reply.is_ok:
            raise self.refused(reply, text_of(reply.body.get("error")))
        if reply.body.get("ok") is True:
            return reply
        error = text_of(reply.body.get("error"))
        if not error:
            raise self.unreadable(reply)
        raise DeliveryError(
            f"Slack refused: {error[:100]}",
            permanent=error not in _PASSING,
            code=error,
            retry_after_s=reply.retry_after_s,
        )


def _content(letter: Letter) -> dict[str, Any]:
    shown = card(letter)
    title = f"{shown.said} | {shown.title}" if shown.said else shown.title
    return {
        "text": cut(escaped(title), _FALLBACK_LIMIT),
        "blocks": list(_blocks(shown, letter.address)),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _blocks(shown: Card, address: str):
    yield {
        "type": "header",
        "text": {"type": "plain_text", "text": cut(shown.title, _HEADER_LIMIT) or "Muster"},
    }
    if shown.said:
        yield _section(f"*{escaped(cut(shown.said, 500))}*")
    text = escaped(cut(shown.text, _TEXT_LIMIT // 2))[:_TEXT_LIMIT]
    if shown.link and not is_shared(address):
        text = f"{text}\n<{shown.link}|Open your answer page>".strip()
    if text:
        yield _section(text)
    if shown.verbs and settings.SLACK_SIGNING_SECRET:
        yield {"type": "actions", "elements": [_button(verb, shown) for verb in shown.verbs]}


def is_shared(address: str) -> bool:
    """Whether others read there too: then a link that acts in one person's name must not be shown."""
    return address[:1] in {"C", "G"}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _button(verb: str, shown: Card) -> dict[str, Any]:
    button: dict[str, Any] = {
        "type": "button",
        "action_id": verb,
        "text": {"type": "plain_text", "text": BUTTONS[verb]},
        "value": f"{shown.page}:{shown.step}",
    }
    if verb == "acknowledge":
        button["style"] = "primary"
    if verb == "resolve":
        button["confirm"] = {
            "title": {"type": "plain_text", "text": "Is it over?"},
            "text": {"type": "plain_text", "text": "Nobody will be paged for this any more."},
            "confirm": {"type": "plain_text", "text": "It is over"},
            "deny": {"type": "plain_text", "text": "Not yet"},
        }
    return button


def escaped(text: str) -> str:
    """Text that Slack shows as it is: a title cannot call ``<!channel>`` or hide where a link leads."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What Slack writes into ``X-Slack-Signature``."""
    signed = b":".join([b"v0", timestamp.encode(), body])
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
