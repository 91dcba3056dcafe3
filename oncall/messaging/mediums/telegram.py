"""Telegram: a bot sends a message with buttons and edits it once somebody has answered.

The bot's token is part of the address that we call, so no error of ours repeats an address. Source:
Telegram's Bot API (sendMessage, editMessageText, CallbackQuery, setWebhook).
"""

import re
from typing import Any

from django.conf import settings

from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.card import BUTTONS, Card, card, cut, plain
from oncall.messaging.mediums.provider import Reply, Service, text_of

_ID = re.compile(r"-?[1-9][0-9]{3,19}")
_TITLE_LIMIT, _TEXT_LIMIT = 300, 1_700  # together 4,096 UTF-16 units even if every character takes two
_GONE = ("message to edit not found", "message can't be edited", "message is not modified")


class Telegram(Service):
    """The medium ``telegram``: to a person who has started the bot, or into a group."""

    name = "telegram"
    label = "Telegram"
    hint = "A chat ID such as 123456789: the bot tells it to whoever sends it /start"
    changes = True
    needs = ("TELEGRAM_BOT_TOKEN",)

    def check_address(self, address: str) -> str:
        """A chat's number; that of a person's chat with the bot is her own."""
        address = address.strip()
        if not _ID.fullmatch(address):
            raise DomainError(
                "bad_address",
                "Enter a Telegram chat ID such as 123456789. Send /start to the bot and it tells you yours.",
            )
        return address

    def post(self, letter: Letter) -> Receipt:
        reply = self._api(
            "sendMessage", {"chat_id": int(self.check_address(letter.address)), **_content(letter)}
        )
        result = reply.body.get("result")
        message = result.get("message_id") if isinstance(result, dict) else None
        if not isinstance(message, int):
            raise self.unreadable(reply)
        return Receipt(code="200", text="Sent by Telegram.", provider_id=str(message))

    def change(self, letter: Letter) -> Receipt:
        where = {"chat_id": int(self.check_address(letter.address)), "message_id": int(letter.provider_id)}
        try:
            self._api("editMessageText", {**where, **_content(letter)})
        except DeliveryError as error:
            if not any(words in error.text for words in _GONE):
                raise
            return Receipt(code=error.code, text="The message cannot be changed any more.")
        return Receipt(code="200", text="Changed in Telegram.")

    def _api(self, method: str, body: dict[str, Any]) -> Reply:
        url = f"{settings.TELEGRAM_API_URL}/bot{settings.TELEGRAM_BOT_TOKEN}/{method}"
        reply = self.call("POST", url, body=body)
        if reply.is_ok and reply.body.get("ok") is True:
            return reply
        if reply.is_ok:
            raise self.unreadable(reply)
        raise self.refused(reply, text_of(reply.body.get("description")), retry_after_s=_asked_wait_s(reply))


def _asked_wait_s(reply: Reply) -> int | None:
    parameters = reply.body.get("parameters")
    asked = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return asked if isinstance(asked, int) and 0 <= asked < 1_000_000 else None


def _content(letter: Letter) -> dict[str, Any]:
    shown = card(letter)
    text = plain(shown, limit=_TEXT_LIMIT, with_link=not is_shared(letter.address))
    content: dict[str, Any] = {
        "text": f"{cut(shown.title, _TITLE_LIMIT)}\n\n{text}",
        "link_preview_options": {"is_disabled": True},
        "disable_notification": not shown.is_loud and bool(shown.page),
    }
    if letter.original:
        del content["disable_notification"]
    rows = [[_button(verb, shown)] for verb in shown.verbs] if settings.TELEGRAM_WEBHOOK_SECRET else []
    return {**content, "reply_markup": {"inline_keyboard": rows}}


def is_shared(address: str) -> bool:
    """Whether others read there too: groups have negative numbers."""
    return address.startswith("-")


def _button(verb: str, shown: Card) -> dict[str, str]:
    """At most 64 bytes come back from a press."""
    return {"text": BUTTONS[verb], "callback_data": f"{verb}:{shown.page}:{shown.step}"}
