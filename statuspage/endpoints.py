"""What the pulse does with webhooks and channels: confirm who echoed, switch off who fails, end what is over."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import translation

from oncall.messaging import mediums, outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.endpoint import ECHOED
from oncall.messaging.models import Attempt, Delivery
from oncall.models import User
from statuspage import bounces, challenges, links, logbook, subscriptions, suppression
from statuspage.models import Post, StatusPage, Subscriber

#: Failing without one success for so long, over at least two pieces of news, switches an endpoint off.
FAILS_FOR = timedelta(days=3)
AT_LEAST = 2
GONE = "410"
#: A post may be reopened by mistake's correction; whoever follows it stays this long.
FOLLOWED_ON = timedelta(hours=1)
FAILED_WITHIN = timedelta(days=30)
#: How far back refusals are looked for at first, and how far before the last look: attempts end out of order.
LOOK_BACK = timedelta(days=7)
OVERLAP = timedelta(minutes=2)
State, Channel = Subscriber.State, Subscriber.Channel
FAILED = (Delivery.State.DEAD, Delivery.State.EXPIRED)


def confirm_echoes(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: webhooks that repeated their challenge are confirmed."""
    at, count = now(), 0
    waiting = Subscriber.objects.filter(
        state=State.PENDING, channel=Channel.WEBHOOK, asked_at__gt=at - links.CONFIRM_WITHIN
    )
    by_key = {challenges.challenge_key(one): one for one in waiting}
    if not by_key:
        return 0
    echoed = Delivery.objects.filter(idempotency_key__in=list(by_key), provider_id=ECHOED)
    for key in echoed.values_list("idempotency_key", flat=True):
        count += _confirm(by_key[key], at)
    return count


@transaction.atomic
def _confirm(subscriber: Subscriber, at: datetime) -> bool:
    try:
        subscriber = subscriptions.confirm(subscriber, at=at, how="Confirmed: it repeated the challenge")
    except DomainError:  # it left, or its owner said no, while it answered
        return False
    with translation.override(subscriber.page.language):
        challenges.tell_owner_of_link(subscriber, what=subscriptions.subject_of(subscriber), at=at)
    return True


def switch_off_failing(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: endpoints that took nothing for days get nothing more, and their owners are told."""
    at, count = now(), 0
    for pk in list(_failing(at)):
        count += switch_off(pk, at=at)
    return count


@dataclass(frozen=True)
class Failure:
    """A delivery that an endpoint did not take, to the end."""

    created_at: datetime
    finished_at: datetime
    gone: bool = False


def is_failing(
    failures: Iterable[Failure], *, since: datetime, last_sent: datetime | None, at: datetime
) -> bool:
    """Whether an endpoint has failed for days without a success, or said itself that it is gone.

    Only what was sent ``since`` it was confirmed or switched on, and after the last success, counts.
    """
    since = max(since, last_sent or since)
    lately = [one for one in failures if one.created_at >= since]
    if not lately:
        return False
    if max(lately, key=lambda one: one.finished_at).gone:
        return True
    return len(lately) >= AT_LEAST and min(one.created_at for one in lately) <= at - FAILS_FOR


def _failing(at: datetime) -> Iterable[int]:
    """The keys of active endpoints that are to be switched off. Four queries, however many there are."""
    ended = Delivery.objects.filter(
        state__in=FAILED, finished_at__gt=at - FAILED_WITHIN, medium__in=mediums.PUBLIC
    )
    rows = list(ended.values_list("pk", "recipient", "created_at", "finished_at"))
    if not rows:
        return
    gone = set(Attempt.objects.filter(delivery__in=ended, code=GONE).values_list("delivery", flat=True))
    failures: dict[str, list[Failure]] = {}
    for pk, recipient, created_at, finished_at in rows:
        failures.setdefault(recipient, []).append(Failure(created_at, finished_at, pk in gone))
    sent = Delivery.objects.filter(recipient__in=list(failures), state=Delivery.State.SENT)
    last = dict(sent.values_list("recipient").annotate(last=Max("created_at")).order_by())
    names = [name.partition(":")[2] for name in failures]
    for one in Subscriber.objects.active().filter(public_id__in=names):
        told = failures[one.recipient]
        if is_failing(told, since=one.confirmed_at, last_sent=last.get(one.recipient), at=at):
            yield one.pk


@transaction.atomic
def switch_off(pk: int, *, at: datetime) -> bool:
    """Nothing more goes to this endpoint until its owner, or one of us, switches it on."""
    subscriber = Subscriber.objects.select_for_update().filter(pk=pk, state=State.ACTIVE).first()
    if subscriber is None or subscriber.is_by_mail:
        return False
    failed = Delivery.objects.filter(recipient=subscriber.recipient, state__in=FAILED).order_by(
        "-finished_at"
    )
    reason = failed.values_list("last_error", flat=True).first() or "no answer"
    subscriber.state = State.SWITCHED_OFF
    subscriber.save()
    outbox.cancel(recipient=subscriber.recipient, at=at, reason="switched off")
    logbook.note(subscriber, f"Switched off: {reason}", at=at)
    with translation.override(subscriber.page.language):
        challenges.tell_owner_of_end(subscriber, reason=reason, at=at)
    return True


@transaction.atomic
def switch_on(subscriber: Subscriber, *, by: User | None, at: datetime) -> Subscriber:
    """The owner says that the endpoint works again; what failed before does not count any more.

    Raises ``DomainError("not_off")`` where it is not switched off.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    if subscriber.state != State.SWITCHED_OFF:
        raise DomainError("not_off", "This is not switched off.")
    subscriber.state, subscriber.confirmed_at = State.ACTIVE, at
    subscriber.save()
    logbook.note(subscriber, "Switched on again", by=by, at=at)
    return subscriber


@transaction.atomic
def new_secret(subscriber: Subscriber, *, at: datetime) -> Subscriber:
    """From the next message on another secret signs."""
    subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    subscriber.secret_number += 1
    subscriber.save()
    logbook.note(subscriber, "Took a new secret", at=at)
    return subscriber


def end_followed(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: who followed posts that are over follows them no more, and with nothing left, leaves."""
    at, count = now(), 0
    over = Post.objects.filter(status__in=Post.CLOSED, resolved_at__lte=at - FOLLOWED_ON)
    over = over.exclude(updates__fan_out_at__isnull=False)
    rows = Subscriber.objects.filter(posts__in=over).distinct()
    for subscriber in list(rows.order_by("pk")[:1000]):
        with transaction.atomic():
            subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
            subscriber.posts.remove(*subscriber.posts.filter(pk__in=over))
            count += 1
            wants_more = subscriber.everything or subscriber.components.exists() or subscriber.posts.exists()
            if not wants_more and subscriber.state in (State.ACTIVE, State.PENDING):
                subscriptions.unsubscribe(subscriber, at=at, how="Ended: what was followed is over")
    return count


def notice_refusals(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: a relay's permanent refusal of a subscriber's mail counts as a bounce.

    Looks at what ended lately; the same refusal told again changes nothing.
    """
    at, page = now(), StatusPage.main()
    since = page.refusals_seen_at - OVERLAP if page.refusals_seen_at else at - LOOK_BACK
    refused = Attempt.objects.filter(
        outcome=Attempt.Outcome.PERMANENT,
        delivery__medium="email",
        delivery__state=Delivery.State.DEAD,
        delivery__finished_at__gt=since,
        delivery__recipient__startswith="subscriber:",
    )
    count = 0
    for attempt in refused.select_related("delivery").order_by("pk"):
        kind = bounces.judge(attempt.code, attempt.text)
        if kind:
            count += suppression.take(_returned(attempt, kind), at=at)
    StatusPage.objects.filter(pk=page.pk).update(refusals_seen_at=at)
    return count


def _returned(attempt: Attempt, kind: str) -> bounces.Returned:
    return bounces.Returned(
        address=attempt.delivery.address.lower(),
        kind=kind,
        source="relay",
        digest=f"attempt:{attempt.pk}",
        at=attempt.ended_at,
        text=attempt.text,
    )
