"""An incident that is over, and people who write, approve and own."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group

from incidents import lifecycle, timeline
from incidents.models import Incident, Severity, TimelineEntry
from oncall.models import Service, User
from postmortems import drafting, review
from postmortems.models import PostMortem

AT = datetime(2026, 3, 9, 12, tzinfo=UTC)


def person(username: str, group: str = "") -> User:
    user = User.objects.create(
        username=username, first_name=username.title(), email=f"{username}@example.com", is_staff=bool(group)
    )
    if group:
        user.groups.add(Group.objects.get(name=group))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def alice(db) -> User:
    return person("alice", "Incident Manager")


@pytest.fixture
def bob(db) -> User:
    return person("bob", "Incident Manager")


@pytest.fixture
def carol(db) -> User:
    return person("carol")


@pytest.fixture
def checkout(db) -> Service:
    return Service.objects.create(slug="checkout", name="Checkout")


@pytest.fixture
def incident(alice, checkout) -> Incident:
    """Resolved after an hour, with a note for the review; its cause is known."""
    incident = lifecycle.declare_past(
        title="Checkout down",
        severity=Severity.objects.get(slug="major"),
        services=[checkout],
        impact_started_at=AT - timedelta(hours=3),
        detected_at=AT - timedelta(hours=3) + timedelta(minutes=4),
        mitigated_at=AT - timedelta(hours=2, minutes=20),
        resolved_at=AT - timedelta(hours=2),
        root_cause_type="capacity",
        root_cause_service=checkout,
        by=alice,
        at=AT,
    )
    return timeline.note(
        incident, text="The dashboard was down as well", kind=TimelineEntry.Kind.OBSTACLE, by=alice, at=AT
    )


@pytest.fixture
def draft(incident, alice) -> PostMortem:
    postmortem = drafting.draft(incident, by=alice, at=AT)
    postmortem.lead = alice
    postmortem.save()
    return drafting.write(postmortem, sections={"summary": "It ran out of connections."}, by=alice, at=AT)


@pytest.fixture
def submitted(draft, alice) -> PostMortem:
    return review.submit(draft, by=alice, at=AT)
