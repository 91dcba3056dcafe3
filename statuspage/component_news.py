"""Telling webhooks of each change of a component's status, as Statuspage does (``component_update``).

The status that the page shows is computed, so it is compared: with what was seen last, after each change of the
page. Back and forth within one look is no change.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Max
from django.db.models.functions import Coalesce, Greatest

from oncall.messaging import doorbell, outbox
from statuspage import audience, channels, public, rollup
from statuspage.documents import hooks
from statuspage.models import ComponentImpact, ComponentNews, StatusPage, Subscriber

log = logging.getLogger(__name__)

NEWS_FOR = timedelta(hours=24)
RETRY_AFTER = timedelta(minutes=1)
CHUNK = 500


def tell(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: notice what changed, and put it into the outbox; the number of deliveries."""
    for pk in list(StatusPage.objects.exclude(watched_version=F("version")).values_list("pk", flat=True)):
        notice(pk, at=now())
    sent = 0
    for pk in list(ComponentNews.objects.due(now()).order_by("pk").values_list("pk", flat=True)[:200]):
        try:
            sent += _tell_of(pk, now())
        except Exception:  # one change that cannot be told holds up no other
            log.exception("Change %s could not be put into the outbox; it is tried again.", pk)
            ComponentNews.objects.filter(pk=pk).update(tell_at=now() + RETRY_AFTER)
    return sent


@transaction.atomic
def notice(page_id: int, *, at: datetime) -> int:
    """Write down which components of a page are in another status than when we looked last; how many."""
    skip = connection.features.has_select_for_update_skip_locked
    page = StatusPage.objects.select_for_update(skip_locked=skip).filter(pk=page_id).first()
    if page is None:
        return 0
    shown = {one.id: one.status for one in public.frame(page, at=at).leaves}
    rows = page.components.filter(public_id__in=shown).annotate(newest=Max("news__pk"))
    seen = ComponentNews.objects.in_bulk([row.newest for row in rows if row.newest])
    fresh = []
    for row in rows:
        was, status = seen.get(row.newest), shown[row.public_id]
        if was is not None and was.new_status == status:
            continue
        old = was.new_status if was else status
        told = was is not None and not _was_quiet(row.pk)
        fresh.append(
            ComponentNews(
                component=row, old_status=old, new_status=status, at=at, tell_at=at if told else None
            )
        )
    ComponentNews.objects.bulk_create(fresh)
    StatusPage.objects.filter(pk=page_id).update(watched_version=page.version)
    return len(fresh)


def _was_quiet(component_id: int) -> bool:
    """Whether the post behind the newest change asked for silence: then machines are not told either."""
    latest = (
        ComponentImpact.objects.filter(component=component_id)
        .order_by(Greatest("start", Coalesce("end", "start")).desc(), "-pk")
        .select_related("post")
        .first()
    )
    if latest is None or latest.post is None:
        return False
    told = latest.post.updates.order_by("-created_at", "-pk").first()
    return told is not None and not told.deliver_notifications


@transaction.atomic
def _tell_of(pk: int, at: datetime) -> int:
    skip = connection.features.has_select_for_update_skip_locked
    locked = ComponentNews.objects.select_for_update(skip_locked=skip, of=("self",))
    change = locked.due(at).filter(pk=pk).select_related("component__page").first()
    if change is None:
        return 0
    page = public.frame(change.component.page, at=at)
    component, receivers = page.by_id.get(change.component.public_id), _receivers(change)
    sent = 0
    if component is not None and receivers:
        body = hooks.component_update(
            page, component, _change(change), documentation=channels.documentation(page)
        )
        message = channels.compose(
            body,
            event=hooks.COMPONENT_UPDATE,
            subject=f"{hooks.COMPONENT_UPDATE}: {component.name}",
            purpose="update",
            at=at,
        )
        for start in range(0, len(receivers), CHUNK):
            some = receivers[start : start + CHUNK]
            sent += outbox.send_many(
                message,
                [channels.to(one, key=f"change:{change.public_id}:{one.public_id}") for one in some],
                medium=channels.MEDIUM[Subscriber.Channel.WEBHOOK],
                topic=change.component.topic,
                at=at,
                expires_at=at + NEWS_FOR,
            )
    ComponentNews.objects.filter(pk=pk).update(tell_at=None)
    if sent:
        doorbell.ring()
    return sent


def _receivers(change: ComponentNews) -> list[Subscriber]:
    """The webhooks that want this component and this kind of news, who had confirmed when it changed."""
    planned = rollup.MAINTENANCE in (change.old_status, change.new_status)
    kind = {"maintenance": True} if planned else {"incidents": True}
    page = change.component.page
    rows = audience.of_page(page).filter(
        audience.of_components(page, [change.component]),
        channel=Subscriber.Channel.WEBHOOK,
        confirmed_at__lte=change.at,
        **kind,
    )
    return list(rows.order_by("pk").select_for_update())


def _change(change: ComponentNews) -> hooks.Change:
    return hooks.Change(
        id=change.public_id,
        component_id=change.component.public_id,
        old_status=change.old_status,
        new_status=change.new_status,
        at=change.at,
    )
