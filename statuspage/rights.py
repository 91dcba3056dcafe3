"""Who may speak to the public; the portal itself (``by`` None) may."""

from oncall.messaging.errors import DomainError
from oncall.models import User

PUBLISH = "statuspage.add_post"
UPDATE = "statuspage.change_post"
SET_STATUS = "statuspage.change_component"
SET_UP = "statuspage.change_statuspage"
REMOVE = "statuspage.delete_statuspage"
READ = "statuspage.view_statuspage"
_IN_WORDS = {
    PUBLISH: "publish on the status page",
    UPDATE: "update what stands on the status page",
    SET_STATUS: "set the status of a component",
    SET_UP: "change a status page itself",
    REMOVE: "remove a status page",
}


def need(by: User | None, right: str) -> None:
    """Raise ``DomainError("forbidden")`` unless the person has the right."""
    if by is not None and not by.has_perm(right):
        raise DomainError("forbidden", f"You may not {_IN_WORDS[right]}. Ask somebody of Communications.")
