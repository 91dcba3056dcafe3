"""Which medium and which message reach a subscriber on each channel."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import translation

from oncall.messaging import outbox
from oncall.messaging.models import Message
from statuspage import links, public
from statuspage.documents import chat, hooks
from statuspage.documents.page import Page
from statuspage.models import ChannelMessage, PostUpdate, Subscriber

Channel = Subscriber.Channel
MEDIUM = {
    Channel.EMAIL: "email",
    Channel.WEBHOOK: "hook",
    Channel.SLACK: "slack_hook",
    Channel.TEAMS: "teams_hook",
}
CHAT = {Channel.SLACK: chat.slack, Channel.TEAMS: chat.teams}
EVENT = "X-Event"


def documentation(page: Page) -> str:
    """Where a webhook's body and signature are described."""
    return f"{page.site.url}/subscribe/webhook/format/"


def by_mail(batch: Iterable[Subscriber]) -> list[Subscriber]:
    return [one for one in batch if one.is_by_mail]


def tell(told: PostUpdate, batch: Iterable[Subscriber], *, at: datetime, expires_at: datetime) -> int:
    """Put an update into the outbox for those of a batch who are not told by mail; the number of deliveries.

    In the caller's transaction, which holds the update. May be repeated: keys are unique, and each channel's
    text is written once.
    """
    others: dict[str, list[Subscriber]] = {}
    for one in batch:
        if not one.is_by_mail:
            others.setdefault(one.channel, []).append(one)
    return sum(
        outbox.send_many(
            _message(told, channel, at),
            [to(one, key=f"update:{told.public_id}:{one.public_id}") for one in some],
            medium=MEDIUM[channel],
            topic=told.post.topic,
            lane="bulk",
            at=at,
            expires_at=expires_at,
        )
        for channel, some in others.items()
    )


def to(subscriber: Subscriber, *, key: str, **values: str) -> outbox.To:
    """One endpoint, with what is left open for it in every message."""
    own = {
        "unsubscribe_url": links.unsubscribe_url(subscriber),
        "manage_url": links.manage_url(subscriber),
        "secret_id": secret_id(subscriber),
    }
    return outbox.To(subscriber.address, key=key, recipient=subscriber.recipient, values=own | values)


def secret_id(subscriber: Subscriber) -> str:
    """Which secret signs for this subscriber; it changes when a new one is asked for."""
    return f"{subscriber.salt}:{subscriber.secret_number}"


def _message(told: PostUpdate, channel: str, at: datetime) -> Message:
    there = ChannelMessage.objects.filter(update=told, channel=channel).select_related("message").first()
    if there is not None:
        return there.message
    page = public.one(told.post.page, told.post.public_id, at=at)
    post = page.posts[0]
    if channel == Channel.WEBHOOK:
        body = hooks.post(page, post, planned_of(told.post), documentation=documentation(page))
        event = hooks.EVENT[post.kind]
        message = compose(body, event=event, subject=f"{event}: {post.name}", purpose="update", at=at)
    else:
        with translation.override(told.post.page.language):
            note = chat.update(page, post, public.update(page, told))
            body = CHAT[channel](note)
        message = compose(body, subject=note.title, purpose="update", at=at)
    ChannelMessage.objects.create(update=told, channel=channel, message=message)
    return message


def planned_of(post) -> hooks.Planned:
    return hooks.Planned(
        backfilled=post.backfilled,
        impact_override=post.impact_override,
        remind_prior=post.remind_before is not None,
        reminded_at=post.reminded_at,
        auto_start=post.kind == "maintenance" and post.auto_start,
        auto_complete=post.kind == "maintenance" and post.auto_complete,
    )


def compose(body: str, *, purpose: str, at: datetime, event: str = "", subject: str = "") -> Message:
    """A message whose text is a body of JSON; a webhook's is named by its event."""
    return outbox.compose(
        purpose=purpose,
        subject=subject or event,
        text=body,
        headers={EVENT: event} if event else {},
        at=at,
    )


def question(channel: str, page: Page, *, what: str, at: datetime) -> Message:
    """What an endpoint is asked before anything else is sent there."""
    if channel == Channel.WEBHOOK:
        body = hooks.challenge(page, documentation=documentation(page))
        return compose(body, event=hooks.CHALLENGE, purpose="confirm", at=at)
    note = chat.question(page, what)
    return compose(CHAT[channel](note), subject=note.title, purpose="confirm", at=at)


def subscribed_already(channel: str, page: Page, *, what: str, at: datetime) -> Message:
    """What a channel is told that was entered again."""
    note = chat.subscribed_already(page, what)
    return compose(CHAT[channel](note), subject=note.title, purpose="confirm", at=at)
