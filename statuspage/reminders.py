"""Reminders of maintenance: one mail to subscribers some time before it begins."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext, ngettext

from oncall.messaging import doorbell
from oncall.messaging.errors import DomainError
from statuspage import public, rollup
from statuspage.documents import words
from statuspage.models import Post, PostUpdate

log = logging.getLogger(__name__)

USUAL = timedelta(hours=1)
LONGEST = timedelta(days=14)
RETRY_AFTER = timedelta(minutes=1)


def check(before: timedelta | None) -> timedelta | None:
    """None and nothing mean no reminder. Raises ``DomainError("wrong_time")``."""
    if not before:
        return None
    if not timedelta(minutes=5) <= before <= LONGEST:
        raise DomainError("wrong_time", "A reminder goes out 5 minutes to 14 days before the maintenance.")
    return before


def due_at(post: Post, at: datetime) -> datetime | None:
    """When subscribers are reminded; never if that has passed: then the announcement itself is news enough."""
    if post.status != Post.Status.SCHEDULED or post.remind_before is None:
        return None
    moment = post.scheduled_for - post.remind_before
    return moment if moment > at else None


def withdraw(post: Post) -> None:
    """A reminder that has not reached everybody goes no further: what it says is no longer so."""
    PostUpdate.mailings.filter(post=post, is_reminder=True, fan_out_at__isnull=False).update(fan_out_at=None)


def remind_due(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: remind subscribers of what begins soon, once."""
    reminded = 0
    for pk in list(Post.objects.to_remind(now()).values_list("pk", flat=True)[:100]):
        try:
            reminded += _remind(pk, now())
        except Exception:  # one maintenance that cannot be told of holds up no other
            log.exception("No reminder of maintenance %s; it is tried again.", pk)
            Post.objects.filter(pk=pk).update(remind_at=now() + RETRY_AFTER)
    return reminded


@transaction.atomic
def _remind(pk: int, at: datetime) -> int:
    skip = connection.features.has_select_for_update_skip_locked
    post = Post.objects.select_for_update(skip_locked=skip).to_remind(at).filter(pk=pk).first()
    if post is None:
        return 0
    begins_later = post.status == Post.Status.SCHEDULED and post.scheduled_for > at
    post.remind_at = None
    if begins_later:
        post.reminded_at = at
    post.save()
    if not begins_later:  # the pulse stood still until it had begun: nobody is reminded of the past
        return 0
    with translation.override(post.page.language):
        body = text(post, at)
    PostUpdate.objects.create(
        post=post,
        status=post.status,
        body=body,
        display_at=at,
        affected=_affected(post),
        is_reminder=True,
        created_at=at,
        updated_at=at,
        fan_out_at=at,
    )
    doorbell.ring()
    return 1


def text(post: Post, at: datetime) -> str:
    """ "Reminder: this maintenance begins in 60 minutes", then what was said last."""
    zone = public.zone_of(post.page)
    latest = post.updates.order_by("-created_at", "-id").first()
    begins = words.near(post.scheduled_for, at, zone).replace(words.NBSP, " ")
    first = gettext("Reminder: this maintenance begins in %(length)s, at %(time)s.") % {
        "length": _span(post.scheduled_for - at),
        "time": begins,
    }
    return "\n\n".join([first, latest.body] if latest else [first])


def _span(length: timedelta) -> str:
    minutes = max(round(length.total_seconds() / 60), 1)
    if minutes <= 90:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    days = round(hours / 24)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def _affected(post: Post) -> list[dict[str, str]]:
    return [
        {
            "code": row.public_id,
            "name": row.name,
            "old_status": rollup.OPERATIONAL,
            "new_status": rollup.MAINTENANCE,
        }
        for row in post.components.all()
    ]
