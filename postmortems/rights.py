"""Who may write and change what here; the portal itself (``by`` None) may."""

from oncall.messaging.errors import DomainError
from oncall.models import User
from postmortems.models import ActionItem, PostMortem


def need(by: User | None, right: str, what: str) -> None:
    """Raise DomainError unless the person has the right."""
    if by is not None and not by.has_perm(right):
        raise DomainError("forbidden", f"You may not {what}. Ask an incident manager.")


def may_write(postmortem: PostMortem, by: User) -> bool:
    """Whether this person can change the text: it is not approved, and she leads it or has the right."""
    if postmortem.state in {PostMortem.State.APPROVED, PostMortem.State.PUBLISHED}:
        return False
    return by.pk == postmortem.lead_id or by.has_perm("postmortems.change_postmortem")


def need_to_write(postmortem: PostMortem, by: User | None) -> None:
    """The lead writes her post-mortem, and so does everybody with the right to change one."""
    if by is None or by.pk != postmortem.lead_id:
        need(by, "postmortems.change_postmortem", "change this post-mortem")


def need_to_change(action: ActionItem, by: User | None) -> None:
    """The owner changes her action, and so does everybody with the right to change one."""
    if by is None or by.pk != action.owner_id:
        need(by, "postmortems.change_actionitem", "change this action")
