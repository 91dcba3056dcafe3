"""In which state components are said to be, by posts and by hand; the only writer of that."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import rights, rollup
from statuspage.models import Component, ComponentImpact, Post

Statuses = Mapping[Component, str]


@transaction.atomic
def set_status(component: Component, status: str, *, by: User | None, at: datetime) -> Component:
    """Set a component's baseline by hand, without a post; what posts say is not touched.

    Raises ``DomainError("wrong_status")``, also for a group, which has no status of its own.
    """
    rights.need(by, rights.SET_STATUS)
    component = Component.objects.select_for_update().get(pk=component.pk)
    if component.is_group or status not in rollup.SEVERITY_ORDER:
        raise DomainError("wrong_status", f"{component.name} cannot be set to {status!r}.")
    if component.status == status:
        return component
    _say(component, None, status, at)
    component.status = status
    component.save()
    return component


def affect(post: Post, statuses: Statuses, *, at: datetime) -> list[dict[str, str]]:
    """Write what a post says of components from ``at`` on; the change of each, in Statuspage's words."""
    for component, status in statuses.items():
        if component.is_group or status not in rollup.SEVERITY_ORDER or component.page_id != post.page_id:
            raise DomainError("wrong_status", f"{component.name} cannot be set to {status!r}.")
    before = dict(post.impacts.filter(end__isnull=True).values_list("component_id", "status"))
    post.components.add(*statuses)
    for component, status in statuses.items():
        _say(component, post, status, at)
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


def _say(component: Component, post: Post | None, status: str, at: datetime) -> None:
    """From ``at`` on this post (or nobody but the baseline) gives the component this status."""
    said = ComponentImpact.objects.filter(component=component, post=post, end__isnull=True).first()
    if said is not None and said.status == status:
        return
    if said is not None:
        said.end = max(at, said.start)
        said.save()
    if status != rollup.OPERATIONAL:
        ComponentImpact.objects.create(component=component, post=post, status=status, start=at)


def end_all(post: Post, at: datetime) -> None:
    """Whatever the post still says of components ends now."""
    for impact in post.impacts.filter(end__isnull=True):
        impact.end = max(at, impact.start)
        impact.save()
