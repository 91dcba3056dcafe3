"""Webhooks are told what became of each component, whoever said so."""

import json

import pytest

from oncall.messaging import outbox
from statuspage import component_news, maintenance, publishing
from statuspage.models import ComponentNews
from tests.statuspage.conftest import OWNER

pytestmark = pytest.mark.django_db


def deliver(at):
    outbox.deliver_due(now=lambda: at)


def body(sink, number=-1):
    return json.loads(sink.requests[number][1])


@pytest.fixture
def watched(page, cards, wallets, at):
    """What the components were when we began to look."""
    component_news.tell(now=lambda: at("11:00"))
    return lambda clock: component_news.tell(now=lambda: at(clock))


def test_a_change_of_a_component_is_told_to_webhooks_that_want_it(
    watched, hooked, subscriber, cards, wallets, sink, alice, at
):
    hooked(cards)
    subscriber(f"{sink.url}/other", wallets, channel="webhook", owner=OWNER)
    subscriber("dave@shop.example")
    publishing.publish(name="Down", body="x", components={cards: "major_outage"}, by=alice, at=at("12:00"))

    assert watched("12:00") == 1
    assert watched("12:01") == 0
    deliver(at("12:01"))

    told = body(sink)["component_update"]
    assert (told["old_status"], told["new_status"]) == ("operational", "major_outage")
    assert body(sink)["component"]["name"] == "Card payments"
    assert sink.headers()["x-event"] == "component_update"


def test_what_a_component_was_when_we_began_is_told_to_nobody(hooked, post, at):
    hooked()

    assert component_news.tell(now=lambda: at("12:01")) == 0
    assert {one.old_status for one in ComponentNews.objects.filter(tell_at=None)} == {"major_outage"}


def test_a_post_that_notifies_nobody_tells_machines_nothing_either(watched, hooked, cards, alice, at):
    hooked()
    publishing.publish(
        name="Quiet", body="x", notify=False, components={cards: "major_outage"}, by=alice, at=at("12:00")
    )

    assert watched("12:01") == 0


def test_a_change_by_hand_is_told_without_a_post(watched, hooked, cards, alice, at):
    hooked()
    publishing.impacts.set_status(cards, "degraded_performance", by=alice, at=at("12:00"))

    assert watched("12:01") == 1


def test_a_maintenance_is_told_to_those_who_want_maintenance(watched, hooked, cards, alice, at):
    hooked(maintenance=False)
    maintenance.schedule(
        name="Upgrade", body="x", scheduled_for=at("12:00"), scheduled_until=at("13:00"), components=[cards],
        by=alice, at=at("11:30"),
    )  # fmt: skip
    maintenance.turn_edges(now=lambda: at("12:00"))

    assert watched("12:01") == 0


def test_a_look_without_a_change_costs_two_queries(watched, django_assert_num_queries):
    with django_assert_num_queries(2):
        watched("12:00")
