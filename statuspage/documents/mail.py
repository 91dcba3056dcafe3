"""Mail to subscribers: subject, text, HTML and headers, with ``{{name}}`` left open for each recipient.

Open names: ``to``, ``why``, ``manage_url``, ``unsubscribe_url`` and, for the thread, ``first_id``.
"""

import textwrap
from dataclasses import dataclass, field

from django.template.loader import render_to_string

from oncall.messaging import render
from statuspage import rollup
from statuspage.documents import cards, words
from statuspage.documents.page import Page, Post, Site, Update

WIDTH = 72
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
        "button": "See the maintenance" if post.kind == "maintenance" else "Follow the incident",
    }
    return Mail(
        subject=f"[{page.site.name} status] {post.name}",
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
            rows.append(
                cards.Chip(known[one.code].name, one.new_status, words.STATUS_WORD[one.new_status].lower())
            )
    return sorted(rows, key=lambda chip: -rollup.rank(chip.status))


def facts(page: Page, post: Post):
    zone, now = page.site.zone, page.as_of
    if post.kind == "maintenance":
        yield "When", words.window(post.scheduled_for, post.scheduled_until, zone)
    else:
        yield "Since", words.near(post.began_at, now, zone)
        if post.resolved_at:
            yield "Length", cards.lasted(page, post)
    if post.next_update_at and post.next_update_at > now:
        yield "Next update", f"by {words.near(post.next_update_at, now, zone)}"


def _update_text(context: dict, told: Update) -> str:
    """State in capitals first, 72 columns, labels aligned, addresses on lines of their own."""
    post = context["post"]
    lines = [
        f"{context['state'].upper()}: {post.name}",
        f"{words.IMPACT_WORD[post.impact]}. {context['date']}",
        "",
    ]
    lines += [wrapped(told.body), ""]
    rows = [("Affected", [f"{chip.name} ({chip.word})" for chip in context["affected"]])]
    rows += [(label, [value]) for label, value in context["facts"]]
    for label, values in rows:
        for index, value in enumerate(values):
            lines.append(f"{label + ':' if index == 0 else '':<15} {value}".replace(words.NBSP, " "))
    lines += ["", context["url"], "", FOOT]
    return "\n".join(lines).replace(words.NBSP, " ")


SIGNATURE = "-- "  # with the blank: mailers fold what follows
FOOT = f"""{SIGNATURE}
Sent to {{{{to}}}}, who subscribed to {{{{why}}}}.
Change:         {{{{manage_url}}}}
Unsubscribe:    {{{{unsubscribe_url}}}}
"""


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
    html = render_to_string("statuspage/mail/letter.html", context | {"foot": foot, "preheader": title})
    text = "\n\n".join([title, wrapped(body), f"{button}:\n{url}", f"{SIGNATURE}\n{wrapped(foot)}"]) + "\n"
    return Mail(subject=subject, text=text, html=html)
