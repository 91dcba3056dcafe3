"""Maintenance of services through the API and the console (the rule itself: test_rules_changes, rule 26)."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from oncall import clock, escalation, paging
from oncall.models import Page, Service, ServiceMaintenance

pytestmark = pytest.mark.django_db

PATH = "/api/v1/services/checkout/maintenance/"


@pytest.fixture(autouse=True)
def present(at, monkeypatch):
    """It is 10:00 on the Monday of our stories."""
    monkeypatch.setattr(clock, "now", lambda: at("10:00"))


@pytest.fixture
def checkout(policy) -> Service:
    return Service.objects.create(slug="checkout", name="Checkout", policy=policy)


@pytest.fixture
def responder(carol):
    carol.groups.add(Group.objects.get(name="Responder"))
    carol.is_staff = True
    carol.save()
    return carol


@pytest.fixture
def client(responder) -> Client:
    client = Client()
    client.force_login(responder)
    return client


def post(client, path, **body):
    return client.post(path, body, content_type="application/json")


def test_a_maintenance_is_begun_shown_and_ended(client, checkout):
    begun = post(client, PATH, end="2026-03-09T12:00:00Z", reason="New switches")
    shown = client.get(PATH)
    ended = post(client, f"{PATH}end/")

    row = {"service": "checkout", "start": "2026-03-09T10:00:00Z", "end": "2026-03-09T12:00:00Z",
           "reason": "New switches", "by": "carol"}  # fmt: skip
    assert (begun.status_code, begun.json(), shown.json()) == (201, row, [row])
    assert (ended.status_code, ended.json()) == (200, [])


def test_beginning_again_changes_the_one_that_is_going_on(client, checkout):
    for end in ("12:00", "13:00"):
        post(client, PATH, end=f"2026-03-09T{end}:00Z", reason="New switches")

    assert ServiceMaintenance.objects.get().end.hour == 13


def test_one_can_be_planned_and_ending_what_goes_on_leaves_it(client, checkout):
    post(client, PATH, start="2026-03-10T01:00:00Z", end="2026-03-10T02:00:00Z", reason="Upgrade")

    assert len(post(client, f"{PATH}end/").json()) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"end": "2026-03-09T09:00:00Z", "reason": "x"}, 409),
        ({"end": "2026-06-09T09:00:00Z", "reason": "x"}, 409),
        ({"end": "2026-03-09T12:00:00Z"}, 400),
        ({"end": "0001-01-01T00:00:00Z", "reason": "x"}, 400),
        ({"end": "soon", "reason": "x"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(client, checkout, body, code):
    assert post(client, PATH, **body).status_code == code
    assert not ServiceMaintenance.objects.exists()


def test_it_takes_the_right_to(checkout, alice):
    client = Client()
    client.force_login(alice)

    assert post(client, PATH, end="2026-03-09T12:00:00Z", reason="x").status_code == 403
    assert client.get(PATH).status_code == 403


# -- the console -------------------------------------------------------------------------------------------
def test_the_console_begins_and_ends_one_and_says_what_it_holds(client, checkout, make_page, at):
    address = "/admin/oncall/servicemaintenance/"
    made = client.post(
        f"{address}add/",
        {"service": checkout.pk, "start": "", "end": "2026-03-09T12:00", "reason": "New switches"},
    )
    page = make_page(service=checkout)
    escalation.advance_due(now=lambda: at("10:00"))
    listed = client.get(address).content.decode()
    row = ServiceMaintenance.objects.get()
    client.post(f"{address}{row.pk}/verbs/end/", {"expected": ""})
    escalation.advance_due(now=lambda: at("10:00"))

    assert made.status_code == 302
    assert "New switches" in listed and "1 page" in listed and "Ends in 2 h" in listed
    assert (Page.objects.get(pk=page.pk).state, row.created_by.username) == ("active", "carol")


def test_the_console_refuses_one_that_ends_before_it_begins(client, checkout):
    form = {"service": checkout.pk, "start": "2026-03-09T12:00", "end": "2026-03-09T11:00", "reason": "x"}

    refused = client.post("/admin/oncall/servicemaintenance/add/", form)

    assert "It ends after it begins" in refused.content.decode()


def test_a_held_page_says_so_in_the_console_and_the_api(client, checkout, make_page, at):
    post(client, PATH, end="2026-03-09T12:00:00Z", reason="New switches")
    page = make_page(service=checkout)
    escalation.advance_due(now=lambda: at("10:00"))

    story = client.get(f"/admin/oncall/page/{page.pk}/change/").content.decode()
    shown = client.get(f"/api/v1/pages/{page.pk}/").json()
    refused = post(client, f"/api/v1/pages/{page.pk}/escalate/")

    assert "Held, until the maintenance is over" in story
    assert (shown["state"], shown["held_for"]) == ("held", "maintenance")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_maintenance")


# -- services that change hands ----------------------------------------------------------------------------
def test_a_service_given_another_policy_in_the_api_takes_its_pages_along(
    root, checkout, make_policy, make_page, alice
):
    page, other = make_page(service=checkout), make_policy((0, alice), slug="other")
    client = Client()
    client.force_login(root)

    client.patch("/api/v1/services/checkout/", {"policy": "other"}, content_type="application/json")

    assert Page.objects.get(pk=page.pk).policy == other


def test_a_service_given_another_policy_in_the_console_says_what_happens_to_its_pages(
    root, checkout, make_policy, make_page, alice
):
    make_page(service=checkout)
    other = make_policy((0, alice), slug="other", name="Other")
    client = Client()
    client.force_login(root)
    form = {"name": "Checkout", "slug": "checkout", "policy": other.pk, "audience": "external"}
    form |= {"runbooks-TOTAL_FORMS": 0, "runbooks-INITIAL_FORMS": 0}

    saved = client.post(f"/admin/oncall/service/{checkout.pk}/change/", form, follow=True)

    assert "1 open page begins at the first step of Other." in saved.content.decode()


# -- pages' newer verbs ------------------------------------------------------------------------------------
def test_a_page_is_given_back_restarted_and_resolved_through_the_api(client, page, responder, at):
    paging.acknowledge(page, by=responder, at=at("09:59"))
    path = f"/api/v1/pages/{page.pk}/"

    assert post(client, f"{path}unacknowledge/").json()["state"] == "active"
    assert post(client, f"{path}restart/").json()["cycle"] == 2
    assert post(client, f"{path}resolve/").json()["state"] == "resolved"
    assert post(client, f"{path}unacknowledge/").status_code == 409


def test_a_page_is_given_back_in_the_console(client, page, responder, at):
    paging.acknowledge(page, by=responder, at=at("09:59"))

    client.post(f"/admin/oncall/page/{page.pk}/verbs/unacknowledge/", {"expected": ""})

    page.refresh_from_db()
    assert (page.state, page.next_step_at) == ("active", at("10:00:10"))
