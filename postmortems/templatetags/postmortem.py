"""What the pages and lists of post-mortems and actions need: chips, deadlines, Markdown."""

from django import template
from django.utils.html import format_html

from oncall.messaging import render
from oncall.models import User
from oncall.templatetags.muster import icon
from postmortems.models import ActionItem, PostMortem

register = template.Library()
register.filter("markdown", render.markdown)

#: How a state looks: its icon, and whether it is a good end.
LOOKS = {
    PostMortem.State.DRAFT: ("pencil", ""),
    PostMortem.State.IN_REVIEW: ("eye", ""),
    PostMortem.State.APPROVED: ("check", "m-stage-good"),
    PostMortem.State.PUBLISHED: ("megaphone", "m-stage-good"),
    ActionItem.State.OPEN: ("st-declared", ""),
    ActionItem.State.DONE: ("check", "m-stage-good"),
    ActionItem.State.WAIVED: ("st-cancelled", "m-stage-quiet"),
}


@register.simple_tag
def stage(row: PostMortem | ActionItem, chip: bool = False) -> str:
    """The state of a post-mortem or an action: icon and word; ``chip`` with a border, for page headers."""
    picture, tone = LOOKS[row.state]
    look = f"m-state {tone}{' m-state-chip' if chip else ''}"
    return format_html('<span class="{}">{}{}</span>', look, icon(picture), row.get_state_display())


@register.simple_tag
def due_words(words: str, tone: str) -> str:
    """A deadline in words; late in red with its sign, soon in amber."""
    if tone == "late":
        return format_html('<span class="m-late">{}{}</span>', icon("alert"), words)
    return format_html('<span class="m-nowrap{}">{}</span>', " m-warn" if tone == "soon" else "", words)


def due_cell(words: str, tone: str, on: str) -> str:
    """The same in a list, with the day below."""
    return format_html('{}<span class="m-small m-below">{}</span>', due_words(words, tone), on)


def quiet(what: str) -> str:
    """What is not there, or no longer matters."""
    return format_html('<span class="m-quiet">{}</span>', what)


def name(person: User | None) -> str:
    """Who has it; amber when nobody does, since it stays undone."""
    if person is None:
        return format_html('<span class="m-warn m-nowrap">{}</span>', "Nobody yet")
    return format_html('<span class="m-nowrap">{}</span>', person)
