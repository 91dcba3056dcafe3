"""Open incidents that fall silent: whoever writes for them is reminded, once in each period."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from incidents import roles
from incidents.models import Role
from oncall.models import User
from statuspage import staff
from statuspage.models import Post

log = logging.getLogger(__name__)

RETRY_AFTER = timedelta(minutes=5)
#: Where the page sets no limit of its own, a broken promise is remembered so often.
AGAIN_AFTER_H = 6


def remind_writers(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: remind the writers of each open incident of which nothing was heard for too long."""
    reminded = 0
    for pk in list(Post.objects.quiet(now()).values_list("pk", flat=True)[:100]):
        try:
            reminded += _remind(pk, now())
        except Exception:  # one post that cannot be told of holds up no other
            log.exception("Nobody was reminded of post %s; it is tried again.", pk)
            Post.objects.filter(pk=pk).update(watch_at=now() + RETRY_AFTER)
    return reminded


@transaction.atomic
def _remind(pk: int, at: datetime) -> int:
    skip = connection.features.has_select_for_update_skip_locked
    post = Post.objects.select_for_update(skip_locked=skip).quiet(at).filter(pk=pk).first()
    if post is None or not post.is_open:
        return 0
    period = timedelta(hours=post.page.quiet_after_h or AGAIN_AFTER_H)
    for user in writers(post):
        staff.mail(
            user,
            subject=f"Still open on the status page: {post.name}",
            lines=[*_lines(post, at), _address(post)],
            topic=f"watch:{post.public_id}",
            key=f"post-quiet:{post.public_id}:{post.watch_at:%Y%m%d%H%M%S}:{user.pk}",
            at=at,
        )
    Post.objects.filter(pk=pk).update(
        watch_at=at + period
    )  # a clock of the engine: nothing to keep a history of
    return 1


def writers(post: Post) -> list[User]:
    """Who wrote last, and who holds communications of its incident."""
    latest = post.updates.filter(by__isnull=False).order_by("-created_at", "-id").select_related("by").first()
    found = [latest.by] if latest else []
    if post.incident is not None:
        held = roles.current(post.incident).get(Role.COMMUNICATIONS)
        found += [held.user] if held else []
    return list(dict.fromkeys(found))


def _lines(post: Post, at: datetime) -> list[str]:
    latest = post.updates.order_by("-created_at", "-id").first()
    hours = int((at - latest.created_at).total_seconds() // 3600) if latest else 0
    since = f"for {hours} hours" if hours > 1 else "for an hour" if hours else "for a while"
    lines = [
        f"“{post.name}” is {post.get_status_display().lower()} on the status page. Nothing was said {since}."
    ]
    if post.next_update_at and post.next_update_at <= at:
        lines.append(f"Readers were promised an update by {post.next_update_at:%H:%M} UTC.")
    return [*lines, "Post an update, even if nothing has changed, or resolve it:"]


def _address(post: Post) -> str:
    return f"{settings.PUBLIC_URL}/admin/statuspage/post/{post.pk}/update/"


def overdue(now: datetime) -> list[Post]:
    """Open incidents past their promise, or silent for as long as their page allows; for the first page."""
    return [post for post in Post.objects.open_incidents() if is_silent(post, now)]


def is_silent(post: Post, now: datetime) -> bool:
    """Whether readers wait for an update."""
    if post.next_update_at is not None:
        return post.next_update_at <= now
    hours = post.page.quiet_after_h
    return bool(hours) and post.updated_at <= now - timedelta(hours=hours)
