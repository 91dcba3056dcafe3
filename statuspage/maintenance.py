"""Planned maintenance: announced ahead, begun and ended by the clock."""

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import impacts, publishing, reminders, rights, rollup
from statuspage.models import Component, MaintenanceRule, Post, StatusPage

log = logging.getLogger(__name__)

LONGEST = timedelta(days=60)
FURTHEST = timedelta(days=800)
RETRY_AFTER = timedelta(minutes=1)
AS_BEFORE = "as before"
STARTED = "The maintenance has begun. We will tell you when it is over."
ENDED = "The maintenance is over."


@transaction.atomic
def schedule(
    *,
    name: str,
    body: str,
    scheduled_for: datetime,
    scheduled_until: datetime,
    components: Iterable[Component] = (),
    notify: bool = True,
    auto_start: bool = True,
    auto_complete: bool = True,
    notify_at_start: bool = True,
    notify_at_end: bool = True,
    remind_before: timedelta | None = reminders.USUAL,
    rule: MaintenanceRule | None = None,
    occurrence: date | None = None,
    page: StatusPage | None = None,
    by: User | None,
    at: datetime,
) -> Post:
    """Announce a maintenance. Its components turn to "under maintenance" when it begins, and back when it ends.

    Subscribers are reminded ``remind_before`` it begins (None: never). ``rule`` and ``occurrence``: planned by it
    for that day. Raises ``DomainError`` (``wrong_time`` for a window that is over, empty or out of proportion).
    """
    rights.need(by, rights.PUBLISH)
    _check_window(scheduled_for, scheduled_until, at)
    name, body = publishing.checked_title(name), publishing.checked_body(body)
    page = page or StatusPage.main()
    twin = page.posts.filter(
        name=name, created_at__gt=at - publishing.DOUBLE_CLICK, scheduled_for=scheduled_for
    ).first()
    if twin is not None:
        return twin
    post = Post(
        page=page,
        kind=Post.Kind.MAINTENANCE,
        name=name,
        status=Post.Status.SCHEDULED,
        impact="maintenance",
        started_at=at,
        scheduled_for=scheduled_for,
        scheduled_until=scheduled_until,
        auto_start=auto_start,
        auto_complete=auto_complete,
        notify_at_start=notify_at_start,
        notify_at_end=notify_at_end,
        remind_before=reminders.check(remind_before),
        rule=rule,
        occurrence=occurrence,
        next_edge_at=scheduled_for if auto_start else None,
        created_at=at,
        updated_at=at,
    )
    post.remind_at = reminders.due_at(post, at)
    post.save()
    affected = impacts.affect(post, dict.fromkeys(components, rollup.OPERATIONAL), by=by, at=at)
    publishing.tell(
        post, status=post.status, body=body, affected=affected, notify=notify, display_at=at, by=by, at=at
    )
    return publishing.fresh(post)


def _check_window(start: datetime, end: datetime, at: datetime) -> None:
    if end <= start or end <= at:
        raise DomainError("wrong_time", "A maintenance ends after it begins, and not in the past.")
    if end - start > LONGEST or start > at + FURTHEST:
        raise DomainError("wrong_time", "A maintenance lasts at most 60 days and begins within two years.")


@transaction.atomic
def reschedule(
    post: Post,
    *,
    scheduled_for: datetime,
    scheduled_until: datetime,
    body: str,
    notify: bool = True,
    remind_before: timedelta | str | None = AS_BEFORE,
    by: User | None,
    at: datetime,
) -> Post:
    """Move a maintenance that has not begun, or the end of one that has; ``body`` tells why.

    It is reminded of before its new beginning, and no more before the old one. Raises ``DomainError``
    (``wrong_time`` for a beginning that has passed, ``over``).
    """
    rights.need(by, rights.UPDATE)
    post = Post.objects.select_for_update().get(pk=post.pk)
    if not post.is_open or post.kind != Post.Kind.MAINTENANCE:
        raise DomainError("over", "This maintenance is over; announce another one.")
    _check_window(scheduled_for, scheduled_until, at)
    if remind_before != AS_BEFORE:
        post.remind_before = reminders.check(remind_before)
    if post.status == Post.Status.SCHEDULED:
        if scheduled_for <= at and scheduled_for != post.scheduled_for:
            raise DomainError(
                "wrong_time", "That beginning has passed. Choose a later one, or begin the maintenance now."
            )
        post.scheduled_for = scheduled_for
        post.next_edge_at = scheduled_for if post.auto_start else None
        reminders.withdraw(post)
        post.remind_at = reminders.due_at(post, at)
    else:
        post.next_edge_at = scheduled_until if post.auto_complete else None
    post.scheduled_until = max(scheduled_until, post.scheduled_for + timedelta(minutes=1))
    post.save()
    return publishing.update(post, status=post.status, body=body, notify=notify, by=by, at=at)


@transaction.atomic
def start(
    post: Post, *, body: str = STARTED, notify: bool | None = None, by: User | None, at: datetime
) -> Post:
    """Begin: the components are under maintenance from now on. Beginning twice changes nothing."""
    rights.need(by, rights.UPDATE)
    post = Post.objects.select_for_update().get(pk=post.pk)
    if post.status != Post.Status.SCHEDULED:
        return post
    post.next_edge_at = max(post.scheduled_until, at) if post.auto_complete else None
    post.save()
    reminders.withdraw(post)
    return publishing.update(
        post,
        status=Post.Status.IN_PROGRESS,
        body=body,
        components=dict.fromkeys(post.components.all(), rollup.MAINTENANCE),
        notify=post.notify_at_start if notify is None else notify,
        by=by,
        at=at,
    )


def complete(
    post: Post, *, body: str = ENDED, notify: bool | None = None, by: User | None, at: datetime
) -> Post:
    """End: the components are as they were. Ending twice changes nothing."""
    return _end(post, Post.Status.COMPLETED, body, notify, by=by, at=at)


def cancel(post: Post, *, body: str, notify: bool = True, by: User | None, at: datetime) -> Post:
    """It does not take place, or stops before its work is done; subscribers are told."""
    return _end(post, Post.Status.CANCELLED, body, notify, by=by, at=at)


@transaction.atomic
def _end(post: Post, status: str, body: str, notify: bool | None, *, by: User | None, at: datetime) -> Post:
    rights.need(by, rights.UPDATE)
    post = Post.objects.select_for_update().get(pk=post.pk)
    if not post.is_open:
        return post
    reminders.withdraw(post)
    notify = post.notify_at_end if notify is None else notify
    return publishing.update(post, status=status, body=body, notify=notify, by=by, at=at)


def turn_edges(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: begin and end what the clock begins and ends; catches up after a stop."""
    turned = 0
    for pk in list(Post.objects.due(now()).values_list("pk", flat=True)[:100]):
        try:
            turned += _turn(pk, now())
        except Exception:  # one maintenance that cannot be turned holds up no other
            log.exception("Maintenance %s could not be begun or ended; it is tried again.", pk)
            Post.objects.filter(pk=pk).update(next_edge_at=now() + RETRY_AFTER)
    return turned


@transaction.atomic
def _turn(pk: int, at: datetime) -> int:
    """One edge. A window that has passed entirely is begun and ended, with its end as the last word only."""
    locked = Post.objects.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
    post = locked.due(at).filter(pk=pk).first()
    if post is None:
        return 0
    if post.status == Post.Status.SCHEDULED:
        missed = post.auto_complete and post.scheduled_until <= at
        start(post, notify=False if missed else None, by=None, at=at)
    else:
        complete(post, by=None, at=at)
    return 1
