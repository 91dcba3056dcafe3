"""Subscribers in the staff console."""

import pytest
import time_machine
from django.contrib.auth.models import Group

from oncall.messaging import outbox
from statuspage import fanout, subscriptions, suppression
from statuspage.bounces import Returned
from statuspage.models import Subscriber, Suppression
from tests.oncall.console import queries

pytestmark = pytest.mark.django_db
LIST = "/admin/statuspage/subscriber/"


@pytest.fixture
def as_alice(client, alice, at):
    client.force_login(alice)
    with time_machine.travel(at("12:30"), tick=False):
        yield client


def page_of(subscriber):
    return f"{LIST}{subscriber.pk}/change/"


def test_a_subscriber_has_a_log_of_what_was_sent_how_it_ended_and_who_did_what(
    as_alice, alice, subscriber, post, at
):
    dave = subscriber()
    subscriptions.change(dave, subscriptions.Choice(postmortems=True), at=at("11:00"))
    fanout.fan_out(now=lambda: at("12:00"))
    outbox.deliver_due(now=lambda: at("12:00"))
    suppression.take(Returned(dave.address, "hard", "postmark", "1", text="no such user"), at=at("12:05"))
    suppression.let_through(dave, by=alice, at=at("12:10"))

    text = as_alice.get(page_of(dave)).content.decode()

    for said in (
        "Chose incidents, maintenance and post-mortems of everything",
        "Update: [Northwind Pay status] Card payments failing",
        "Kept here: no mail server is set",
        "postmark: no such user",
        "Let through again",
        "by alice",
    ):
        assert said in text


def test_log_and_list_cost_the_same_however_much_there_is(as_alice, subscriber, cards, post, at):
    dave = subscriber("dave@shop.example", cards)
    subscriber("s@shop.example", cards)
    subscriptions.change(dave, subscriptions.Choice(False, (cards,)), at=at("12:10"))
    suppression.take(Returned(dave.address, "soft", "json", "first"), at=at(days=-29))
    fanout.fan_out(now=lambda: at("12:00"))
    few = [queries(as_alice, url) for url in (page_of(dave), LIST)]

    for n in range(20):
        subscriber(f"s{n}@shop.example", cards)
        subscriptions.change(dave, subscriptions.Choice(False, (cards,)), at=at("12:10"))
        suppression.take(Returned(dave.address, "soft", "json", str(n)), at=at(days=-30 - n))

    assert [queries(as_alice, url) for url in (page_of(dave), LIST)] == few


def test_the_address_of_a_webhook_is_whole_only_for_those_who_may_change_it(
    as_alice, client, carol, subscriber
):
    hook = subscriber("https://hooks.shop.example/in/s3cret", channel="webhook", owner="ops@shop.example")

    assert "s3cret" in as_alice.get(page_of(hook)).content.decode()
    assert "s3cret" not in as_alice.get(LIST).content.decode()
    carol.groups.add(Group.objects.get(name="Responder"))
    client.force_login(carol)
    shown = client.get(page_of(hook)).content.decode()
    assert "hooks.shop.example" in shown and "s3cret" not in shown


def test_mail_is_let_through_again_by_a_press(as_alice, subscriber, at):
    dave = subscriber()
    suppression.take(Returned(dave.address, "hard", "json", "1"), at=at())

    assert "Let mail through again" in as_alice.get(page_of(dave)).content.decode()
    as_alice.post(f"{LIST}{dave.pk}/verbs/let-through/", {"expected": "suppressed"})

    assert Subscriber.objects.get().state == "active"


def test_a_suppressed_address_is_found_by_itself_and_can_be_taken_off_the_list(as_alice, subscriber, at):
    dave = subscriber()
    suppression.take(Returned(dave.address, "complaint", "json", "1"), at=at())
    suppression.take(Returned("other@shop.example", "hard", "json", "2"), at=at())

    found = as_alice.get("/admin/statuspage/suppression/?q=Dave@shop.example").content.decode()
    assert "Called spam" in found and "1 suppression" in found
    row = Suppression.objects.get(reason="complaint")
    as_alice.post(f"/admin/statuspage/suppression/{row.pk}/delete/", {"post": "yes"})

    assert Subscriber.objects.get().state == "active"
    assert Suppression.objects.count() == 1
