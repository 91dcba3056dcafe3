"""The ways to reach people, by name."""

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.base import Medium
from oncall.messaging.mediums.email import Email
from oncall.messaging.mediums.inbox import Inbox
from oncall.messaging.mediums.sms import Sms
from oncall.messaging.mediums.voice import Voice
from oncall.messaging.mediums.webhook import Webhook

MEDIUMS: dict[str, Medium] = {medium.name: medium for medium in (Email(), Webhook(), Sms(), Voice(), Inbox())}
#: Those on which a person has an address of her own; the inbox is everybody's, and comes last.
PERSONAL = [name for name in MEDIUMS if name != Inbox.name]


def by_name(name: str) -> Medium:
    """The medium of that name; ``DomainError("unknown_medium")`` if there is none."""
    if name not in MEDIUMS:
        raise DomainError("unknown_medium", f"There is no medium {name!r}; there are {', '.join(MEDIUMS)}.")
    return MEDIUMS[name]


def missing(name: str) -> str:
    """What an operator must still set before this medium can send, as a sentence; empty: nothing."""
    ask = getattr(by_name(name), "missing", None)
    return ask() if ask else ""
