"""Microsoft Teams: an Adaptive Card to a workflow ("When a Teams webhook request is received").

A workflow takes cards and gives nothing back, so a card has no buttons that act, only the answer link, and
cannot be changed later. The address holds its own secret. Source: Microsoft's "Create incoming webhooks with
Workflows".
"""

from typing import Any

from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.card import card, cut, plain
from oncall.messaging.mediums.provider import Service

_TITLE_LIMIT, _TEXT_LIMIT = 300, 4_000  # a card may have 28 kB


class Teams(Service):
    """The medium ``teams``: the address is the workflow's, entered by a person, so the guard against private
    addresses holds.
    """

    name = "teams"
    label = "Microsoft Teams"
    hint = "The HTTP POST address of a workflow that posts into a chat of your own"

    def check_address(self, address: str) -> str:
        try:
            return egress.parse(address.strip()).url
        except DeliveryError as error:
            raise DomainError("bad_address", error.text) from None

    def post(self, letter: Letter) -> Receipt:
        """Hand the card over; 202 says that the workflow has begun, not that Teams has shown it."""
        address = self.check_address(letter.address)
        reply = self.call("POST", address, body=payload(letter), trusted=False)
        if not reply.is_ok:
            # What the receiver wrote is not repeated: it may come from a place that the reader must not see.
            raise self.refused(reply, "")
        return Receipt(code=str(reply.status), text="Taken by the workflow.")


def payload(letter: Letter) -> dict[str, Any]:
    """The message as Teams wants it: one card."""
    shown = card(letter)
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            _block(cut(shown.title, _TITLE_LIMIT), size="Large", weight="Bolder"),
            _block(plain(shown, limit=_TEXT_LIMIT, with_link=False)),
        ],
    }
    if shown.link:
        content["actions"] = [{"type": "Action.OpenUrl", "title": "Answer", "url": shown.link}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [attachment]}


def _block(text: str, **style: str) -> dict[str, Any]:
    """A text block shows some Markdown: no address may hide behind words, and one line end is none."""
    shown = text.replace("[", "\\[").replace("\n", "\n\n")
    return {"type": "TextBlock", "text": shown, "wrap": True, **style}
