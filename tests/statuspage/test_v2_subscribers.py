"""Signing up by programs, in Statuspage's shapes."""

import json

import pytest
import time_machine

from oncall.messaging.models import Delivery
from statuspage import links
from statuspage.models import Subscriber

pytestmark = pytest.mark.django_db
PATH = "/api/v2/subscribers.json"


@pytest.fixture(autouse=True)
def noon(at):
    with time_machine.travel(at("12:30"), tick=False):
        yield


@pytest.fixture
def ask(client, page):
    """Sign up: ``ask(email="dave@shop.example")``; from another network each time."""
    networks = iter(range(1, 250))

    def post(**wanted):
        return client.post(
            PATH,
            json.dumps({"subscriber": wanted}),
            content_type="application/json",
            REMOTE_ADDR=f"192.0.2.{next(networks)}",
        )

    return post


def test_a_program_subscribes_an_address_to_a_component(ask, cards):
    answer = ask(email="dave@shop.example", component_id=cards.public_id)

    dave, told = Subscriber.objects.get(), answer.json()["subscriber"]
    assert answer.status_code == 201 and answer["Access-Control-Allow-Origin"] == "*"
    assert (told["mode"], told["email"], told["components"]) == ("email", dave.address, [cards.public_id])
    assert (dave.state, list(dave.components.all())) == ("pending", [cards])
    assert links.confirm_url(dave) in Delivery.objects.get().message.text


def test_known_and_unknown_addresses_are_answered_the_same(ask, subscriber):
    subscriber("known@shop.example")

    known, fresh = (
        [ask(email=address).json() for _ in range(2)]
        for address in ("known@shop.example", "new@shop.example")
    )

    assert known[0] == known[1] and fresh[0] == fresh[1]
    assert known[0]["subscriber"].keys() == fresh[0]["subscriber"].keys()


def test_an_id_opens_nothing_but_a_link_for_its_owner(client, subscriber):
    dave = subscriber("dave@shop.example")

    answer = client.delete(f"/api/v2/subscribers/{dave.public_id}.json")
    nobody = client.delete("/api/v2/subscribers/aaaaaaaaaaaa.json")

    dave.refresh_from_db()
    assert (answer.status_code, dave.state) == (202, "active")
    assert answer.content == nobody.content
    assert links.manage_url(dave) in Delivery.objects.get().message.text


def test_the_token_of_the_own_link_unsubscribes(client, subscriber):
    dave = subscriber()

    assert client.delete(f"/api/v2/subscribers/{links.manage_token(dave)}.json").status_code == 204

    dave.refresh_from_db()
    assert dave.state == "unsubscribed"


def test_an_incident_can_be_followed_while_it_is_open(ask, post):
    ask(email="dave@shop.example", incident_id=post.public_id)

    dave = Subscriber.objects.get()
    assert (dave.everything, list(dave.posts.all())) == (False, [post])


def test_a_webhook_gives_its_owner(ask, settings):
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]

    assert ask(endpoint="http://127.0.0.1:9/in", email="ops@shop.example").status_code == 201
    assert ask(endpoint="http://127.0.0.1:9/in").status_code == 422

    hook = Subscriber.objects.get()
    assert (hook.channel, hook.owner) == ("webhook", "ops@shop.example")


@pytest.mark.parametrize(
    "wanted",
    [
        {"email": "a@x.example\nBcc: b@x.example"},
        {"email": "\ud800@x.example"},
        {"email": "a@\ud800.example"},
        {"email": ["a@x.example"]},
        {"email": "a@x.example", "component_id": "nothing"},
        {"email": "a@x.example", "incident_id": {"x": 1}},
        {"phone_number": "+491701234567", "phone_country": "DE"},
        {"endpoint": "https://169.254.169.254/", "email": "a@x.example"},
        {"endpoint": {"x": 1}, "email": "a@x.example"},
        {"x": "\ud800"},
    ],
)
def test_what_cannot_be_subscribed_is_refused(ask, wanted):
    assert ask(**wanted).status_code == 422
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 10_000, b'{"subscriber": 1}', b"x" * 20_000])
def test_rubbish_is_refused(client, page, body):
    assert client.generic("POST", PATH, body, content_type="application/json").status_code == 400


def test_the_addresses_take_no_other_verbs(client, page):
    assert client.get(PATH).status_code == 405
    assert client.get("/api/v2/subscribers/aaaaaaaaaaaa.json").status_code == 405
    assert client.options(PATH)["Access-Control-Allow-Methods"] == "POST, OPTIONS"
