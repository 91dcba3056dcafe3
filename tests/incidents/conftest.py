"""People, services and severities of the incidents floor, and incidents in every state."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission

from incidents import engagement, lifecycle
from incidents.models import Incident, Severity
from oncall.models import EscalationPolicy, PortalSettings, Service, Team, User

MONDAY = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def at() -> Callable[[str], datetime]:
    """``at("10:05")`` is that time on the Monday of our stories, in UTC."""

    def instant(clock: str) -> datetime:
        hours, minutes, seconds = (*map(int, clock.split(":")), 0)[:3]
        return MONDAY + timedelta(hours=hours, minutes=minutes, seconds=seconds)

    return instant


def person(username: str, *rights: str) -> User:
    user = User.objects.create(
        username=username, first_name=username.title(), email=f"{username}@example.com"
    )
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="incidents", codename__in=rights)
    )
    return user


@pytest.fixture
def alice(db) -> User:
    """On call; responds."""
    return person("alice", "view_incident", "respond_incident")


@pytest.fixture
def bob(db) -> User:
    """Manages incidents."""
    return person(
        "bob",
        "view_incident",
        "respond_incident",
        "manage_incident",
        "communicate_incident",
        "review_incident",
    )


@pytest.fixture
def carol(db) -> User:
    """Nobody special."""
    return person("carol")


def policy_for(slug: str, user: User) -> EscalationPolicy:
    policy = EscalationPolicy.objects.create(slug=slug, name=slug.title())
    policy.steps.create(position=0).targets.create(user=user)
    return policy


@pytest.fixture
def team(alice) -> Team:
    team = Team.objects.create(slug="payments", name="Payments")
    team.members.add(alice)
    return team


@pytest.fixture
def checkout(team, alice) -> Service:
    """A critical service of customers; alice is on call for it."""
    policy = policy_for("payments", alice)
    return Service.objects.create(slug="checkout", name="Checkout", team=team, policy=policy, critical=True)


@pytest.fixture
def ledger(team, checkout) -> Service:
    """A second service of the same team."""
    return Service.objects.create(slug="ledger", name="Ledger", team=team, policy=checkout.policy)


@pytest.fixture
def portal(bob) -> PortalSettings:
    """bob is the incident manager on call; channel and bridge have addresses."""
    return PortalSettings.objects.create(
        pk=1,
        incident_manager_policy=policy_for("managers", bob),
        channel_template="https://chat.example.com/{{name}}",
        bridge_template="https://meet.example.com/{{key}}-{{secret}}",
    )


def severity(slug: str) -> Severity:
    """A shipped severity, also after a transactional test has emptied the tables."""
    ranks = {"major": 1, "medium": 2, "minor": 3}
    strict = slug != "minor"
    roles = {
        "major": ["incident_manager", "communications_lead"],
        "medium": ["incident_manager"],
        "minor": [],
    }
    every = {"major": 20, "medium": 45, "minor": 240}
    first = {"major": 10, "medium": 20, "minor": 60}
    return Severity.objects.get_or_create(
        slug=slug,
        defaults={
            "name": slug.title(), "rank": ranks[slug], "description": slug, "all_clear_required": strict,
            "review_required": strict, "required_roles": roles[slug], "urgency": "high" if strict else "low",
            "update_every": timedelta(minutes=every[slug]), "first_update_after": timedelta(minutes=first[slug]),
        },
    )[0]  # fmt: skip


@pytest.fixture
def major(db) -> Severity:
    return severity("major")


@pytest.fixture
def medium(db) -> Severity:
    return severity("medium")


@pytest.fixture
def minor(db) -> Severity:
    return severity("minor")


@pytest.fixture
def detected(checkout, portal, at) -> Incident:
    """An alert says at 10:00 that Checkout fails."""
    return lifecycle.detect(
        title="Card payments fail",
        service=checkout,
        source_text="Prometheus: CheckoutErrorRate",
        by=None,
        at=at("10:00"),
    )


@pytest.fixture
def declared(detected, bob, at) -> Incident:
    return lifecycle.declare(detected, by=bob, at=at("10:05"))


@pytest.fixture
def troubleshooting(declared, major, bob, at) -> Incident:
    return lifecycle.classify(declared, severity=major, by=bob, at=at("10:10"))


@pytest.fixture
def mitigated(troubleshooting, alice, at) -> Incident:
    return lifecycle.mitigate(troubleshooting, text="Traffic moved", by=alice, at=at("10:30"))


@pytest.fixture
def clear(checkout, alice, at) -> Callable[[Incident], Incident]:
    """The all-clear for every impacted service."""

    def give(incident: Incident) -> Incident:
        for row in incident.affected_services.all():
            incident = engagement.all_clear(incident, service=row.service, by=alice, at=at("10:50"))
        return incident

    return give


@pytest.fixture
def resolved(mitigated, clear, bob, at) -> Incident:
    return lifecycle.resolve(clear(mitigated), text="Pool enlarged", by=bob, at=at("11:00"))


@pytest.fixture
def in_review(resolved, bob, at) -> Incident:
    return lifecycle.start_review(resolved, by=bob, at=at("12:00"))


@pytest.fixture
def following_up(in_review, bob, checkout, at) -> Incident:
    return lifecycle.approve_review(
        in_review, root_cause_type="capacity", root_cause_service=checkout, by=bob, at=at("13:00")
    )


@pytest.fixture
def closed(following_up, bob, at) -> Incident:
    return lifecycle.close(following_up, by=bob, at=at("14:00"))


@pytest.fixture
def cancelled(detected, bob, at) -> Incident:
    return lifecycle.cancel(detected, reason="False alarm", by=bob, at=at("10:07"))


@pytest.fixture
def other(ledger, portal, bob, at) -> Incident:
    """Another incident, declared at 10:02."""
    return lifecycle.declare(title="Ledger is slow", services=[ledger], by=bob, at=at("10:02"))


@pytest.fixture
def merged(declared, other, bob, at) -> Incident:
    return lifecycle.merge(declared, into=other, by=bob, at=at("10:08"))
