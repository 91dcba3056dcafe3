"""The first page: what it says, to whom, and how often it asks the database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config import pulse
from config.admin import headline
from config.models import PulseLine
from incidents import lifecycle, roles, tasks
from incidents.models import AffectedService, Incident, Severity
from oncall import clock, escalation, paging
from oncall.messaging.models import Delivery, Message
from oncall.models import EscalationPolicy, Page, PortalSettings, Schedule, Service, Team, User

NOW = datetime(2026, 3, 11, 13, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def present(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


def person(username: str, *groups: str) -> User:
    user = User.objects.create(
        username=username,
        first_name=username.title(),
        email=f"{username}@example.com",
        is_staff=True,
        time_zone="Europe/Berlin",
    )
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


@pytest.fixture
def alice(db) -> User:
    return person("alice", "Incident Manager")


@pytest.fixture
def carol(db) -> User:
    return person("carol")


@pytest.fixture
def checkout(alice) -> Service:
    team = Team.objects.create(slug="payments", name="Payments")
    policy = EscalationPolicy.objects.create(slug="payments", name="Payments", team=team)
    policy.steps.create(position=0).targets.create(user=alice)
    policy.steps.create(position=1, after=timedelta(minutes=5)).targets.create(team=team)
    PortalSettings.objects.create(pk=1, incident_manager_policy=policy)
    return Service.objects.create(slug="checkout", name="Checkout", team=team, policy=policy)


@pytest.fixture
def beating(db):
    """The pulse has just beaten."""
    pulse.ensure_rows()
    PulseLine.objects.update(ok_at=NOW, error="")


def declare(checkout, by, minutes=40, title="Card payments fail", **details) -> Incident:
    at = NOW - timedelta(minutes=minutes)
    return lifecycle.declare(title=title, services=[checkout], by=by, at=at, **details)


def first_page(user) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("incidents", "pages", "words"),
    [
        (0, 0, "All quiet"),
        (1, 0, "1 open incident"),
        (5, 2, "5 open incidents, 2 pages waiting"),
        (0, 1, "1 page waiting"),
    ],
)
def test_the_heading_is_the_news(incidents, pages, words):
    assert headline(incidents, pages) == words


def test_all_quiet_is_a_page_too(alice, beating):
    html = first_page(alice)

    assert "All quiet" in html and "Nothing is open." in html and "Nobody is being waited for." in html
    assert "Pulse healthy" in html and "Nothing waits for you." in html


def test_a_late_pulse_is_the_first_thing_one_reads(alice, beating):
    PulseLine.objects.update(ok_at=NOW - timedelta(minutes=4))

    html = first_page(alice)

    assert "The pulse is late." in html and "Pulse healthy" not in html
    assert html.index("The pulse is late.") < html.index("<h1>")


def test_the_worst_comes_first_and_the_unclassified_second(alice, checkout):
    levels = {severity.slug: severity for severity in Severity.objects.all()}
    for title, slug in [("Small", "minor"), ("Big", "major"), ("New", None), ("Middling", "medium")]:
        incident = declare(checkout, alice, title=title)
        if slug:
            lifecycle.classify(incident, severity=levels[slug], reason="x", by=alice, at=NOW)

    html = first_page(alice)

    places = [html.index(f">{title}</a>") for title in ("Big", "New", "Middling", "Small")]
    assert places == sorted(places)
    assert "1 major, 1 unclassified, 1 medium, 1 minor" in html


def test_a_late_update_is_said_and_a_missing_manager_too(alice, checkout):
    declare(checkout, alice)

    html = first_page(alice)

    assert "30 min late" in html and "No manager yet" in html


def test_a_page_that_waits_names_who_was_paged_how_and_who_is_next(alice, checkout):
    page = paging.page(title="Ledger", urgency="high", policy=checkout.policy, by=None, at=NOW)
    escalation.advance_due(now=lambda: NOW)

    html = first_page(alice)

    assert "<b>Alice</b> paged by e-mail, 0 s ago" in html
    assert "In 5 min:</b> Payments" in html
    assert Page.objects.get() == page


def test_nobody_on_call_stands_out(alice):
    Schedule.objects.create(slug="platform", name="Platform", time_zone="UTC")

    assert "Nobody</b>" in first_page(alice)


def test_my_work_is_mine(alice, carol, checkout):
    incident = declare(checkout, alice)
    roles.assign(incident, role="incident_manager", user=alice, by=alice, at=NOW)
    tasks.add(incident, title="Ask the bank", owner=alice, due_at=NOW - timedelta(days=5), by=alice, at=NOW)

    assert "Ask the bank" in first_page(alice) and "5 d late" in first_page(alice)
    assert "Ask the bank" not in first_page(carol)


def test_a_private_incident_shows_in_no_card_number_or_chart(alice, carol, checkout):
    incident = declare(checkout, alice, title="Leaked keys", private=True)
    tasks.add(incident, title="Rotate the keys", owner=carol, by=alice, at=NOW)

    html = first_page(carol)

    assert "Leaked keys" not in html and "Rotate the keys" not in html and incident.key not in html
    assert "All quiet" in html and "Incidents per week" not in html
    assert "Leaked keys" in first_page(alice)


def test_dead_deliveries_are_shown_to_those_who_may_read_them(alice, carol):
    message = Message.objects.create(purpose="page", subject="x", text="x", created_at=NOW)
    Delivery.objects.create(
        message=message, medium="email", address="t.vega@example.com", recipient="tomas", state="dead",
        idempotency_key="k", created_at=NOW, expires_at=NOW, finished_at=NOW, stable_id="s",
        last_error="552 mailbox full\nsecond line",
    )  # fmt: skip

    html = first_page(alice)

    assert "552 mailbox full" in html and "second line" not in html and "t.vega@…" in html
    assert "1 dead delivery" not in first_page(carol) and "552" not in first_page(carol)


@pytest.mark.parametrize("name", ["acknowledge", "escalate"])
def test_the_buttons_of_a_waiting_page_lead_back_here(alice, checkout, name):
    paging.page(title="Ledger", urgency="high", policy=checkout.policy, by=None, at=NOW)

    html = first_page(alice)

    assert f"/verbs/{name}" in html and 'name="next" value="/admin/"' in html


def many(checkout, count: int) -> None:
    """Incidents in bulk, as the portal would not make them, for counting queries."""
    since = NOW - timedelta(minutes=40)
    rows = [
        Incident(
            title=f"Incident {number}", state="declared", created_at=since, detected_at=since,
            declared_at=since, impact_started_at=since, update_due_at=NOW,
        )
        for number in range(count)
    ]  # fmt: skip
    Incident.objects.bulk_create(rows)
    fresh = Incident.objects.filter(affected_services=None)
    AffectedService.objects.bulk_create(AffectedService(incident=one, service=checkout) for one in fresh)


def test_the_first_page_asks_as_often_for_200_incidents_as_for_5(alice, checkout, beating):
    asked = []
    for count in (5, 195):
        many(checkout, count)
        first_page(alice)  # what is cached once is cached
        with CaptureQueriesContext(connection) as queries:
            html = first_page(alice)
        asked.append(len(queries))

    assert "200 open incidents" in html and "175 more open incidents" in html
    assert asked[0] == asked[1] <= 70
