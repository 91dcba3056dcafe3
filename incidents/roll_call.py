"""The roll call: everybody who was called in to an incident, and whether they have answered."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch

from incidents.models import Engagement, Incident
from oncall import partly
from oncall.models import Page, User
from oncall.partly import Answers

Kind = Engagement.Kind


@dataclass(frozen=True)
class Called:
    """One line of the roll call: who was called in as what, and whether anybody was paged and has answered."""

    engagement: Engagement
    whom: str
    state: str
    answered_by: User | None
    answered_at: datetime | None
    paged_anybody: bool = True
    answers: Answers = Answers()


def of(incident: Incident) -> list[Called]:
    """Everybody who was called in, oldest first, with the answer; in a fixed number of queries."""
    pages = Page.objects.select_related("acknowledged_by").with_told()
    rows = incident.engagements.select_related("service", "team", "user")
    rows = rows.prefetch_related(Prefetch("page", pages))
    return [
        Called(
            engagement=row,
            whom=whom(row),
            state=row.page.state if row.page else "",
            answered_by=row.page.acknowledged_by if row.page else None,
            answered_at=row.page.acknowledged_at if row.page else None,
            paged_anybody=row.page.reached_anybody if row.page else True,
            answers=partly.in_part(row.page) if row.page else Answers(),
        )
        for row in rows
    ]


def whom(engagement: Engagement) -> str:
    """Whom an engagement calls in: ``Checkout on-call``, ``Incident manager on call``, a team, a person."""
    if engagement.service:
        return f"{engagement.service.name} on-call"
    if engagement.kind == Kind.MANAGER:
        return "Incident manager on call"
    return str(engagement.team or engagement.user or "Somebody")
