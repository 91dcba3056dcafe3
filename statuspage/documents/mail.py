"""Mail to subscribers: subject, text, HTML and headers, with ``{{name}}`` left open for each recipient.

Open names: ``to``, ``why``, ``manage_url``, ``unsubscribe_url`` and, for the thread, ``first_id``.
"""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from unicodedata import east_asian_width

from django.template.loader import render_to_string
from django.utils.translation import gettext, pgettext

from oncall.messaging import render
from statuspage import rollup
from statuspage.documents import cards, words
from statuspage.documents.page import Page, Post, Site, Update

WIDTH = 72
LABEL_WIDTH = 16
_SIGN = {"critical": "■", "major": "▲", "minor": "◐", "none": "", "maintenance": ""}
_GOOD = {"resolved", "postmortem", "completed"}
_CHIP_COLOUR = {
    "critical": "#b42318",
    "major": "#b5410c",
    "minor": "#855800",
    "maintenance": "#1d4ed8",
    "none": "#525b6b",
}
_GOOD_COLOUR = "#12703a"


@dataclass(frozen=True)
class Mail:
    """One text for everybody it goes to."""

    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)


def update(page: Page, post: Post, told: Update, *, is_first: bool) -> Mail:
    """The mail about one update. Its subject is the same for every update, so that mailers keep one thread."""
    zone = page.site.zone
    good = told.status in _GOOD
    context = {
        "site": page.site,
        "post": post,
        "state": words.STATE_WORD[told.status],
        "chip": chip(post, told),
        "chip_colour": _GOOD_COLOUR if good else _CHIP_COLOUR[post.impact],
        "date": words.full(told.display_at, zone),
        "html": render.markdown(told.body),
        "affected": affected(page, post, told),
        "facts": list(facts(page, post)),
        "url": f"{page.site.url}/incidents/{post.id}/",
        "preheader": words.plain(render.markdown(told.body))[:140],
        "button": _button(post),
        "language": words.language(),
        "sent": _sent(),
    }
    return Mail(
        subject=gettext("[%(page)s] %(post)s") % {"page": words.page_name(page.site.name), "post": post.name},
        text=_update_text(context, told),
        html=render_to_string("statuspage/mail/update.html", context),
        headers=list_headers(page.site)
        | {"Feedback-ID": f"update:{page.site.id}:status:muster"}
        | ({} if is_first else {"In-Reply-To": "{{first_id}}", "References": "{{first_id}}"}),
    )


def list_headers(site: Site) -> dict[str, str]:
    """What makes it a list mail that one click leaves (RFC 2369, RFC 2919, RFC 8058)."""
    host = site.url.split("://")[-1].split("/")[0].split(":")[0]
    name = render.clean_header(site.name).replace('"', "")
    return {
        "List-Id": f'"{name} status updates" <updates.{host}>',
        "List-Unsubscribe": "<{{unsubscribe_url}}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Archive": f"<{site.url}/history/>",
        "Precedence": "list",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }


def _button(post: Post) -> str:
    return gettext("See the maintenance") if post.kind == "maintenance" else gettext("Follow the incident")


def chip(post: Post, told: Update) -> str:
    if told.status in _GOOD:
        return f"✓ {words.STATE_WORD[told.status]}"
    sign = f"{_SIGN[post.impact]} " if _SIGN[post.impact] else ""
    state = words.STATE_WORD[told.status]
    return f"{sign}{state}" if post.impact == "none" else f"{sign}{words.IMPACT_WORD[post.impact]} · {state}"


def affected(page: Page, post: Post, told: Update) -> list[cards.Chip]:
    known, rows = page.by_id, []
    for one in told.affected or ():
        if one.code in known:
            rows.append(cards.Chip(known[one.code].name, one.new_status, words.STATUS_SAID[one.new_status]))
    return sorted(rows, key=lambda chip: -rollup.rank(chip.status))


def facts(page: Page, post: Post):
    zone, now = page.site.zone, page.as_of
    if post.kind == "maintenance":
        yield gettext("When"), words.window(post.scheduled_for, post.scheduled_until, zone)
    else:
        yield pgettext("before a time", "Since"), words.near(post.began_at, now, zone)
        if post.resolved_at:
            yield gettext("Length"), cards.lasted(page, post)
    if post.next_update_at and post.next_update_at > now:
        by = pgettext("next update", "by %(time)s") % {"time": words.near(post.next_update_at, now, zone)}
        yield gettext("Next update"), by


def _update_text(context: dict, told: Update) -> str:
    """State in capitals first, 72 columns, labels aligned, addresses on lines of their own."""
    post = context["post"]
    impact = {"impact": words.IMPACT_WORD[post.impact], "time": context["date"]}
    lines = [
        words.labelled(context["state"].upper(), post.name),
        pgettext("mail", "%(impact)s. %(time)s") % impact,
        "",
    ]
    lines += [wrapped(told.body), ""]
    affected = [_named(chip) for chip in context["affected"]]
    rows = [("" if index else gettext("Affected"), value) for index, value in enumerate(affected)]
    lines += [*_aligned([*rows, *context["facts"]]), "", context["url"], "", *_foot()]
    return "\n".join(lines).replace(words.NBSP, " ") + "\n"


SIGNATURE = "-- "  # with the blank: mailers fold what follows


def _sent() -> str:
    return gettext("Sent to %(address)s, who subscribed to %(what)s.") % {
        "address": "{{to}}",
        "what": "{{why}}",
    }


def _foot() -> list[str]:
    return [
        SIGNATURE,
        _sent(),
        *_aligned([(gettext("Change"), "{{manage_url}}"), (gettext("Unsubscribe"), "{{unsubscribe_url}}")]),
    ]


def _named(chip: cards.Chip) -> str:
    named = {"name": chip.name, "status": chip.word}
    return pgettext("component and status", "%(name)s (%(status)s)") % named


def _aligned(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Labels and their values, the values below each other."""
    told = [(words.labelled(label, "").rstrip() if label else "", value) for label, value in rows]
    width = max([LABEL_WIDTH, *(_columns(label) + 1 for label, _ in told)])
    return [f"{label}{' ' * (width - _columns(label))}{value}" for label, value in told]


def _columns(text: str) -> int:
    """As wide as a terminal shows it: a letter of East Asia takes two columns."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def wrapped(body: str) -> str:
    """Paragraphs at 72 columns; lists, code and addresses keep their lines."""
    return "\n\n".join(_paragraph(text) for text in body.split("\n\n"))


def _paragraph(text: str) -> str:
    structured = (
        text.startswith((" ", "\t", "```", ">", "|")) or "\n- " in f"\n{text}" or "\n* " in f"\n{text}"
    )
    if structured:
        return text
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def letter(site: Site, *, title: str, subject: str, body: str, button: str, url: str, foot: str) -> Mail:
    """A short mail with one thing to press: to confirm, or to manage. ``url`` may be an open name."""
    context = {"site": site, "title": title, "html": render.markdown(body), "button": button, "url": url}
    context |= {"foot": foot, "preheader": title, "language": words.language()}
    html = render_to_string("statuspage/mail/letter.html", context)
    press = words.labelled(button, "").rstrip()
    text = "\n\n".join([title, wrapped(body), f"{press}\n{url}", f"{SIGNATURE}\n{wrapped(foot)}"]) + "\n"
    return Mail(subject=subject, text=text, html=html)
