"""What a channel of Slack or Teams is sent: blocks, or an adaptive card, around the same facts. Pure.

As in ``hooks``: JSON in ASCII, with ``{{manage_url}}`` left open for its receiver.
"""

from dataclasses import dataclass

from django.utils.translation import gettext

from oncall.messaging import render
from statuspage.documents import hooks, mail, words
from statuspage.documents.page import Page, Post, Update

_TITLE, _TEXT = 150, 2_800


@dataclass(frozen=True)
class Note:
    """What is said, and the links below it: label and address each."""

    title: str
    lead: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    foot: str = ""


def update(page: Page, post: Post, told: Update) -> Note:
    """An update of a post."""
    affected = words.joined([chip.name for chip in mail.affected(page, post, told)])
    facts = [(gettext("Affected"), affected)] if affected else []
    return Note(
        title=f"{page.site.name}: {post.name}",
        lead=mail.chip(post, told),
        text="\n\n".join(words.plain(render.markdown(part)) for part in told.body.split("\n\n")),
        facts=(*facts, *mail.facts(page, post)),
        links=((gettext("See the status page"), f"{page.site.url}/incidents/{post.id}/"),),
        foot=hooks.left_open("manage_url"),
    )


def question(page: Page, what: str) -> Note:
    """Whether this channel is to be told: comes before everything else."""
    return Note(
        title=gettext("Confirm the subscription of this channel"),
        lead=page.site.name,
        text=gettext(
            "Somebody asked for news of %(site)s in this channel: %(what)s. Nothing comes before one of you "
            "confirms. The link works for 48 hours. If nobody here asked, leave it."
        )
        % {"site": page.site.name, "what": what},
        links=((gettext("Confirm"), hooks.left_open("confirm_url")),),
    )


def subscribed_already(page: Page, what: str) -> Note:
    """For a channel that was entered again."""
    return Note(
        title=gettext("This channel is subscribed already"),
        lead=page.site.name,
        text=gettext("It receives %(what)s. Here you can change that or unsubscribe.") % {"what": what},
        links=((gettext("Change what you receive"), hooks.left_open("manage_url")),),
    )


def slack(note: Note) -> str:
    """Blocks for an incoming webhook. Source: Slack's documentation of Block Kit."""
    lines = [f"*{_slack(note.lead)}*", _slack(cut(note.text, _TEXT // 2))[:_TEXT]]
    blocks: list[dict] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(note.title, _TITLE), "emoji": False}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)}},
    ]
    if note.facts:
        told = [
            {"type": "mrkdwn", "text": f"*{_slack(label)}*\n{_slack(cut(value, 900))}"}
            for label, value in note.facts[:10]
        ]
        blocks.append({"type": "section", "fields": told})
    links = [f"<{url}|{_slack(label)}>" for label, url in note.links]
    if note.foot:
        links.append(f"<{note.foot}|{_slack(gettext('Change or stop these messages'))}>")
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(links)}]})
    body = {
        "text": _slack(cut(f"{note.lead}: {note.title}", _TITLE * 2)),
        "blocks": blocks,
        "unfurl_links": False,
    }
    return hooks.written(body)


def teams(note: Note) -> str:
    """An adaptive card for a workflow. Source: Microsoft's "Create incoming webhooks with Workflows"."""
    links = list(note.links)
    if note.foot:
        links.append((gettext("Change or stop these messages"), note.foot))
    body: list[dict] = [
        _block(cut(note.title, _TITLE), size="Large", weight="Bolder"),
        _block(note.lead, weight="Bolder"),
        _block(cut(note.text, _TEXT)),
    ]
    if note.facts:
        told = [{"title": label, "value": _teams(cut(value, 900))} for label, value in note.facts]
        body.append({"type": "FactSet", "facts": told})
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in links],
    }
    card = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return hooks.written({"type": "message", "attachments": [card]})


def cut(text: str, limit: int) -> str:
    """The text, at most ``limit`` characters long."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _slack(text: str) -> str:
    """Slack's three characters; no word calls a whole channel then, since ``<!channel>`` is none."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(text: str) -> str:
    """A text block shows some Markdown: no address may hide behind words, and one line end is none."""
    return text.replace("[", "\\[").replace("\n", "\n\n")


def _block(text: str, **style: str) -> dict:
    return {"type": "TextBlock", "text": _teams(text), "wrap": True, **style}
