"""What the public is told: posts and their updates. The only writer of them.

Nothing internal is ever copied; what is proposed of an incident is in ``drafts``.
"""

from datetime import datetime, timedelta

from django.db import transaction

from incidents import communication
from incidents.models import Incident
from oncall.messaging import doorbell
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header, clean_text
from oncall.models import User
from statuspage import drafts, holding, impacts, reach, rights, rollup
from statuspage.impacts import Statuses
from statuspage.models import Component, Post, PostUpdate, StatusPage

DOUBLE_CLICK = timedelta(seconds=30)
LONGEST_BODY = 20_000


@transaction.atomic
def publish(
    *,
    name: str,
    body: str,
    status: str = Post.Status.INVESTIGATING,
    components: Statuses | None = None,
    notify: bool = True,
    impact_override: str = "",
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
    backfilled: bool = False,
    next_update_at: datetime | None = None,
    incident: Incident | None = None,
    page: StatusPage | None = None,
    by: User | None,
    at: datetime,
) -> Post:
    """Tell the public about an incident; from here on it is on the page.

    ``components`` says what is wrong with which, since ``started_at`` (by default now). A back-filled post is told
    after the fact: its times lie in the past and nobody is mailed. The same words again within half a minute are a
    double click and change nothing. Raises ``DomainError`` (``no_title``, ``no_text``, ``wrong_status``,
    ``wrong_time``, ``private``).
    """
    rights.need(by, rights.PUBLISH)
    drafts.may_be_told(incident)
    name, body = checked_title(name), checked_body(body)
    _check_status(status, Post.OF_INCIDENT)
    page = page or StatusPage.main()
    started_at = _past(started_at or at, at)
    twin = page.posts.filter(name=name, created_at__gt=at - DOUBLE_CLICK, updates__body=body).first()
    if twin is not None:
        return twin
    told_at = started_at if backfilled else at
    closed = status in Post.CLOSED
    ended_at = _past(ended_at or told_at, at) if closed else None
    post = Post(
        page=page,
        kind=Post.Kind.INCIDENT,
        name=name,
        status=status,
        impact=rollup.impact((components or {}).values()),
        impact_override=impact_override,
        incident=incident,
        started_at=started_at,
        monitoring_at=told_at if status == Post.Status.MONITORING else None,
        resolved_at=max(ended_at, started_at) if ended_at else None,
        next_update_at=next_update_at,
        backfilled=backfilled,
        created_at=at,
        updated_at=at,
    )
    post.watch_at = _watch_at(post, at)
    post.save()
    affected = impacts.affect(post, components or {}, by=by, at=started_at, recorded_at=at)
    if closed:
        impacts.end_all(post, post.resolved_at, by=by, recorded_at=at)
    told = tell(
        post,
        status=status,
        body=body,
        affected=affected,
        notify=notify and not backfilled,
        display_at=told_at,
        by=by,
        at=at,
    )
    _tell_incident(told, post.next_update_at, by=by, at=at)
    return fresh(post)


@transaction.atomic
def update(
    post: Post,
    *,
    status: str,
    body: str,
    components: Statuses | None = None,
    notify: bool = True,
    next_update_at: datetime | None = None,
    display_at: datetime | None = None,
    seen: str | None = None,
    by: User | None,
    at: datetime,
) -> Post:
    """Tell the public what is new about a post, an incident or a maintenance.

    ``components`` names what has changed; the others stay as they are. Ending the post ends what it said of
    every component; one that is named with a bad status keeps it as its baseline, since a person says so.
    ``seen`` is the public id of the newest update that the writer saw. Raises ``DomainError`` (``changed``,
    ``wrong_status``, ``wrong_time``, ``no_text``).
    """
    rights.need(by, rights.UPDATE)
    post = Post.objects.select_for_update().get(pk=post.pk)
    body = checked_body(body)
    latest = post.updates.order_by("-created_at", "-id").first()
    if latest and (latest.status, latest.body) == (status, body) and latest.created_at > at - DOUBLE_CLICK:
        return fresh(post)
    if seen is not None and latest is not None and latest.public_id != seen:
        raise DomainError(
            "changed", "Somebody has posted an update since you opened this page. Read it, then write yours."
        )
    _check_move(post, status)
    display_at = _past(display_at or at, at)
    affected = _weigh(post, status, dict(components or {}), display_at, by=by, at=at)
    _move(post, status, display_at)
    post.updated_at = at
    post.next_update_at = None if status in Post.CLOSED else next_update_at
    post.watch_at = _watch_at(post, at)
    post.touched = post.touched or post.rule_id is not None
    post.save()
    holding.follow(post, by=by, at=at)
    told = tell(
        post, status=status, body=body, affected=affected, notify=notify, display_at=display_at, by=by, at=at
    )
    _tell_incident(told, post.next_update_at, by=by, at=at)
    return fresh(post)


def _weigh(
    post: Post,
    status: str,
    named: dict[Component, str],
    display_at: datetime,
    *,
    by: User | None,
    at: datetime,
) -> list[dict[str, str]]:
    """Write what the update says of components; at the end all are well, save those named otherwise."""
    if status not in Post.CLOSED:
        if post.kind == Post.Kind.INCIDENT:
            post.impact = rollup.worse_impact(post.impact, rollup.impact(named.values()))
        return impacts.affect(post, named, by=by, at=display_at, recorded_at=at)
    kept = {row: bad for row, bad in named.items() if bad != rollup.OPERATIONAL}
    affected = impacts.affect(
        post,
        dict.fromkeys([*post.components.all(), *named], rollup.OPERATIONAL),
        by=by,
        at=display_at,
        recorded_at=at,
    )
    for row, bad in kept.items():
        impacts.set_status(
            row, bad, by=None, at=at
        )  # the right to speak about a post includes its components
    return affected


def _move(post: Post, status: str, display_at: datetime) -> None:
    """The post's own status and milestones; the caller saves."""
    post.status = status
    if status in Post.CLOSED:
        post.resolved_at = post.resolved_at or max(display_at, post.started_at)
        post.next_edge_at = None
    else:
        post.resolved_at = None
    if status != Post.Status.SCHEDULED:
        post.remind_at = None
    if status == Post.Status.MONITORING and post.monitoring_at is None:
        post.monitoring_at = display_at


def _watch_at(post: Post, at: datetime) -> datetime | None:
    """When an open incident has been silent for too long: past its promise, or the page's limit."""
    if post.kind != Post.Kind.INCIDENT or not post.is_open:
        return None
    if post.next_update_at is not None:
        return post.next_update_at
    return at + timedelta(hours=post.page.quiet_after_h) if post.page.quiet_after_h else None


def _tell_incident(told: PostUpdate, promised: datetime | None, *, by: User | None, at: datetime) -> None:
    """The internal incident learns what customers were told: its timeline, its clock of updates."""
    post = told.post
    if post.incident is None or post.backfilled or post.status == Post.Status.POSTMORTEM:
        return
    soon = (
        promised - at if promised and timedelta() < promised - at <= communication.LONGEST_PROMISE else None
    )
    recipients = sum(reach.counted(told).values())
    communication.posted(
        post.incident, text=told.body, by=by, at=at, next_update_in=soon, recipients=recipients
    )


def resolve(post: Post, *, body: str, notify: bool = True, by: User | None, at: datetime) -> Post:
    """The last word on an incident: it is over, and its components are well again."""
    return update(post, status=Post.Status.RESOLVED, body=body, notify=notify, by=by, at=at)


@transaction.atomic
def correct(told: PostUpdate, *, body: str, by: User | None, at: datetime) -> PostUpdate:
    """Change the words of an update. Nobody is mailed again; the old words stay in the history."""
    rights.need(by, rights.UPDATE)
    told = PostUpdate.objects.select_for_update().get(pk=told.pk)
    body = checked_body(body)
    if body != told.body:
        told.body, told.updated_at = body, at
        told.save()
        post = told.post
        post.updated_at = at
        post.save()
    return told


@transaction.atomic
def amend(post: Post, *, name: str, impact_override: str = "", by: User | None, at: datetime) -> Post:
    """Correct the title or the impact of a post. Nobody is mailed; the old ones stay in the history."""
    rights.need(by, rights.UPDATE)
    post = Post.objects.select_for_update().get(pk=post.pk)
    name = checked_title(name)
    if (name, impact_override) != (post.name, post.impact_override):
        post.name, post.impact_override, post.updated_at = name, impact_override, at
        post.touched = post.touched or post.rule_id is not None
        post.save()
    return post


def tell(
    post: Post,
    *,
    status: str,
    body: str,
    affected: list[dict[str, str]],
    notify: bool,
    display_at: datetime,
    by: User | None,
    at: datetime,
) -> PostUpdate:
    """Write one update and, with ``notify``, leave its mails to the fan-out."""
    if notify:
        doorbell.ring()
    return PostUpdate.objects.create(
        post=post,
        status=status,
        body=body,
        display_at=display_at,
        affected=affected,
        deliver_notifications=notify,
        by=by,
        created_at=at,
        updated_at=at,
        fan_out_at=at if notify else None,
    )


def fresh(post: Post) -> Post:
    return Post.objects.get(pk=post.pk)


# -- what may be written -------------------------------------------------------------------------------------
def checked_title(name: str) -> str:
    name = clean_header(name)
    if not name:
        raise DomainError("no_title", "A post needs a title that customers understand.")
    return name


def checked_body(body: str) -> str:
    body = clean_text(body).strip()
    if not body:
        raise DomainError("no_text", "Say in a sentence or two what customers notice and what they can do.")
    if len(body) > LONGEST_BODY:
        raise DomainError("too_long", f"An update has at most {LONGEST_BODY:,} characters.")
    return body


def _check_status(status: str, allowed: tuple[str, ...]) -> None:
    if status not in allowed:
        raise DomainError("wrong_status", f"The status is one of: {', '.join(allowed)}.")


def _check_move(post: Post, status: str) -> None:
    """Any jump forward or back is allowed, except out of a post-mortem and into one before the end."""
    of_kind = Post.OF_INCIDENT if post.kind == Post.Kind.INCIDENT else Post.OF_MAINTENANCE
    _check_status(status, of_kind)
    if post.status == Post.Status.POSTMORTEM and status != Post.Status.POSTMORTEM:
        raise DomainError("wrong_status", "The post-mortem is published; open a new post instead.")
    if status == Post.Status.POSTMORTEM and post.status not in Post.CLOSED:
        raise DomainError("wrong_status", "Resolve the incident before you publish its post-mortem.")


def _past(when: datetime, at: datetime) -> datetime:
    if when > at or when.year < 2000:
        raise DomainError("wrong_time", "A time that is told lies in the past, and not before the year 2000.")
    return when
