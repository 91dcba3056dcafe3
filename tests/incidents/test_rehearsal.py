"""Whom an incident would page: in the API, the console and on the command line. Nothing is written or sent."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from incidents import lifecycle, rehearsal
from oncall import clock, escalation, maintenance, paging
from oncall.messaging.models import Delivery
from oncall.models import Page, Service, User
from tests.incidents.conftest import policy_for

pytestmark = pytest.mark.django_db

PATH = "/api/v1/services/checkout/rehearse/"


@pytest.fixture(autouse=True)
def present(at, monkeypatch):
    """It is 10:00 on the Monday of our stories."""
    monkeypatch.setattr(clock, "now", lambda: at("10:00"))


@pytest.fixture
def reader(carol) -> User:
    """She may look at services."""
    carol.user_permissions.add(Permission.objects.get(codename="view_service"))
    carol.is_staff = True
    carol.save()
    return carol


@pytest.fixture
def client(reader) -> Client:
    client = Client()
    client.force_login(reader)
    return client


# -- the domain --------------------------------------------------------------------------------------------
def test_an_incident_pages_its_service_and_an_incident_manager(checkout, portal, at):
    found = rehearsal.rehearse(checkout, severity=None, at=at("10:00"))

    assert [(line.who, line.policy) for line in found.lines if line.after.total_seconds() == 0] == [
        ("Alice", "Payments"),
        ("Bob", "Managers"),
    ]


def test_a_declared_incident_pages_whom_the_rehearsal_named(checkout, portal, bob, at):
    found = rehearsal.rehearse(checkout, severity=None, at=at("10:00"))

    incident = lifecycle.declare(title="Down", services=[checkout], by=bob, at=at("10:00"))
    for _ in range(20):
        for page in Page.objects.filter(engagement__incident=incident, next_step_at__isnull=False):
            due = page.next_step_at
            escalation.advance_due(now=lambda due=due: due)

    paged = paging.PageEvent.objects.filter(kind="paged").order_by("at", "pk")
    said = sorted((line.at, line.who) for line in found.lines if line.kind == "person")
    assert sorted((event.at, event.data["name"]) for event in paged) == said


@pytest.mark.parametrize(("slug", "urgency"), [("major", "high"), ("minor", "low")])
def test_the_severity_says_how_loudly(checkout, portal, major, minor, at, slug, urgency):
    severity = {"major": major, "minor": minor}[slug]

    assert rehearsal.rehearse(checkout, severity=severity, at=at("10:00")).urgency == urgency


def test_a_service_under_maintenance_is_held(checkout, portal, at):
    maintenance.begin(checkout, end=at("11:00"), reason="New switches", by=None, at=at("10:00"))

    found = rehearsal.rehearse(checkout, severity=None, at=at("10:30"))

    assert [line.kind for line in found.lines if line.policy == "Payments"][:2] == ["hold", "person"]
    assert next(line for line in found.lines if line.who == "Alice").at == at("11:00")


def test_a_service_without_a_policy_pages_its_team(team, portal, at):
    bare = Service.objects.create(slug="bare", name="Bare", team=team)

    assert rehearsal.rehearse(bare, severity=None, at=at("10:00")).lines[0].why == "Member of Payments"


def test_a_severity_with_a_policy_of_its_own_is_rehearsed_by_that_and_says_so(
    checkout, portal, major, carol, at
):
    major.policy, major.ack_timeout = policy_for("generals", carol), timedelta(minutes=30)

    found = rehearsal.rehearse(checkout, severity=major, at=at("10:00"))

    assert (found.lines[0].who, found.lines[0].policy) == ("Carol", "Generals")
    assert found.notes == (
        "From when the incident is Major, the policy “Generals” pages in place of Checkout’s own, “Payments”.",
        "Whoever acknowledges is asked after 30 min whether she is still at work.",
    )


# -- the API -----------------------------------------------------------------------------------------------
def test_the_api_answers_line_by_line_and_writes_nothing(client, checkout, portal, major, at):
    answer = client.get(PATH, {"at": "2026-03-15T03:00:00Z", "severity": "major"})

    shown = answer.json()
    assert (answer.status_code, shown["at"], shown["severity"], shown["urgency"]) == (
        200, "2026-03-15T03:00:00Z", "major", "high",
    )  # fmt: skip
    assert shown["lines"][0] | {"reason": {}} == {
        "after_seconds": 0, "at": "2026-03-15T03:00:00Z", "kind": "person", "policy": "Payments", "step": 1,
        "pass": 1, "user": "alice", "who": "Alice", "why": "Named in the step", "reason": {}, "how": "E-mail",
        "reached": "weak", "mediums": [{"medium": "email", "after_seconds": 0, "fallback": True}],
    }  # fmt: skip
    assert "Alice and Bob are told at once" in shown["summary"]
    assert "alice@example.com" not in answer.content.decode()
    assert not Page.objects.exists() and not Delivery.objects.exists()


def test_now_and_no_severity_are_the_default(client, checkout, portal):
    shown = client.get(PATH).json()

    assert (shown["at"], shown["severity"]) == ("2026-03-09T10:00:00Z", None)


@pytest.mark.parametrize(
    "query",
    [{"at": "soon"}, {"at": "0001-01-01T00:00:00Z"}, {"severity": "worst"}, {"severity": "\x00"}],
)
def test_what_makes_no_sense_is_refused(client, checkout, query):
    assert client.get(PATH, query).status_code == 400


def test_who_may_not_see_services_may_not_rehearse(checkout, alice):
    client = Client()
    client.force_login(alice)

    assert client.get(PATH).status_code == 403
    assert Client().get(PATH).status_code == 401
    assert client.post(PATH).status_code in {403, 405}


def test_an_unknown_service_is_not_there(client):
    for slug in ("nowhere", "%00", "a.b"):
        assert client.get(f"/api/v1/services/{slug}/rehearse/").status_code == 404


# -- the console -------------------------------------------------------------------------------------------
def test_the_console_rehearses_for_any_service_and_time(client, checkout, portal, major):
    query = {"service": checkout.pk, "at": "2026-03-15T03:00", "severity": major.pk}

    html = client.get("/admin/incidents/incident/rehearse/", query).content.decode()

    assert "Alice and Bob are told <b>at once</b>" in html
    assert "Step 1 of Payments: Named in the step" in html
    assert "Three weak links." in html
    assert not Page.objects.exists()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"at": "soon"}, "When: Enter a valid date/time."),
        ({"at": "9999-12-31T23:59"}, "When: Enter a valid date/time."),
        ({"at": "0001-01-01T00:00"}, "When: Enter a valid date/time."),
        ({"service": "9" * 30}, "Service: Select a valid choice."),
        ({"severity": "worst"}, "Severity: Select a valid choice."),
    ],
)
def test_a_form_that_makes_no_sense_says_so(client, checkout, portal, query, words):
    answer = client.get("/admin/incidents/incident/rehearse/", query)

    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_the_card_stands_beside_the_story_of_a_page(checkout, portal, reader, client, at):
    page = paging.page(title="Down", urgency="high", service=checkout, user=reader, by=None, at=at("10:00"))
    escalation.advance_due(now=lambda: at("10:00"))

    html = client.get(f"/admin/oncall/page/{page.pk}/change/").content.decode()

    assert "Rehearsal" in html and f'<option value="{checkout.pk}" selected>' in html


def test_the_card_is_not_for_those_who_may_not_see_services(checkout, alice, at):
    alice.is_staff = True
    alice.save()
    page = paging.page(title="Down", urgency="high", service=checkout, by=None, at=at("10:00"))
    escalation.advance_due(now=lambda: at("10:00"))
    client = Client()
    client.force_login(alice)

    assert b"Rehearsal" not in client.get(f"/admin/oncall/page/{page.pk}/change/").content
    assert client.get("/admin/incidents/incident/rehearse/").status_code == 403


def test_a_service_leads_to_its_rehearsal(checkout, client):
    html = client.get(f"/admin/oncall/service/{checkout.pk}/change/").content.decode()

    assert f"/admin/incidents/incident/rehearse/?service={checkout.pk}" in html


# -- the command line --------------------------------------------------------------------------------------
def test_the_command_prints_what_would_happen(checkout, portal, major, capsys):
    call_command("rehearse", "checkout", "--at", "2026-03-15T03:00", "--severity", "major")

    said = capsys.readouterr().out
    assert "Sunday 15 March 2026 03:00 UTC, Major: Alice and Bob are told at once." in said
    assert "Alice (Step 1 of Payments: Named in the step): E-mail" in said
    assert "weak: Alice has no verified contact" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nowhere"], "no service 'nowhere'"),
        (["checkout", "--at", "soon"], "--at must be"),
        (["checkout", "--severity", "x"], "Known:"),
    ],
)
def test_the_command_says_what_is_wrong(checkout, options, words):
    with pytest.raises(CommandError, match=words):
        call_command("rehearse", *options)
