"""Pure: what is laid over a finished page of HTML: an emergency line, and how old a copy is.

The bytes of the page stay as they were rendered; a strip goes before its header, where the look has its place.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.utils.html import escape
from django.utils.translation import gettext as _

from statuspage.documents import words

OLD_AFTER = timedelta(minutes=5)
HOUR, DAY = 60, 24 * 60
#: Where strips go: before the page's header.
PLACE = b'<header class="top">'


@dataclass(frozen=True)
class Age:
    """How old a copy is, in whole minutes, and of when it is."""

    minutes: int
    of: words.Moment

    @property
    def told(self) -> str:
        """ "This copy is 17 minutes old." """
        if self.minutes < 2 * HOUR:
            return _("This copy is %(count)d minutes old.") % {"count": self.minutes}
        if self.minutes < 2 * DAY:
            return _("This copy is %(count)d hours old.") % {"count": self.minutes // HOUR}
        return _("This copy is %(count)d days old.") % {"count": self.minutes // DAY}


def laid_over(body: bytes, *, line: str = "", age: Age | None = None) -> bytes:
    """The page with its strips; a document without a header has no place for them and stays as it is."""
    strips = "".join([_emergency(line) if line else "", _old(age) if age else ""])
    return body.replace(PLACE, strips.encode() + PLACE, 1) if strips else body


def _old(age: Age) -> str:
    moment = f'<time datetime="{age.of.iso}">{escape(age.of.text)}</time>'
    more = _("It shows the state at %(moment)s; there may be newer news.") % {"moment": moment}
    again = escape(_("Load the page again"))
    label = escape(_("Old copy"))
    icon = '<svg class="icon i20" aria-hidden="true"><use href="#unknown"/></svg>'
    return (
        f'<aside class="strip old" aria-label="{label}"><div class="wrap">{icon}'
        f'<p><b>{escape(age.told)}</b> {more}</p><a href="">{again}</a></div></aside>\n'
    )


def _emergency(line: str) -> str:
    label = escape(_("Announcement"))
    return (
        f'<aside class="strip emergency" aria-label="{label}"><div class="wrap">'
        f"<p>{escape(line)}</p></div></aside>\n"
    )
