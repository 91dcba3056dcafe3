"""What text messages and calls have in common: numbers, and words short enough to read or to hear. Pure."""

import re

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.base import Letter
from oncall.messaging.render import clean_header, clean_text

#: So many characters fit into two parts of a text message; a part more is a part that may come too late.
SMS_LIMIT = 306
SPOKEN_LIMIT = 400
NOTICE_LIMIT = 480

#: What a key of the telephone does, as it is said and as it is done.
KEYS = {"4": "acknowledge", "5": "escalate", "6": "resolve"}
KEYS_SPOKEN = "Press 4 to acknowledge, 5 to escalate, 6 to resolve."

_NUMBER = re.compile(r"\+[1-9][0-9]{7,14}")
_SEPARATORS = re.compile(r"[ ().\u00a0/-]")
# One letter outside the alphabet of text messages halves how much fits into a part; these have a twin inside.
_TWINS = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "\u00a0": " ",
        "→": "->",
        "•": "-",
    }
)


def check_number(text: str) -> str:
    """The number as E.164 has it, ``+491701234567``; blanks and brackets between digits are let pass.

    Raises ``DomainError("bad_address")``. Source: ITU-T E.164, at most 15 digits after the plus.
    """
    number = _SEPARATORS.sub("", clean_text(text).strip(" "))
    if not _NUMBER.fullmatch(number):
        raise DomainError(
            "bad_address", "Enter the number with a plus and its country code, such as +49 170 1234567."
        )
    return number


def sms_text(letter: Letter) -> str:
    """What is read on the screen. A page: what it is, the code to reply with, and the link; else the text.

    Of a page only the title is cut, never the code or the link.
    """
    if letter.purpose != "page":
        return clean_header(letter.text.translate(_TWINS), limit=NOTICE_LIMIT)
    code, link = letter.values.get("code", ""), letter.values.get("link", "")
    reply = f"Reply {code} to acknowledge" if code else ""
    ways = ", or open ".join(filter(None, [reply, link]))
    ways = ways if reply or not link else f"Open {link}"
    head = clean_header(letter.subject.translate(_TWINS), limit=max(SMS_LIMIT - len(ways) - 2, 40))
    return f"{head.replace('…', '...')}\n{ways}" if ways else head


def spoken(letter: Letter) -> str:
    """What is heard. A page: severity, service and title as sentences; else the text."""
    if letter.purpose != "page":
        return clean_header(letter.text, limit=NOTICE_LIMIT)
    count = letter.values.get("bundled")
    ahead = f"{count} pages wait for you. The first of them: " if count else ""
    return clean_header(ahead + (letter.values.get("spoken") or letter.subject), limit=SPOKEN_LIMIT)


def spelt(code: str) -> str:
    """Digits one by one, for a voice: ``4, 8, 2``."""
    return ", ".join(code)
