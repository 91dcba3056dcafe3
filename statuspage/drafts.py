"""Proposals for a person to fill in: a post about an incident, the last word on one.

Nothing internal is ever copied: a draft made from an incident holds no word of it, only the components of its
services and when it began.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext

from incidents.models import Incident
from oncall.messaging.errors import DomainError
from statuspage import public, rollup
from statuspage.documents import words
from statuspage.models import Component, Post

_STATUS_OF_LEVEL = {"full": rollup.MAJOR, "partial": rollup.PARTIAL, "degraded": rollup.DEGRADED}


@dataclass(frozen=True)
class Draft:
    """A proposal for a person to fill in; nothing of it is stored or public."""

    incident: Incident | None = None
    name: str = ""
    body: str = ""
    status: str = Post.Status.INVESTIGATING
    started_at: datetime | None = None
    components: dict[Component, str] = field(default_factory=dict)


def draft_from(incident: Incident) -> Draft:
    """Propose a post about an incident: its services' components and its beginning, and not one word of it.

    Raises ``DomainError("private")`` for a private incident: a post tied to it would show that it is there.
    """
    may_be_told(incident)
    levels = {
        impact.service_id: _STATUS_OF_LEVEL[impact.level]
        for impact in incident.impacts.filter(end__isnull=True)
    }
    rows = Component.objects.filter(
        service__in=incident.services.all(), visible=True, is_group=False
    ).select_related("parent")
    return Draft(
        incident=incident,
        started_at=incident.impact_started_at,
        components={row: levels.get(row.service_id, rollup.DEGRADED) for row in rows},
    )


def draft_end(post: Post) -> Draft:
    """Propose the last word on an open post: that it is over, and its components are well. Nothing internal."""
    shown = {row.pk for row in public.visible(post.page.components.all())}
    with translation.override(post.page.language):
        names = words.joined([row.name for row in post.components.all() if row.pk in shown])
        again = gettext("%(components)s work normally again.") % {"components": names} if names else ""
        body = " ".join(filter(None, [gettext("This incident is resolved."), again]))
    return Draft(
        incident=post.incident,
        name=post.name,
        body=body,
        status=Post.Status.RESOLVED,
        components=dict.fromkeys(post.components.all(), rollup.OPERATIONAL),
    )


def may_be_told(incident: Incident | None) -> None:
    """Raise ``DomainError("private")`` for a private incident."""
    if incident is not None and incident.private:
        raise DomainError(
            "private",
            f"{incident.key} is private, so no public post may be tied to it. "
            "If customers must know, write a post of its own.",
        )
