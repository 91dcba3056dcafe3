"""From one update to a mail for every subscriber who wants it: in batches, resumable, nobody twice."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, prefetch_related_objects

from oncall.messaging import courtesy, doorbell, mediums, outbox
from oncall.messaging.models import Message
from statuspage import links, public, subscriptions
from statuspage.documents import mail
from statuspage.models import Component, Post, PostUpdate, StatusPage, Subscriber

log = logging.getLogger(__name__)

BATCH = 500
BATCHES_PER_TURN = 20  # then other lines of the pulse have their turn
RETRY_AFTER = timedelta(minutes=1)
NEWS_FOR = timedelta(hours=24)  # older news of an incident helps nobody


def audience(
    page: StatusPage, kind: str, status: str, components: Iterable[Component]
) -> QuerySet[Subscriber]:
    """Who wants this: of the right kind, and of everything or of one of these components."""
    wants = "maintenance" if kind == Post.Kind.MAINTENANCE else "incidents"
    if status == Post.Status.POSTMORTEM:
        wants = "postmortems"
    chosen = Subscriber.components.through.objects.filter(component__in=[row.pk for row in components])
    return (
        Subscriber.objects.active()
        .filter(page=page, **{wants: True})
        .filter(Q(everything=True) | Q(pk__in=chosen.values("subscriber")))
    )


def fan_out(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: put what every due update owes its subscribers into the outbox; the number of mails.

    One transaction per batch moves the cursor with the mails, and the mails' keys are unique: run twice, in two
    processes or after a crash, nobody is mailed twice and nobody is left out.
    """
    sent = 0
    for pk in list(PostUpdate.objects.due(now()).order_by("fan_out_at").values_list("pk", flat=True)[:50]):
        try:
            sent += _fan_out_one(pk, now)
        except Exception:  # one update that cannot be mailed holds up no other
            log.exception("Update %s could not be put into the outbox; it is tried again.", pk)
            PostUpdate.objects.filter(pk=pk).update(fan_out_at=now() + RETRY_AFTER)
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
    locked = PostUpdate.objects.select_for_update(
        skip_locked=connection.features.has_select_for_update_skip_locked
    )
    told = locked.filter(pk=pk, fan_out_at__isnull=False).first()
    if told is None:
        return None
    message = told.message or _message(told, at)
    batch = _next_batch(told)
    if not batch:
        PostUpdate.objects.filter(pk=pk).update(fan_out_at=None, message=message)
        return None
    count = outbox.send_many(
        message,
        _addresses(told, batch),
        medium="email",
        topic=told.post.topic,
        lane="bulk",
        at=at,
        expires_at=at + NEWS_FOR,
    )
    PostUpdate.objects.filter(pk=pk).update(
        message=message, fan_out_cursor=batch[-1].pk, mailed_count=F("mailed_count") + count
    )
    return count


def _next_batch(told: PostUpdate) -> list[Subscriber]:
    """The next ones by id who had confirmed when the update was posted, locked against leaving meanwhile."""
    post = told.post
    wanted = audience(post.page, post.kind, told.status, post.components.all())
    batch = list(
        wanted.filter(pk__gt=told.fan_out_cursor, confirmed_at__lte=told.created_at)
        .order_by("pk")
        .only("public_id", "salt", "address", "everything")
        .select_for_update()[:BATCH]
    )
    prefetch_related_objects([one for one in batch if not one.everything], "components")
    return batch


def _message(told: PostUpdate, at: datetime) -> Message:
    page = public.one(told.post.page, told.post.public_id, at=at)
    post = page.posts[0]
    shown = next(update for update in post.updates if update.id == told.public_id)
    letter = mail.update(page, post, shown, is_first=_first_id(told) == told.public_id)
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
                "why": subscriptions.subject_of(subscriber),
                "first_id": message_id(key(first, subscriber)),
                **links.of_news(subscriber),
            },
        )


def key(update_id: str, subscriber: Subscriber) -> str:
    """One mail per update and subscriber, for ever."""
    return f"update:{update_id}:{subscriber.public_id}"
