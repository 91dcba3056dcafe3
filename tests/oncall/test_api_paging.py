"""``/api/v1/pages/`` and ``/deliveries/`` keep contract.md section 3."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from oncall import paging
from oncall.messaging.models import Delivery
from oncall.models import Page

pytestmark = pytest.mark.django_db

PAGES = "/api/v1/pages/"


@pytest.fixture
def responder(carol):
    carol.groups.add(Group.objects.get(name="Responder"))
    return carol


def get(user, path: str):
    client = Client()
    client.force_login(user)
    return client.get(path)


def post(user, path: str, /, **body):
    client = Client()
    client.force_login(user)
    return client.post(path, body, content_type="application/json")


def test_a_page_is_shown_as_promised(page, responder, advance):
    advance("10:00")

    shown = get(responder, f"{PAGES}{page.pk}/").json()

    assert {key: shown[key] for key in ("policy", "state", "urgency", "step", "loop", "next_step_at")} == {
        "policy": "payments",
        "state": "active",
        "urgency": "high",
        "step": 1,
        "loop": 0,
        "next_step_at": "2026-03-09T10:05:00Z",
    }
    assert shown["acknowledged_by"] is shown["acknowledged_at"] is None


def test_paging_a_person_directly(responder, alice, told):
    answer = post(responder, PAGES, user="alice", title="Please look", text="At the queue", urgency="low")

    assert answer.status_code == 201
    page = Page.objects.get(pk=answer.json()["id"])
    assert (page.created_by, page.urgency, page.plan["steps"][0]["targets"][0]["name"]) == (
        responder,
        "low",
        "Alice",
    )


@pytest.mark.parametrize(
    "body",
    [
        {"title": "x"},
        {"title": "x", "user": "alice", "team": "payments"},
        {"title": "x", "user": "nobody"},
        {"user": "alice"},
        {"title": "x", "user": "alice", "urgency": "now"},
        {"title": "x", "user": ["alice"]},
    ],
)
def test_paging_nobody_in_particular_is_refused(responder, team, body):
    assert post(responder, PAGES, **body).status_code == 400
    assert not Page.objects.exists()


def test_paging_takes_the_right_to(alice, bob):
    assert post(alice, PAGES, user="bob", title="x").status_code == 403


def test_the_verbs_answer_with_the_page(page, responder, advance):
    advance("10:00")
    path = f"{PAGES}{page.pk}/"

    assert post(responder, f"{path}escalate/", step=1).json()["step"] == 2
    assert post(responder, f"{path}snooze/", until="2200-01-01T00:00:00Z").status_code == 409
    assert post(responder, f"{path}acknowledge/").json()["acknowledged_by"] == "carol"


def test_a_stale_escalation_is_a_409_with_a_sentence(page, responder, advance):
    advance("10:00")

    refused = post(responder, f"{PAGES}{page.pk}/escalate/", step=0)

    assert refused.status_code == 409
    assert refused.json()["code"] == "stale_step"


def test_who_was_not_paged_and_has_no_right_may_not_answer(page, carol, advance):
    advance("10:00")
    carol.user_permissions.add(*Group.objects.get(name="Executive").permissions.all())

    assert post(carol, f"{PAGES}{page.pk}/acknowledge/").status_code == 403


def test_state_is_never_writable(page, root):
    client = Client()
    client.force_login(root)

    for method in (client.put, client.patch, client.delete):
        assert (
            method(f"{PAGES}{page.pk}/", {"state": "resolved"}, content_type="application/json").status_code
            == 405
        )


def test_pages_are_found_by_incident_and_by_person(make_page, alice, bob, responder, advance):
    make_page(user=alice, reference="INC-47")
    make_page(user=bob)
    advance("10:00")

    assert [one["title"] for one in get(responder, f"{PAGES}?incident=inc-47").json()["results"]] == [
        "Card payments fail"
    ]
    assert len(get(responder, f"{PAGES}?user=bob").json()["results"]) == 1


def test_a_private_page_is_hidden_from_lists_objects_and_deliveries(page, root, advance, carol):
    carol.groups.add(Group.objects.get(name="Incident Manager"))
    advance("10:00")
    paging.describe(page, {"private": True})

    assert get(carol, PAGES).json()["results"] == []
    assert get(carol, f"{PAGES}{page.pk}/").status_code == 404
    assert get(carol, "/api/v1/deliveries/").json()["results"] == []
    assert len(get(root, "/api/v1/deliveries/").json()["results"]) == 1


def test_reading_everything_is_not_reading_what_is_private(db):
    private = {"view_private_page", "view_private_incident"}
    held = {
        group.name
        for group in Group.objects.prefetch_related("permissions")
        if private & {right.codename for right in group.permissions.all()}
    }

    assert held == {"Administrator", "Auditor"}


def test_the_events_tell_why(page, responder, advance):
    advance("10:00")

    events = get(responder, f"{PAGES}{page.pk}/events/").json()

    assert [event["kind"] for event in events] == ["opened", "paged", "fallback"]


def test_a_delivery_shows_its_attempts_and_never_its_link(page, root, advance):
    advance("10:00")

    answer = get(root, f"/api/v1/deliveries/?page={page.pk}")

    shown = answer.json()["results"][0]
    assert (shown["purpose"], shown["medium"], shown["user"], shown["attempts"]) == (
        "page",
        "email",
        "alice",
        [],
    )
    assert "/a/" not in answer.content.decode()
    assert get(root, "/api/v1/deliveries/?page=0").json()["results"] == []


@pytest.mark.parametrize("number", ["NaN", "1e999999", "-1", "٣", "9" * 40, "0x1"])
def test_an_odd_number_of_a_page_finds_nothing(page, root, advance, number):
    advance("10:00")

    answer = get(root, f"/api/v1/deliveries/?page={number}")

    assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize(
    "until", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "soon", 5, None, []]
)
def test_an_odd_time_to_snooze_until_is_refused(page, responder, until):
    assert post(responder, f"{PAGES}{page.pk}/snooze/", until=until).status_code in {400, 409}


@pytest.mark.parametrize("step", ["x", -1, 10**40, 1.5, True, [1]])
def test_an_odd_step_is_refused(page, responder, step):
    assert post(responder, f"{PAGES}{page.pk}/escalate/", step=step).status_code in {400, 409}


def test_lists_of_any_length_take_the_same_number_of_queries(
    make_page, alice, responder, advance, django_assert_max_num_queries
):
    for _ in range(12):
        make_page(user=alice)
    advance("10:00")

    client = Client()
    client.force_login(responder)

    with django_assert_max_num_queries(6):  # four of them are the session and the rights
        assert len(client.get(PAGES).json()["results"]) == 12


def test_pages_as_csv(page, responder):
    answer = get(responder, f"{PAGES}?format=csv")

    assert (
        b"".join(answer.streaming_content)
        .decode()
        .splitlines()[1]
        .startswith(f"{page.pk},,Card payments fail,active")
    )


@pytest.mark.parametrize("verb", ["send-again", "send-bundle-again"])
def test_what_did_not_arrive_is_sent_again_by_who_may(page, root, responder, advance, verb):
    advance("10:00")
    Delivery.objects.update(state="dead", due_at=None, finished_at=page.created_at)
    path = f"/api/v1/deliveries/{Delivery.objects.first().pk}/{verb}/"

    refused = post(responder, path)
    sent = post(root, path)
    again = post(root, path)

    assert (refused.status_code, sent.status_code, again.status_code) == (403, 200, 409)
    assert sent.json()["state"] == "pending"
    assert again.json()["code"] == "under_way"
