"""Somebody sees that something is wrong and says so, without any right but being signed in."""

from datetime import datetime, timedelta

from django.db import transaction

from incidents import lifecycle
from incidents.models import Incident, State
from oncall import course, plans, targets
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from oncall.models import PortalSettings, Service, Urgency, User

SAME_REPORT = timedelta(minutes=10)
MOST_PER_HOUR = 10


@transaction.atomic
def report(*, title: str, service: Service | None, seen: str, by: User, at: datetime) -> Incident:
    """Detect an incident from what a person says; the service's on-call is paged (field/incidents.md DET-2).

    The same words by the same person within ten minutes are the same report. Raises ``DomainError``
    (``too_many_reports``) after ten in an hour: then somebody should be called instead.
    """
    # No key: whoever is paging her at this moment need not wait.
    User.objects.select_for_update(no_key=True).values_list("pk").get(pk=by.pk)
    mine = Incident.objects.filter(reporter=by, transitions__name="detect")
    same = mine.filter(
        title=clean_header(title, limit=300), state=State.DETECTED, created_at__gt=at - SAME_REPORT
    )
    again = same.filter(services=service) if service else same.filter(services=None)
    if again.exists():
        return again.latest("pk")
    if mine.filter(created_at__gt=at - timedelta(hours=1)).count() >= MOST_PER_HOUR:
        raise DomainError(
            "too_many_reports",
            "You have reported ten problems within the hour. Call the incident manager instead.",
        )
    return lifecycle.detect(
        title=title, service=service, description=seen, source_text=f"Reported by {by}", by=by, at=at
    )


def who_would_be_paged(service: Service | None, *, at: datetime) -> dict[User, str]:
    """The people whom a report would page first, each with why; empty when only the last resort is left."""
    policy = service.policy if service else PortalSettings.load().incident_manager_policy
    team = service.team if service else policy.team if policy else None
    plan, _, owner = plans.begin(policy=policy, user=None, team=team, service=service)
    asks = targets.Directory(team=owner, urgency=Urgency.HIGH)
    first = course.advance(plan, course.Standing(), urgency=Urgency.HIGH, at=at, asks=asks).fired
    if first is None or first.step >= len(plan.steps):
        return {}
    return {reached.person: reached.why for reached in first.people}
