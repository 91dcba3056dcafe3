"""What the public may read of a post-mortem: the parts that a person chose, and nothing else."""

from collections.abc import Iterable

from oncall.messaging.errors import DomainError
from postmortems.models import ActionItem, PostMortem, Section
from statuspage.models import Post

Stage = PostMortem.State
ACTIONS = "actions"
_MARKS = {ActionItem.State.DONE: "Done: ", ActionItem.State.OPEN: "", ActionItem.State.WAIVED: None}


def post_of(postmortem: PostMortem) -> Post:
    """The public post that it is published with.

    Raises ``DomainError`` (``private``, ``not_approved``, ``no_post``, ``still_open``) with what to do first.
    """
    incident = postmortem.incident
    if incident.private:
        raise DomainError("private", f"{incident.key} is private; nothing of it is told in public.")
    if postmortem.state not in (Stage.APPROVED, Stage.PUBLISHED):
        raise DomainError("not_approved", "Have it approved before the public reads of it.")
    post = incident.posts.filter(kind=Post.Kind.INCIDENT).order_by("-started_at", "-pk").first()
    if post is None:
        raise DomainError("no_post", f"The public was not told of {incident.key}. Tell it first.")
    if post.is_open:
        raise DomainError("still_open", f"“{post.name}” is open on the status page. Resolve it there first.")
    return post


def choices(postmortem: PostMortem) -> list[tuple[str, str]]:
    """The parts that can be chosen: sections in which something stands, and the actions."""
    found = [(row.kind, row.get_kind_display()) for row in postmortem.sections.all() if row.text.strip()]
    if _changing(postmortem):
        found.append((ACTIONS, "What we are changing (the titles of its actions)"))
    return found


def text(postmortem: PostMortem, chosen: Iterable[str]) -> str:
    """The chosen parts as Markdown, to be read and shortened by a person; nothing chosen is nothing."""
    wanted = set(chosen)
    parts = [_section(row) for row in postmortem.sections.all() if row.kind in wanted and row.text.strip()]
    if ACTIONS in wanted:
        parts.append("\n".join(["### What we are changing", "", *_changing(postmortem)]))
    return "\n\n".join(parts)


def _section(row: Section) -> str:
    return f"### {row.get_kind_display()}\n\n{row.text.strip()}"


def _changing(postmortem: PostMortem) -> list[str]:
    rows = postmortem.actions.order_by("pk")
    return [f"- {_MARKS[row.state]}{row.title}" for row in rows if _MARKS[row.state] is not None]
