"""``users/<username>/contacts/ rules/ quiet-hours/ notices/``: for oneself, and for who may change people."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from oncall import clock, tokens
from oncall.messaging.models import Delivery
from oncall.models import NoticePreference
from tests.oncall.test_api_directory import call

pytestmark = pytest.mark.django_db

MINE = "users/alice/"
NEW = {"name": "work", "medium": "email", "address": "a.work@example.org"}


@pytest.fixture(autouse=True)
def present(at, monkeypatch):
    """It is 10:00 on the Monday of our stories."""
    monkeypatch.setattr(clock, "now", lambda: at("10:00"))


@pytest.fixture
def work(alice) -> dict:
    return call(alice, "post", f"{MINE}contacts/", NEW).json()


def test_a_new_address_is_unverified_until_its_code_comes_back(alice, work):
    assert work["verified_at"] is None
    code = Delivery.objects.get(address=NEW["address"]).values["code"]
    path = f"{MINE}contacts/{work['id']}/confirm/"

    wrong = call(alice, "post", path, {"code": f"{(int(code) + 1) % 1_000_000:06}"})
    right = call(alice, "post", path, {"code": code})

    assert (wrong.status_code, wrong.json()["code"]) == (409, "wrong_code")
    assert (right.status_code, right.json()["verified_at"]) == (200, "2026-03-09T10:00:00Z")


def test_another_address_is_verified_anew(alice, work):
    alice.contacts.update(verified_at=clock.now())
    path = f"{MINE}contacts/{work['id']}/"

    renamed = call(alice, "patch", path, {"name": "office"}).json()
    changed = call(alice, "patch", path, {"address": "new@example.org"}).json()

    assert (renamed["name"], bool(renamed["verified_at"])) == ("office", True)
    assert (changed["address"], changed["verified_at"]) == ("new@example.org", None)
    assert Delivery.objects.filter(address="new@example.org").exists()


def test_rules_are_added_and_removed_with_their_history(alice, work):
    body = {"urgency": "high", "after_seconds": 120, "contact": "work"}

    made = call(alice, "post", f"{MINE}rules/", body)
    again = call(alice, "post", f"{MINE}rules/", body)

    assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
    listed = call(alice, "get", f"{MINE}rules/").json()["results"]
    assert [(row["after_seconds"], row["contact"]) for row in listed] == [(120, "work")]
    assert call(alice, "delete", f"{MINE}rules/{made.json()['id']}/").status_code == 204
    assert not alice.rules.exists()
    assert call(alice, "delete", f"{MINE}contacts/{work['id']}/").status_code == 204
    assert alice.contacts.model.history.latest().history_user == alice


def test_quiet_hours_and_notices_are_chosen(alice):
    hours = {"quiet_hours": {"from": "22:00", "to": "07:00"}}
    assert call(alice, "put", f"{MINE}quiet-hours/", hours).json() == hours
    assert call(alice, "put", f"{MINE}quiet-hours/", {"quiet_hours": None}).json() == {"quiet_hours": None}

    chosen = call(alice, "patch", f"{MINE}notices/", {"digest": True, "lead_seconds": 7200}).json()

    assert (chosen["digest"], chosen["lead_seconds"], chosen["going_on"]) == (True, 7200, True)
    assert NoticePreference.objects.get().digest_at is not None


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "contacts/", {**NEW, "address": "nowhere"}, 409),
        ("post", "contacts/", {**NEW, "medium": "inbox"}, 400),
        ("post", "contacts/", {**NEW, "verified_at": "2026-03-09T10:00:00Z"}, 409),
        ("post", "rules/", {"urgency": "high", "contact": "nothing"}, 400),
        ("post", "rules/", {"urgency": "high", "after_seconds": 90_000, "contact": "work"}, 400),
        ("put", "quiet-hours/", {}, 400),
        ("put", "quiet-hours/", {"quiet_hours": {"from": "22:00", "to": "22:00"}}, 400),
        ("patch", "notices/", {"lead_seconds": -1}, 400),
        ("patch", "notices/", {"user": "bob"}, 409),
    ],
)
def test_what_makes_no_sense_is_refused(alice, work, method, path, body, status):
    assert call(alice, method, MINE + path, body).status_code == status
    assert alice.contacts.count() == 1 and not alice.rules.exists()


@pytest.mark.parametrize("path", ["contacts/", "rules/", "quiet-hours/", "notices/"])
def test_others_neither_read_nor_write_it(alice, bob, work, path):
    bob.groups.add(Group.objects.get(name="Responder"))

    assert call(bob, "get", MINE + path).status_code == 403
    assert call(bob, "post", MINE + path, NEW).status_code in {403, 405}
    assert Client().get(f"/api/v1/{MINE}{path}").status_code == 401
    assert alice.contacts.count() == 1


def test_who_may_change_people_does_it_for_others_but_for_nobody_who_may_do_more(alice, bob, root):
    bob.groups.add(Group.objects.get(name="Administrator"))

    made = call(bob, "post", f"{MINE}contacts/", NEW)

    assert (made.status_code, made.json()["verified_at"]) == (201, None)
    assert call(bob, "post", "users/root/contacts/", NEW).status_code == 403


@pytest.mark.parametrize(
    ("scope", "own", "others"), [("read", 403, 403), ("write", 201, 403), ("admin", 201, 201)]
)
def test_a_token_writes_ones_own_and_only_one_for_the_set_up_writes_others(alice, root, scope, own, others):
    text = tokens.create(root, name="x", scope=scope, at=clock.now())[1]
    headers = {"Authorization": f"Bearer {text}"}

    for path, expected in (("users/root/", own), (MINE, others)):
        answer = Client().post(f"/api/v1/{path}contacts/", NEW, content_type="application/json", headers=headers)
        assert answer.status_code == expected
