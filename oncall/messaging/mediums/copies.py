"""One mail to many: what is the same for all is encoded once, and each copy only fills the places left open.

Building a mail with Django costs half a millisecond, most of it for what a hundred thousand copies share. A copy
from here parses to the same headers and the same texts. Both texts are quoted-printable: a piece of that may end
at any place with a soft line break, so that a value needs no look at what stands around it; no line is ever too
long, and none begins with a dot. Pure: no ORM, no clock, no settings.
Sources: RFC 2045 section 6.7, RFC 5321 section 4.5.2, RFC 5322.
"""

import binascii
import email.policy
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from django.core.mail.message import forbid_multi_line_headers
from django.utils.html import escape

from oncall.messaging.mediums.base import Odd
from oncall.messaging.render import PLACEHOLDER, clean_header, clean_text, fill

_FOLDING = email.policy.compat32.clone(linesep="\r\n")
_BOUNDARY = b"=_muster"  # "=_" is never part of quoted-printable (RFC 2045 section 6.7)
_PART = b"Content-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
_KINDS = b"plain", b"html"
_LINE = 76
_SOFT_BREAK = b"=\r\n"
_AS_IT_IS = re.compile(r"[A-Za-z0-9:/_?+~@-][A-Za-z0-9:/_?+~@.-]{,70}")
_FIRST_DOT = re.compile(rb"^\.", re.MULTILINE)

Values = Mapping[str, object]


class Form:
    """A mail with places left open, ``{{name}}``, for each copy's values; a name without a value stays as written.

    Raises ``Odd``, here or in ``fill``, for what only a mail written in full gets right.
    """

    def __init__(
        self, *, subject: str, text: str, html: str, headers: Mapping[str, str], sender: str
    ) -> None:
        self.sender = parseaddr(sender)[1]
        lines = {"Subject": (subject, 200)} | {name: (value, 900) for name, value in headers.items()}
        self._open = {name: line for name, line in lines.items() if PLACEHOLDER.search(line[0])}
        same = {name: _one_line(*line) for name, line in lines.items() if name not in self._open}
        same |= {"From": sender, "Auto-Submitted": "auto-generated", "MIME-Version": "1.0"}
        self._same = b"".join(_header(name, value) for name, value in same.items())
        self._bodies = [_Body(text), *([_Body(html, escaped=True)] if html else [])]

    def fill(self, *, to: str, stable_id: str, values: Values, at: datetime) -> bytes:
        """The copy for one plain address, as it goes over the wire."""
        if not (to.isascii() and stable_id.isascii()):
            raise Odd(to)
        head = f"To: {to}\r\nMessage-ID: {stable_id}\r\nDate: {format_datetime(at)}\r\n".encode()
        own = [
            _header(name, _one_line(fill(line, values), limit)) for name, (line, limit) in self._open.items()
        ]
        texts = [body.fill(values) for body in self._bodies]
        if not all(texts):
            raise Odd("a text that is empty")
        plain, *html = ([_PART % kind, *text] for kind, text in zip(_KINDS, texts, strict=False))
        if not html:
            return b"".join([head, *own, self._same, *plain, b"\r\n"])
        bar = b"\r\n--" + _BOUNDARY
        kind = b'Content-Type: multipart/alternative; boundary="%b"\r\n' % _BOUNDARY
        parts = [bar, b"\r\n", *plain, bar, b"\r\n", *html[0], bar, b"--\r\n"]
        return b"".join([head, *own, self._same, kind, *parts])


class _Body:
    """A text in quoted-printable with its open places."""

    def __init__(self, template: str, *, escaped: bool = False) -> None:
        self._escaped = escaped
        template = clean_text(template)
        first, *rest = PLACEHOLDER.split(template)  # text, name, text, name, ... text
        written = [_quoted(match[0]) for match in PLACEHOLDER.finditer(template)]
        pieces = [_quoted(_steady(piece)) for piece in rest[1::2]]
        self._first = _quoted(first)
        self._places = list(zip(rest[0::2], written, pieces, strict=True))

    def fill(self, values: Values) -> list[bytes]:
        """The pieces in order, with a soft break wherever two meet within a line."""
        out = [self._first] if self._first else []
        for name, written, piece in self._places:
            for part in (_value(str(values[name]), self._escaped) if name in values else written, piece):
                if not part:
                    continue
                if out and not (out[-1].endswith(b"\n") or part.startswith(b"\r")):
                    out.append(_SOFT_BREAK)
                out.append(part)
        return out


def _value(value: str, escaped: bool) -> bytes:
    return value.encode() if _AS_IT_IS.fullmatch(value) else _encoded(value, escaped)


@lru_cache(maxsize=1000)  # what people subscribed to is the same for many
def _encoded(value: str, escaped: bool) -> bytes:
    value = _steady(clean_text(value))
    return _quoted(str(escape(value)) if escaped else value)


def _steady(text: str) -> str:
    """The text, unless it begins with what may join the letter in front of it (Unicode Annex 15)."""
    if text[:1] >= "\u0300" and (unicodedata.category(text[0])[0] == "M" or "\u1100" <= text[0] <= "\u11ff"):
        raise Odd(text[0])
    return text


def _quoted(text: str) -> bytes:
    """Text in quoted-printable with CRLF, no line of it with a dot in front, which SMTP would have doubled."""
    quoted = binascii.b2a_qp(text.encode(), istext=True).replace(b"\n", b"\r\n")
    return _FIRST_DOT.sub(b"=2E", quoted)


def _one_line(value: str, limit: int) -> str:
    fine = len(value) <= limit and value.isascii() and value.isprintable() and " " not in value
    return value if fine else clean_header(value, limit=limit)


def _header(name: str, value: str) -> bytes:
    """A header, folded and encoded where it has to be."""
    if not value.isascii() or (len(name) + len(value) > _LINE and " " in value):
        return _FOLDING.fold(*forbid_multi_line_headers(name, value, "utf-8")).encode("ascii")
    return f"{name}: {value}\r\n".encode()
