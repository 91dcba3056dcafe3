"""The ways to reach people, by name."""

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.base import Medium
from oncall.messaging.mediums.email import Email
from oncall.messaging.mediums.webhook import Webhook

MEDIUMS: dict[str, Medium] = {medium.name: medium for medium in (Email(), Webhook())}


def by_name(name: str) -> Medium:
    """The medium of that name; ``DomainError("unknown_medium")`` if there is none."""
    if name not in MEDIUMS:
        raise DomainError("unknown_medium", f"There is no medium {name!r}; there are {', '.join(MEDIUMS)}.")
    return MEDIUMS[name]
