"""A post-mortem as one Markdown file, so that it can leave the portal."""

from oncall.messaging import render
from postmortems.models import PostMortem


def markdown(postmortem: PostMortem) -> str:
    """Title, sections, action items and facts as Markdown."""
    return render.plain(
        "postmortems/export.md",
        {
            "postmortem": postmortem,
            "incident": postmortem.incident,
            "sections": [section for section in postmortem.sections.all() if section.text.strip()],
            "actions": postmortem.actions.select_related("owner"),
        },
    )
