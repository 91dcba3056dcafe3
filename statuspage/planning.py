"""Posts and updates written now and published at their time, by the clock and exactly once.

Until then nothing of them is public or mailed. What a person may not say now she may not plan either: everything
is rehearsed as of its time when it is written, and said under her name when it falls due.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from incidents.models import Incident
from oncall.messaging import doorbell
from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import publishing, rights, staff
from statuspage.models import Component, PlannedPost, Post, StatusPage

log = logging.getLogger(__name__)

FURTHEST = timedelta(days=400)
AT_LEAST = timedelta(minutes=1)
RETRY_AFTER = timedelta(minutes=1)
State = PlannedPost.State
#: What a writer may say and change; the verbs of ``publishing`` take the same.
SAID = (
    "name",
    "status",
    "body",
    "components",
    "notify",
    "impact_override",
    "started_at",
    "next_update_in",
    "seen",
    "publish_at",
)


@transaction.atomic
def plan(
    *,
    publish_at: datetime,
    body: str,
    status: str,
    name: str = "",
    post: Post | None = None,
    components: Mapping[Component, str] | None = None,
    notify: bool = True,
    impact_override: str = "",
    started_at: datetime | None = None,
    next_update_in: timedelta | None = None,
    seen: str | None = None,
    incident: Incident | None = None,
    page: StatusPage | None = None,
    by: User,
    at: datetime,
) -> PlannedPost:
    """Write a post, or with ``post`` an update of it, that is published at ``publish_at``.

    The same again within half a minute is a double click. Raises ``DomainError`` (``wrong_time`` for a time that
    has passed, and whatever publishing it at that time would raise).
    """
    page = post.page if post else page or StatusPage.main()
    planned = PlannedPost(page=page, post=post, incident=incident, by=by, created_at=at)
    _write(
        planned,
        at,
        publish_at=publish_at,
        name=name,
        body=body,
        status=status,
        components=components,
        notify=notify,
        impact_override=impact_override,
        started_at=started_at,
        next_update_in=next_update_in,
        seen=seen if seen or post is None else newest(post),
    )
    same = {"name": planned.name, "body": planned.body, "post": post, "publish_at": publish_at, "by": by}
    twin = page.planned_posts.filter(created_at__gt=at - publishing.DOUBLE_CLICK, **same).first()
    if twin is not None:
        return twin
    return _keep(planned, by=by)


@transaction.atomic
def change(
    planned: PlannedPost, *, version: str | None = None, by: User, at: datetime, **said
) -> PlannedPost:
    """Other words, components or another time; only what is named changes. One that was refused is planned again.

    Whoever changes it is its author from then on. ``version`` is the ``updated_at`` that she saw. Raises
    ``DomainError`` (``over``, ``changed``, and those
    of ``plan``).
    """
    planned = _open(planned, by)
    if version is not None and version != planned.updated_at.isoformat():
        raise DomainError("changed", "Somebody has changed this since you opened it. Look again.")
    kept = {name: getattr(planned, name) for name in SAID} | {"components": chosen(planned)}
    if planned.post is not None:
        kept["seen"] = newest(planned.post)  # whoever rewrites it has the story before her
    planned.by = by
    _write(planned, at, **(kept | said))
    return _keep(planned, by=by)


@transaction.atomic
def cancel(planned: PlannedPost, *, by: User, at: datetime) -> PlannedPost:
    """It is not published. Cancelling twice changes nothing."""
    rights.need(by, rights.UPDATE if planned.post_id else rights.PUBLISH)
    planned = PlannedPost.objects.select_for_update().get(pk=planned.pk)
    if planned.state == State.CANCELLED:
        return planned
    planned = _open(planned, by)
    planned.state, planned.due_at, planned.updated_at = State.CANCELLED, None, at
    return _keep(planned, by=by)


@transaction.atomic
def publish_now(planned: PlannedPost, *, by: User, at: datetime) -> PlannedPost:
    """Do not wait for its time. The person who presses has read what was said meanwhile."""
    planned = _open(planned, by)
    planned.seen = ""
    return _said(planned, _say(planned, by=by, at=at), by=by, at=at)


def publish_due(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: publish what has fallen due. Each row is locked and written with what it says, so that two
    processes publish it once."""
    published = 0
    for pk in list(PlannedPost.objects.due(now()).order_by("due_at").values_list("pk", flat=True)[:50]):
        try:
            published += _publish_one(pk, now())
        except Exception:  # one that cannot be published holds up no other
            log.exception("Planned post %s could not be published; it is tried again.", pk)
            PlannedPost.objects.filter(pk=pk, state=State.PLANNED).update(due_at=now() + RETRY_AFTER)
    return published


def rehearse(planned: PlannedPost) -> Post:
    """What it publishes at its time, to be looked at and undone by the caller."""
    return _say(planned, by=planned.by, at=planned.publish_at)


@transaction.atomic
def _publish_one(pk: int, at: datetime) -> int:
    skip = connection.features.has_select_for_update_skip_locked
    planned = PlannedPost.objects.select_for_update(skip_locked=skip).due(at).filter(pk=pk).first()
    if planned is None:
        return 0
    try:
        with transaction.atomic():
            told = _say(planned, by=planned.by, at=at)
    except DomainError as refusal:
        _refuse(planned, refusal, at)
    else:
        _said(planned, told, by=planned.by, at=at)
    return 1


def _say(planned: PlannedPost, *, by: User | None, at: datetime) -> Post:
    """Publish what it says, as of ``at``."""
    said = {
        "status": planned.status,
        "body": planned.body,
        "components": chosen(planned),
        "notify": planned.notify,
        "next_update_at": at + planned.next_update_in if planned.next_update_in else None,
        "by": by,
        "at": at,
    }
    if planned.post is not None:
        return publishing.update(planned.post, seen=planned.seen or None, **said)
    return publishing.publish(
        name=planned.name,
        started_at=planned.started_at,
        impact_override=planned.impact_override,
        incident=planned.incident,
        page=planned.page,
        **said,
    )


def _said(planned: PlannedPost, told: Post, *, by: User | None, at: datetime) -> PlannedPost:
    planned.state, planned.due_at, planned.told = State.PUBLISHED, None, told
    planned.refusal, planned.updated_at = "", at
    return _keep(planned, by=by)


def _refuse(planned: PlannedPost, refusal: DomainError, at: datetime) -> None:
    """It is no longer true or allowed: it waits for a person, on the first page, and its author is told."""
    planned.state, planned.due_at, planned.updated_at = State.REFUSED, None, at
    planned.refusal = refusal.detail[:500]
    _keep(planned, by=None)
    if planned.by is not None:
        staff.mail(
            planned.by,
            subject=f"Not published: {planned}",
            lines=[
                f"“{planned}” was to be published now and was not:",
                planned.refusal,
                "",
                "Look at it, then publish or cancel it:",
                f"{settings.PUBLIC_URL}/admin/statuspage/plannedpost/{planned.pk}/change/",
            ],
            topic=f"planned:{planned.public_id}",
            key=f"planned-refused:{planned.public_id}:{at:%Y%m%d%H%M%S}",
            at=at,
        )


def _write(planned: PlannedPost, at: datetime, **said) -> None:
    """Take what was said, and see by doing it, and undoing it, that it can be published at its time."""
    components = said.pop("components") or {}
    for name, value in said.items():
        setattr(planned, name, value if value is not None or name in ("started_at", "next_update_in") else "")
    if planned.publish_at <= at:
        raise DomainError("wrong_time", "That time has passed. Leave it empty to publish at once.")
    if planned.publish_at > at + FURTHEST:
        raise DomainError("wrong_time", f"A post is planned at most {FURTHEST.days} days ahead.")
    if planned.post is None:
        planned.name = publishing.checked_title(planned.name)
    planned.body = publishing.checked_body(planned.body)
    planned.components = {row.public_id: status for row, status in components.items()}
    planned.state, planned.due_at, planned.refusal = State.PLANNED, planned.publish_at, ""
    planned.updated_at = at
    with transaction.atomic():
        rehearse(planned)
        transaction.set_rollback(True)


def _open(planned: PlannedPost, by: User) -> PlannedPost:
    """The row, locked, if it has not been published or cancelled."""
    rights.need(by, rights.UPDATE if planned.post_id else rights.PUBLISH)
    planned = PlannedPost.objects.select_for_update().get(pk=planned.pk)
    if planned.state not in (State.PLANNED, State.REFUSED):
        raise DomainError("over", f"This is {planned.get_state_display().lower()} already.")
    return planned


def _keep(planned: PlannedPost, *, by: User | None) -> PlannedPost:
    planned._history_user = by
    planned.save()
    doorbell.ring()
    return planned


def chosen(planned: PlannedPost) -> dict[Component, str]:
    """Its components, those that still exist."""
    rows = planned.page.components.filter(public_id__in=planned.components)
    return {row: planned.components[row.public_id] for row in rows}


def newest(post: Post) -> str:
    """The public id of the newest update of a post."""
    latest = post.updates.order_by("-created_at", "-id").first()
    return latest.public_id if latest else ""
