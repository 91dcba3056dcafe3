"""How many a message to the public reaches, by channel, and the words that say so."""

from collections.abc import Mapping

from django.db.models import Count

from statuspage import audience
from statuspage.documents.words import joined
from statuspage.models import PostUpdate, Subscriber

#: One and many of each channel, in the order in which a sentence names them.
NOUNS = {
    "email": ("person", "people"),
    "webhook": ("webhook", "webhooks"),
    "slack": ("Slack channel", "Slack channels"),
    "teams": ("Teams channel", "Teams channels"),
}


def counted(told: PostUpdate | None) -> dict[str, int]:
    """How many subscribers of each channel this update is for; nobody when it notifies nobody."""
    counts = dict.fromkeys(Subscriber.Channel.values, 0)
    if told is not None and told.deliver_notifications:
        rows = audience.of_update(told).order_by().values_list("channel").annotate(n=Count("pk"))
        counts |= dict(rows)
    return counts


def verb(counts: Mapping[str, int]) -> str:
    """What it does to them: it mails people, and tells whoever else is among them."""
    return "tell" if any(count for channel, count in counts.items() if channel != "email") else "mail"


def words(counts: Mapping[str, int]) -> str:
    """ "1,284 people and 31 webhooks"; empty when nobody is reached."""
    return joined([_noun(channel, counts[channel]) for channel in NOUNS if counts.get(channel)])


def _noun(channel: str, count: int) -> str:
    one, many = NOUNS[channel]
    return f"{count:,} {one if count == 1 else many}"


def mark(counts: Mapping[str, int]) -> str:
    """The same counts, the same mark: what a preview promised."""
    return " ".join(f"{channel}:{count}" for channel, count in sorted(counts.items()) if count) or "nobody"
