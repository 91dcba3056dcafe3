"""How many a message to the public reaches, by channel, and the words that say so."""

from collections.abc import Mapping

from statuspage import fanout
from statuspage.documents.words import joined
from statuspage.models import PostUpdate

#: One and many of each channel, in the order in which a sentence names them.
NOUNS = {
    "email": ("person", "people"),
    "webhook": ("webhook", "webhooks"),
    "slack": ("Slack channel", "Slack channels"),
    "teams": ("Teams channel", "Teams channels"),
}


def counted(told: PostUpdate | None) -> dict[str, int]:
    """How many subscribers of each channel this update is for; nobody when it is not to be mailed."""
    if told is None or not told.deliver_notifications:
        return {"email": 0}
    post = told.post
    return {"email": fanout.audience(post.page, post.kind, told.status, post.components.all()).count()}


def words(counts: Mapping[str, int]) -> str:
    """ "1,284 people and 31 webhooks"; empty when nobody is reached."""
    known = [channel for channel in NOUNS if counts.get(channel)]
    others = sorted(channel for channel, count in counts.items() if count and channel not in NOUNS)
    return joined([_noun(channel, counts[channel]) for channel in [*known, *others]])


def _noun(channel: str, count: int) -> str:
    one, many = NOUNS.get(channel, (channel, channel))
    return f"{count:,} {one if count == 1 else many}"


def mark(counts: Mapping[str, int]) -> str:
    """The same counts, the same mark: what a preview promised."""
    return " ".join(f"{channel}:{count}" for channel, count in sorted(counts.items()) if count) or "nobody"
