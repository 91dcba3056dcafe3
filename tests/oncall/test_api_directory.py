"""``users/ teams/ services/ runbooks/ policies/`` of the API: read by many, written by those with the right."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from oncall.models import EscalationPolicy, Service, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(carol):
    carol.groups.add(Group.objects.get(name="Executive"))
    return carol


def call(user, method: str, path: str, body=None):
    client = Client()
    client.force_login(user)
    options = {} if body is None else {"data": body, "content_type": "application/json"}
    return getattr(client, method)(f"/api/v1/{path}", **options)


def test_everything_is_read_by_its_slug(reader, alice, team, policy):
    service = Service.objects.create(slug="checkout", name="Checkout", team=team, policy=policy)
    service.runbooks.create(title="Payment failures", url="https://wiki.example.com/p")

    assert call(reader, "get", "users/alice/").json()["teams"] == ["payments"]
    assert call(reader, "get", "teams/payments/").json()["members"] == ["alice", "bob"]
    shown = call(reader, "get", "services/checkout/").json()
    assert (shown["team"], shown["policy"]) == ("payments", "payments")
    assert shown["runbooks"] == [{"title": "Payment failures", "url": "https://wiki.example.com/p"}]
    assert (
        call(reader, "get", "runbooks/?service__slug=checkout").json()["results"][0]["service"] == "checkout"
    )


def test_addresses_are_for_the_person_herself_and_for_who_may_change_people(reader, root, alice):
    assert call(reader, "get", "users/alice/").json()["email"] is None
    assert call(reader, "get", "users/carol/").json()["email"] == "carol@example.com"
    assert call(root, "get", "users/alice/").json()["email"] == "alice@example.com"


def test_a_reader_writes_nothing(reader, team):
    assert call(reader, "patch", "teams/payments/", {"name": "x"}).status_code == 403
    assert call(reader, "delete", "teams/payments/").status_code == 403
    assert call(reader, "post", "users/", {"username": "mallory"}).status_code == 403


def test_people_are_made_without_a_password_and_never_deleted(root):
    body = {"username": "dave", "name": "Dave van Dyk", "time_zone": "Europe/Paris"}

    assert call(root, "post", "users/", body).status_code == 201
    dave = User.objects.get(username="dave")
    assert (dave.first_name, dave.last_name, dave.has_usable_password()) == ("Dave", "van Dyk", False)
    assert call(root, "delete", "users/dave/").status_code == 405


def test_a_time_zone_must_be_one(root, alice):
    assert call(root, "patch", "users/alice/", {"time_zone": "Mars/Base"}).status_code == 400


def test_an_administrator_cannot_change_a_superusers_account(root, bob):
    bob.groups.add(Group.objects.get(name="Administrator"))

    assert call(bob, "patch", "users/root/", {"email": "bob@example.com"}).status_code == 403


def test_what_is_in_use_is_not_deleted(root, team, policy):
    Service.objects.create(slug="checkout", name="Checkout", team=team, policy=policy)

    refused = call(root, "delete", "policies/payments/")

    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "Checkout" in refused.json()["detail"]


def test_a_policy_is_written_as_a_whole(root, alice, team, primary):
    body = {
        "slug": "night",
        "name": "Night",
        "team": "payments",
        "repeat": 2,
        "ack_timeout_seconds": 1800,
        "steps": [
            {"after_seconds": 0, "targets": [{"schedule": "primary"}], "round_robin": True,
             "everyone_acknowledges": False, "hours": None},
            {"after_seconds": 300, "targets": [{"user": "alice"}, {"team": "payments"}], "round_robin": False,
             "everyone_acknowledges": True, "hours": {"time_zone": "Europe/Berlin", "outside": "hold",
             "restrictions": [{"type": "daily", "days": ["MO", "FR"], "from": "09:00", "to": "17:00"}]}},
        ],
        "ack_grace_seconds": 600,
        "wait_for_duty": True,
    }  # fmt: skip

    def answered(method, path):
        answer = call(root, method, path, body).json()
        return {key: answer[key] for key in body}

    assert answered("post", "policies/") == body
    body["steps"].pop()
    assert answered("put", "policies/night/") == body
    assert call(root, "patch", "policies/night/", {"repeat": 0}).json()["steps"] == body["steps"]
    assert EscalationPolicy.objects.get(slug="night").history.count() == 3
    assert call(root, "get", "policies/night/").json()["version"] == 3


def test_what_is_weak_in_a_policy_is_answered_as_warnings(root, alice):
    body = {
        "slug": "night",
        "name": "Night",
        "steps": [{"targets": [{"webhook": "https://hooks.example.com/x"}]}],
    }

    answer = call(root, "post", "policies/", body)

    assert answer.status_code == 201
    assert "It tells programs only: no step pages a person." in answer.json()["warnings"]
    assert "warnings" not in call(root, "get", "policies/").json()["results"][0]


@pytest.mark.parametrize(
    "steps",
    [
        [{"after_seconds": -1, "targets": [{"user": "alice"}]}],
        [{"after_seconds": 0, "targets": []}],
        [{"after_seconds": 0, "targets": [{"user": "alice", "team": "payments"}]}],
        [{"after_seconds": 0, "targets": [{"user": "nobody"}]}],
        [{"after_seconds": 0, "targets": [{"webhook": "javascript:alert(1)"}]}],
        [{"after_seconds": 10**30, "targets": [{"user": "alice"}]}],
        [{"targets": [{"user": "alice"}], "hours": {"restrictions": []}}],
        [{"targets": [{"user": "alice"}], "hours": {"restrictions": [{"type": "hourly"}]}}],
        [{"targets": [{"user": "alice"}], "hours": "always"}],
        "none",
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_whole(root, team, steps):
    refused = call(root, "post", "policies/", {"slug": "night", "name": "Night", "steps": steps})

    assert refused.status_code == 400
    assert not EscalationPolicy.objects.exists()


def test_a_webhooks_path_is_shown_to_those_who_may_change_policies(reader, root, make_policy):
    make_policy((0, "https://hooks.example.com/secret"))

    assert call(root, "get", "policies/payments/").json()["steps"][0]["targets"] == [
        {"webhook": "https://hooks.example.com/secret"}
    ]
    assert "secret" not in call(reader, "get", "policies/payments/").content.decode()


@pytest.mark.parametrize("path", ["users/", "teams/", "services/", "runbooks/", "policies/"])
def test_lists_take_a_constant_number_of_queries(path, reader, team, policy, django_assert_max_num_queries):
    for number in range(8):
        service = Service.objects.create(slug=f"s{number}", name=f"S{number}", team=team, policy=policy)
        service.runbooks.create(title="R", url="https://wiki.example.com/r")

    client = Client()
    client.force_login(reader)

    with django_assert_max_num_queries(8):  # four of them are the session and the rights
        assert client.get(f"/api/v1/{path}").status_code == 200


# -- rules and quiet hours ---------------------------------------------------------------------------------
QUIET = {"from": "22:00", "to": "07:00"}


def test_quiet_hours_are_written_read_and_taken_away(root, alice):
    changed = call(root, "patch", "users/alice/", {"quiet_hours": QUIET})
    assert (changed.status_code, changed.json()["quiet_hours"]) == (200, QUIET)

    assert call(root, "patch", "users/alice/", {"time_zone": "UTC"}).json()["quiet_hours"] == QUIET
    assert call(root, "patch", "users/alice/", {"quiet_hours": None}).json()["quiet_hours"] is None
    assert alice.history.count() >= 3


@pytest.mark.parametrize(
    "wrong",
    ["22:00", {"from": "22:00"}, {"from": "22:00", "to": "22:00"}, {"from": "22", "to": "24:00"}, [], 1],
)
def test_quiet_hours_that_are_none_are_refused(root, alice, wrong):
    assert call(root, "patch", "users/alice/", {"quiet_hours": wrong}).status_code == 400


def test_rules_are_read_by_the_person_herself_and_by_who_may_change_people(root, reader, alice, at):
    contact = alice.contacts.create(name="mail", medium="email", address="a@example.com")
    alice.rules.create(urgency="high", after=timedelta(minutes=5), contact=contact)

    assert call(root, "get", "users/alice/").json()["rules"] == {
        "high": [{"after_seconds": 300, "contact": "mail"}],
        "low": [],
    }
    hidden = call(reader, "get", "users/alice/").json()
    assert (hidden["rules"], hidden["quiet_hours"]) == (None, None)


def test_a_person_made_with_an_address_is_told_there_at_once(root):
    body = {"username": "dave", "email": "dave@example.com", "quiet_hours": QUIET}

    made = call(root, "post", "users/", body).json()

    assert [contact["address"] for contact in made["contacts"]] == ["dave@example.com"]
    assert made["rules"]["high"] == [{"after_seconds": 0, "contact": "mail"}]
    assert made["quiet_hours"] == QUIET


def test_a_corrected_address_is_corrected_in_the_contacts(root):
    call(root, "post", "users/", {"username": "dave", "email": "dave@wrong.example"})

    changed = call(root, "patch", "users/dave/", {"email": "dave@example.com"}).json()

    assert [contact["address"] for contact in changed["contacts"]] == ["dave@example.com"]


@pytest.mark.parametrize(
    "step",
    [
        {"round_robin": True, "everyone_acknowledges": True},
        {"hours": {"time_zone": "Mars", "restrictions": [{"type": "daily", "from": "09:00", "to": "17:00"}]}},
        {"targets": [{"webhook": "https://muster.example.com/in/json/key"}]},
    ],
)
def test_a_step_that_contradicts_itself_is_refused_with_a_sentence(root, alice, settings, step):
    settings.PUBLIC_URL = "https://muster.example.com"
    body = {"slug": "night", "name": "Night", "steps": [{"targets": [{"user": "alice"}]} | step]}

    refused = call(root, "post", "policies/", body)

    assert (refused.status_code, refused.json()["code"]) == (409, "bad_steps")
    assert not EscalationPolicy.objects.exists()
