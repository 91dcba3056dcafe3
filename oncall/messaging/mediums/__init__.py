"""The ways to reach people, by name."""

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.apprise import Apprise
from oncall.messaging.mediums.base import Medium
from oncall.messaging.mediums.email import Email
from oncall.messaging.mediums.endpoint import Endpoint
from oncall.messaging.mediums.inbox import Inbox
from oncall.messaging.mediums.matrix import Matrix
from oncall.messaging.mediums.mattermost import Mattermost
from oncall.messaging.mediums.ntfy import Ntfy
from oncall.messaging.mediums.pushover import Pushover
from oncall.messaging.mediums.slack import Slack
from oncall.messaging.mediums.sms import Sms
from oncall.messaging.mediums.teams import Teams
from oncall.messaging.mediums.telegram import Telegram
from oncall.messaging.mediums.voice import Voice
from oncall.messaging.mediums.webhook import Webhook

MEDIUMS: dict[str, Medium] = {
    medium.name: medium
    for medium in (
        Email(),
        Sms(),
        Voice(),
        Slack(),
        Mattermost(),
        Matrix(),
        Teams(),
        Telegram(),
        Ntfy(),
        Pushover(),
        Webhook(),
        Apprise(),
        Inbox(),
        Endpoint("hook", "Webhook of a subscriber", signs=True),
        Endpoint("slack_hook", "Slack channel of a subscriber", signs=False),
        Endpoint("teams_hook", "Teams channel of a subscriber", signs=False),
    )
}
#: Those on which nobody of ours is reached: they are subscribed from outside.
PUBLIC = [name for name, medium in MEDIUMS.items() if isinstance(medium, Endpoint)]
#: Those on which a person has an address of her own; the inbox is everybody's, and comes last.
PERSONAL = [name for name in MEDIUMS if name != Inbox.name and name not in PUBLIC]


def by_name(name: str) -> Medium:
    """The medium of that name; ``DomainError("unknown_medium")`` if there is none."""
    if name not in MEDIUMS:
        raise DomainError("unknown_medium", f"There is no medium {name!r}; there are {', '.join(MEDIUMS)}.")
    return MEDIUMS[name]


def missing(name: str) -> str:
    """What an operator must still set before this medium can send, as a sentence; empty: nothing."""
    ask = getattr(by_name(name), "missing", None)
    return ask() if ask else ""


def offered() -> list[str]:
    """The mediums that are set up here, so that people may choose them."""
    return [name for name in MEDIUMS if name not in PUBLIC and not missing(name)]


def changeable() -> list[str]:
    """Those of them on which a message can be changed after it was sent."""
    return [name for name in offered() if getattr(MEDIUMS[name], "changes", False)]


def label(name: str) -> str:
    """What people call a medium."""
    return getattr(MEDIUMS.get(name), "label", name)


def hint(name: str) -> str:
    """What to enter as an address on it."""
    return getattr(MEDIUMS.get(name), "hint", "An address")
