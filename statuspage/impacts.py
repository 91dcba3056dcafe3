"""In which state components are said to be, by posts and by hand; the only writer of that, and of its log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import rights, rollup
from statuspage.models import Component, ComponentChange, ComponentImpact, Post

Statuses = Mapping[Component, str]
Source = ComponentChange.Source


@dataclass(frozen=True)
class Saying:
    """Who says something of components, where, and when that was written down."""

    source: str
    by: User | None
    recorded_at: datetime
    post: Post | None = None


@transaction.atomic
def set_status(
    component: Component, status: str, *, source: str = Source.MANUAL, by: User | None, at: datetime
) -> Component:
    """Set a component's baseline by hand, without a post; what posts say is not touched.

    ``source`` is for the log: by hand, by the API or by an import. Raises ``DomainError("wrong_status")``, also
    for a group, which has no status of its own.
    """
    rights.need(by, rights.SET_STATUS)
    component = Component.objects.select_for_update().get(pk=component.pk)
    if component.is_group or status not in rollup.SEVERITY_ORDER:
        raise DomainError("wrong_status", f"{component.name} cannot be set to {status!r}.")
    if component.status == status:
        return component
    _say(component, status, at, Saying(source, by, at))
    component.status = status
    component.save()
    return component


def affect(
    post: Post,
    statuses: Statuses,
    *,
    by: User | None = None,
    at: datetime,
    recorded_at: datetime | None = None,
) -> list[dict[str, str]]:
    """Write what a post says of components from ``at`` on; the change of each, in Statuspage's words."""
    saying = _of(post, by, recorded_at or at)
    for component, status in statuses.items():
        if component.is_group or status not in rollup.SEVERITY_ORDER or component.page_id != post.page_id:
            raise DomainError("wrong_status", f"{component.name} cannot be set to {status!r}.")
    before = dict(post.impacts.filter(end__isnull=True).values_list("component_id", "status"))
    post.components.add(*statuses)
    for component, status in statuses.items():
        _say(component, status, at, saying)
    now = before | {component.pk: status for component, status in statuses.items()}
    return [
        {
            "code": row.public_id,
            "name": row.name,
            "old_status": before.get(row.pk, rollup.OPERATIONAL),
            "new_status": now.get(row.pk, rollup.OPERATIONAL),
        }
        for row in post.components.all()
    ]


def _of(post: Post, by: User | None, recorded_at: datetime) -> Saying:
    source = Source.MAINTENANCE if post.kind == Post.Kind.MAINTENANCE else Source.INCIDENT
    return Saying(source, by, recorded_at, post)


def _say(component: Component, status: str, at: datetime, saying: Saying) -> None:
    """From ``at`` on this post (or nobody but the baseline) gives the component this status."""
    open_ones = list(ComponentImpact.objects.filter(component=component, end__isnull=True))
    said = next((one for one in open_ones if one.post_id == (saying.post and saying.post.pk)), None)
    if said is not None and said.status == status:
        return
    others = [one.status for one in open_ones if one is not said]
    if saying.post is not None:
        others.append(component.status)
    if said is not None:
        said.end = max(at, said.start)
        said.save()
    if status != rollup.OPERATIONAL:
        ComponentImpact.objects.create(component=component, post=saying.post, status=status, start=at)
    before = said.status if said else rollup.OPERATIONAL
    _note(component, rollup.worst([*others, before]), rollup.worst([*others, status]), at, saying)


def _note(component: Component, old: str, new: str, at: datetime, saying: Saying) -> None:
    """Write down that the shown status changed, if it did: what something worse hides changes nothing."""
    if old == new:
        return
    ComponentChange.objects.create(
        component=component,
        old=old,
        new=new,
        at=at,
        recorded_at=saying.recorded_at,
        source=saying.source,
        post=saying.post,
        post_name=saying.post.name if saying.post else "",
        by=saying.by,
    )


def end_all(post: Post, at: datetime, *, by: User | None = None, recorded_at: datetime | None = None) -> None:
    """Whatever the post still says of components ends now."""
    for impact in post.impacts.filter(end__isnull=True).select_related("component"):
        _say(impact.component, rollup.OPERATIONAL, at, _of(post, by, recorded_at or at))
