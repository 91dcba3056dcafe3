"""From one update to a mail for every subscriber who wants it: in batches, resumable, nobody twice."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, QuerySet, prefetch_related_objects
from django.utils import translation

from oncall.messaging import courtesy, doorbell, mediums, outbox
from oncall.messaging.models import Message
from statuspage import channels, links, public, subscriptions
from statuspage.audience import of_update, wanting
from statuspage.documents import mail
from statuspage.models import Component, PostUpdate, StatusPage, Subscriber

log = logging.getLogger(__name__)

BATCH = 500
BATCHES_PER_TURN = 20  # then other lines of the pulse have their turn
RETRY_AFTER = timedelta(minutes=1)
NEWS_FOR = timedelta(hours=24)  # older news of an incident helps nobody


def audience(
    page: StatusPage, kind: str, status: str, components: Iterable[Component]
) -> QuerySet[Subscriber]:
    """Who wants this: of the right kind, and of everything or of one of these components."""
    return wanting(page, kind, status, components)


def fan_out(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: put what every due update owes its subscribers into the outbox; the number of mails.

    One transaction per batch moves the cursor with the mails, and the mails' keys are unique: run twice, in two
    processes or after a crash, nobody is mailed twice and nobody is left out.
    """
    sent = 0
    for pk in list(PostUpdate.mailings.due(now()).order_by("fan_out_at").values_list("pk", flat=True)[:50]):
        try:
            sent += _fan_out_one(pk, now)
        except Exception:  # one update that cannot be mailed holds up no other
            log.exception("Update %s could not be put into the outbox; it is tried again.", pk)
            PostUpdate.mailings.filter(pk=pk).update(fan_out_at=now() + RETRY_AFTER)
    return sent


def _fan_out_one(pk: int, now: Callable[[], datetime]) -> int:
    sent = 0
    for _ in range(BATCHES_PER_TURN):
        count = _batch(pk, now())
        if count is None:
            return sent
        sent += count
    if PostUpdate.objects.filter(pk=pk, mailed_count__lte=BATCHES_PER_TURN * BATCH).exists():
        outbox.take_stock()  # after the first turn, which has made a small table a large one
    doorbell.ring()  # there is more: do not wait for the next second
    return sent


@courtesy.one_writer()
@transaction.atomic
def _batch(pk: int, at: datetime) -> int | None:
    """One batch; None when this update owes nothing more, or somebody else is at it."""
    locked = PostUpdate.mailings.select_for_update(
        skip_locked=connection.features.has_select_for_update_skip_locked
    )
    told = locked.filter(pk=pk, fan_out_at__isnull=False).first()
    if told is None:
        return None
    message = told.message or _message(told, at)
    batch = _next_batch(told)
    if not batch:
        PostUpdate.mailings.filter(pk=pk).update(fan_out_at=None, message=message)
        return None
    count = outbox.send_many(
        message,
        _addresses(told, channels.by_mail(batch)),
        medium="email",
        topic=told.post.topic,
        lane="bulk",
        at=at,
        expires_at=at + NEWS_FOR,
    )
    others = channels.tell(told, batch, at=at, expires_at=at + NEWS_FOR)
    PostUpdate.mailings.filter(pk=pk).update(
        message=message, fan_out_cursor=batch[-1].pk, mailed_count=F("mailed_count") + count
    )
    return count + others


def _next_batch(told: PostUpdate) -> list[Subscriber]:
    """The next ones by id who had confirmed when the update was posted, locked against leaving meanwhile."""
    batch = list(
        of_update(told)
        .filter(pk__gt=told.fan_out_cursor, confirmed_at__lte=told.created_at)
        .order_by("pk")
        .only("public_id", "salt", "address", "everything", "channel", "owner", "secret_number")
        .select_for_update()[:BATCH]
    )
    for subscriber in batch:
        subscriber.page = told.post.page  # whose address every link begins with; one query, not five hundred
    prefetch_related_objects([one for one in batch if not one.everything], "components", "posts")
    return batch


def _message(told: PostUpdate, at: datetime) -> Message:
    page = public.one(told.post.page, told.post.public_id, at=at)
    is_first = _first_id(told) == told.public_id
    with translation.override(told.post.page.language):
        letter = mail.update(page, page.posts[0], public.update(page, told), is_first=is_first)
    return outbox.compose(
        purpose="update",
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        headers=letter.headers,
        at=at,
    )


def _first_id(told: PostUpdate) -> str:
    """The first update of the post that was mailed: the root of its thread."""
    mailed = told.post.updates.filter(deliver_notifications=True).order_by("created_at", "pk")
    return mailed.values_list("public_id", flat=True).first() or told.public_id


def _addresses(told: PostUpdate, batch: list[Subscriber]) -> Iterable[outbox.To]:
    first = _first_id(told)
    message_id = mediums.by_name("email").stable_id
    for subscriber in batch:
        yield outbox.To(
            address=subscriber.address,
            key=key(told.public_id, subscriber),
            recipient=subscriber.recipient,
            values={
                "to": subscriber.address,
                "why": _why(told, subscriber),
                "first_id": message_id(key(first, subscriber)),
                **links.of_news(subscriber),
            },
        )


def _why(told: PostUpdate, subscriber: Subscriber) -> str:
    with translation.override(told.post.page.language):
        return subscriptions.subject_of(subscriber)


def key(update_id: str, subscriber: Subscriber) -> str:
    """One mail per update and subscriber, for ever."""
    return f"update:{update_id}:{subscriber.public_id}"
