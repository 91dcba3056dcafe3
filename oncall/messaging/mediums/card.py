"""A letter as chat and push show it: a title, a few lines, a link, and buttons. Pure."""

import re
from dataclasses import dataclass

from oncall.messaging.mediums.base import Letter

_MENTION = re.compile(r"(?<!\S)@")
BUTTONS = {"acknowledge": "Acknowledge", "escalate": "Escalate", "resolve": "Resolve"}


@dataclass(frozen=True)
class Card:
    """``link`` acts in the name of the one it was written to; ``said`` is what has happened since it was sent.

    ``verbs`` are what its buttons offer, for page ``page`` as it stood at ``step``, a word of the caller's own.
    ``is_loud``: it may wake somebody.
    """

    title: str
    text: str
    link: str
    said: str
    verbs: tuple[str, ...]
    page: str
    step: str
    is_loud: bool


def card(letter: Letter) -> Card:
    """The card of a letter; of one that changes another, the other's with what has happened since."""
    first = letter.original or letter
    values = {**first.values, **letter.values}
    verbs = tuple(verb for verb in values.get("verbs", "").split() if verb in BUTTONS)
    page = values.get("page", "")
    return Card(
        title=first.subject,
        text=(first.brief or first.text).strip(),
        link=first.values.get("link", "") if page else "",
        said=letter.brief or letter.text if letter.original else "",
        verbs=verbs if page else (),
        page=page,
        step=values.get("step", ""),
        is_loud=values.get("urgency") == "high",
    )


def cut(text: str, limit: int) -> str:
    """The text, at most ``limit`` characters long."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def quiet(text: str) -> str:
    """Text in which no word calls a whole channel; addresses with an @ inside still lead where they led."""
    return _MENTION.sub("@\u200b", text)


def plain(card: Card, *, limit: int, with_link: bool = True) -> str:
    """All but the title as plain text; the middle is cut, never the link or what has happened."""
    head = f"{card.said}\n\n" if card.said else ""
    tail = f"\n\nAnswer: {card.link}" if with_link and card.link else ""
    return f"{head}{cut(card.text, limit - len(head) - len(tail))}{tail}".strip()
