"""Webhooks and channels of chat, spoken to over real connections on the loopback."""

import hashlib
import hmac
import json
import uuid
from datetime import timedelta

import pytest
import time_machine

from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.endpoint import echoes, signing_secret
from oncall.messaging.models import Delivery
from statuspage import (
    channels,
    endpoints,
    fanout,
    links,
    publishing,
    subscriptions,
)
from statuspage.endpoints import Failure, is_failing
from statuspage.models import Subscriber, SubscriberEvent
from tests.statuspage.conftest import OWNER

pytestmark = pytest.mark.django_db


def ask(url, at, *, channel="webhook", owner=OWNER, network="192.0.2.7", choice=None):
    subscriptions.subscribe(
        url, choice or subscriptions.Choice(), network=network, at=at, channel=channel, owner=owner
    )
    return Subscriber.objects.filter(channel=channel).first()


def deliver(at):
    outbox.deliver_due(now=lambda: at)


def body(sink, number=-1):
    return json.loads(sink.requests[number][1])


def answer(text, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def echo(connection, sink):
    connection.sendall(answer(body(sink)["challenge"]))


# -- confirming ----------------------------------------------------------------------------------------------
def test_an_endpoint_that_repeats_its_challenge_is_confirmed(page, sink, at):
    sink.answer = lambda connection: echo(connection, sink)
    hook = ask(sink.url, at())

    deliver(at())
    endpoints.confirm_echoes(now=lambda: at("12:01"))

    hook.refresh_from_db()
    assert (hook.state, hook.confirmed_at) == ("active", at("12:01"))
    assert sink.headers()["x-event"] == "challenge"
    told = Delivery.objects.get(medium="email")
    assert told.address == OWNER and links.manage_url(hook) in told.message.text


def test_an_endpoint_that_only_says_yes_waits_for_its_owner_to_open_the_link(page, sink, at):
    sink.answer = answer("OK")
    hook = ask(sink.url, at())

    deliver(at())
    assert endpoints.confirm_echoes(now=lambda: at("12:01")) == 0
    assert body(sink)["confirm_url"] == links.confirm_url(hook)

    subscriptions.confirm(hook, at=at("12:02"))
    assert Subscriber.objects.get().state == "active"


@pytest.mark.parametrize(
    ("said", "yes"),
    [
        (b"abc", True),
        (b" abc\n", True),
        (b'"abc"', True),
        (b'{"challenge": "abc"}', True),
        (b'{"challenge": "abc", "meta": {}}', False),
        (b'{"challenge": 1}', False),
        (b"abcd", False),
        (b"", False),
        (b"\xff" * 70000, False),
    ],
)
def test_only_who_has_read_the_challenge_repeats_it(said, yes):
    assert echoes(said, "abc") is yes
    assert not echoes(said, "")


@pytest.mark.parametrize("channel", ["slack", "teams"])
def test_a_channel_is_asked_with_a_link_and_told_nothing_before(page, sink, at, channel, post):
    row = ask(sink.url, at(), channel=channel)

    deliver(at())
    fanout.fan_out(now=lambda: at("12:01"))
    deliver(at("12:01"))

    assert len(sink.requests) == 1
    assert links.confirm_url(row) in sink.requests[0][1].decode()


def test_a_second_sign_up_within_minutes_sends_no_second_challenge(page, sink, at):
    ask(sink.url, at())
    ask(sink.url, at("12:04"), network="192.0.2.8")

    assert Delivery.objects.count() == 1
    ask(sink.url, at("12:06"))
    assert Delivery.objects.count() == 2


def test_who_enters_a_subscribed_webhook_again_learns_nothing_and_its_owner_gets_the_link(hooked, sink, at):
    hook = hooked()

    ask(sink.url, at(), owner="eve@evil.example")

    hook.refresh_from_db()
    assert (hook.state, hook.owner) == ("active", OWNER)
    assert Delivery.objects.get().address == OWNER


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.shop.example/in",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/",
        "https://localhost/",
        "https://testserver/in/x",
        "https://user:pw@hooks.shop.example/",
        "ftp://hooks.shop.example/",
        "https://hooks.shop.example/" + "a" * 2000,
        "https://hooks.shop.example/\nHost: x",
        "rubbish",
        "",
    ],
)
def test_an_address_that_points_home_or_nowhere_is_refused_in_the_same_words(page, at, url):
    with pytest.raises(DomainError) as refusal:
        ask(url, at())

    assert (refusal.value.code, refusal.value.detail) == (
        "bad_address",
        "Use an https:// address that is reachable from the internet.",
    )
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    ("channel", "url"),
    [("slack", "https://hooks.shop.example/x"), ("teams", "https://logic.azure.com.x.example/")],
)
def test_a_channel_of_chat_is_at_its_own_service(page, at, channel, url):
    with pytest.raises(DomainError, match="not an incoming webhook"):
        ask(url, at(), channel=channel)


def test_an_owner_is_needed_for_a_webhook(page, sink, at):
    with pytest.raises(DomainError) as refusal:
        ask(sink.url, at(), owner="nobody")

    assert refusal.value.code == "bad_owner"


def test_one_host_gets_five_challenges_an_hour(page, sink, at):
    for n in range(8):
        ask(f"{sink.url}/{n}", at(), network=f"192.0.2.{n}")

    assert Delivery.objects.count() == 5


def test_a_stranger_cannot_take_over_a_webhook_that_is_switched_off(hooked, sink, at):
    hook = hooked(state="switched_off")

    ask(sink.url, at(), owner="eve@evil.example")

    hook.refresh_from_db()
    assert (hook.state, hook.owner, Delivery.objects.get().address) == ("switched_off", OWNER, OWNER)


# -- news ----------------------------------------------------------------------------------------------------
def test_an_update_is_signed_and_named_the_same_on_every_try(hooked, post, sink, at):
    hook = hooked()
    sink.answer = answer("", "500 Oops")
    fanout.fan_out(now=lambda: at("12:00"))
    deliver(at("12:00"))

    deliver(at("12:05"))

    first, second = sink.headers(0), sink.headers(1)
    sent = sink.requests[1][1]
    secret = signing_secret(hook.recipient, channels.secret_id(hook))
    mark = hmac.new(secret.encode(), second["x-timestamp"].encode() + b"." + sent, hashlib.sha256).hexdigest()
    assert second["x-signature"] == f"v1={mark}"
    assert first["x-delivery"] == second["x-delivery"] == str(uuid.UUID(second["x-delivery"]))
    assert int(second["x-timestamp"]) - int(first["x-timestamp"]) == 300
    assert (second["x-event"], sink.requests[0][1]) == ("incident", sent)
    assert body(sink)["incident"]["name"] == "Card payments failing"
    assert body(sink)["meta"]["unsubscribe"] == links.unsubscribe_url(hook)


def test_each_channel_gets_one_text_and_each_subscriber_one_delivery(hooked, subscriber, post, sink, at):
    hooked()
    subscriber("dave@shop.example")
    for n in range(2):
        subscriber(f"{sink.url}/{n}", channel="slack")
    subscriber(f"{sink.url}/t", channel="teams")

    assert fanout.fan_out(now=lambda: at("12:00")) == 5
    assert post.updates.get().mailed_count == 1
    assert fanout.fan_out(now=lambda: at("12:00")) == 0

    sent = Delivery.objects.order_by("medium").values_list("medium", "lane")
    assert [medium for medium, _ in sent] == ["email", "hook", "slack_hook", "slack_hook", "teams_hook"]
    assert {lane for _, lane in sent} == {"bulk"}
    assert Delivery.objects.values("message").distinct().count() == 4


@pytest.mark.parametrize("channel", ["slack", "teams"])
def test_a_channel_is_told_of_an_update_with_its_own_way_out(subscriber, post, sink, at, channel):
    row = subscriber(sink.url, channel=channel)
    fanout.fan_out(now=lambda: at("12:00"))

    deliver(at("12:00"))

    told = json.dumps(body(sink))
    assert "Card payments failing" in told and "We are looking into it." in told
    assert links.manage_url(row) in told and "{{" not in told
    assert Delivery.objects.get().state == "sent" and "x-signature" not in sink.headers()


def test_a_failing_endpoint_is_tried_at_least_six_times_in_a_day(hooked, post, sink, at):
    hooked()
    sink.answer = answer("", "302 Found")
    fanout.fan_out(now=lambda: at("12:00"))

    when, tries = at("12:00"), 0
    while (due := Delivery.objects.get().due_at) is not None and tries < 50:
        when, tries = max(due, when), tries + 1
        deliver(when)

    assert len(sink.requests) >= 6
    assert Delivery.objects.get().state == "expired"
    assert when - at("12:00") >= timedelta(hours=22)


def test_a_name_that_has_come_to_lead_home_is_not_called(hooked, post, sink, at, settings):
    hooked()
    fanout.fan_out(now=lambda: at("12:00"))
    settings.EGRESS_ALLOW = []

    deliver(at("12:00"))

    assert (sink.requests, Delivery.objects.get().state) == ([], "dead")


def test_a_redirect_to_a_private_address_is_a_failure_and_not_followed(hooked, post, sink, at):
    hooked()
    sink.answer = b"HTTP/1.1 307 Over there\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    fanout.fan_out(now=lambda: at("12:00"))

    deliver(at("12:00"))

    assert len(sink.requests) == 1
    assert Delivery.objects.get().last_error == "The receiver answered 307."


def test_an_answer_of_a_gigabyte_is_read_no_further_than_needed(hooked, post, sink, at):
    hooked()
    sent = []

    def flood(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            sent.append(connection.send(b"x" * 1_000_000))

    sink.answer = flood
    fanout.fan_out(now=lambda: at("12:00"))

    deliver(at("12:00"))

    assert Delivery.objects.get().state == "sent"
    assert sum(sent) < 50_000_000


def test_a_follower_of_one_incident_hears_all_of_it_and_nothing_else(subscriber, post, cards, alice, at):
    dave = subscriber("dave@shop.example", incidents=False, maintenance=False)
    subscriptions.change(dave, subscriptions.Choice(False, posts=(post,), incidents=False), at=at())
    publishing.publish(name="Other", body="x", components={cards: "major_outage"}, by=alice, at=at("12:05"))
    publishing.resolve(post, body="Over.", by=alice, at=at("12:30"))

    fanout.fan_out(now=lambda: at("12:31"))
    assert Delivery.objects.count() == 2
    assert endpoints.end_followed(now=lambda: at("12:31")) == 0
    endpoints.end_followed(now=lambda: at("13:31"))

    dave.refresh_from_db()
    assert (dave.state, dave.posts.count()) == ("unsubscribed", 0)
    assert dave.events.last().text == "Ended: what was followed is over"


def test_who_follows_a_post_beside_components_keeps_those(subscriber, post, cards, alice, at):
    dave = subscriber("dave@shop.example", cards)
    dave.posts.add(post)
    publishing.resolve(post, body="Over.", notify=False, by=alice, at=at("12:30"))

    endpoints.end_followed(now=lambda: at("13:31"))

    dave.refresh_from_db()
    assert (dave.state, list(dave.components.all())) == ("active", [cards])


def test_a_group_stands_for_what_it_holds_also_later(subscriber, payments, cards, wallets, post, at):
    subscriber("group@shop.example", payments)
    subscriber("wallets@shop.example", wallets)

    fanout.fan_out(now=lambda: at("12:00"))

    assert [one.address for one in Delivery.objects.all()] == ["group@shop.example"]


# -- the end -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hours", "sent", "at_hour", "fails"),
    [
        ([(0, False), (40, False)], None, 73, True),
        ([(0, False), (40, False)], None, 71, False),
        ([(0, False)], None, 100, False),
        ([(0, False), (40, False)], 20, 100, False),
        ([(0, False), (40, False)], -5, 100, True),
        ([(0, True)], None, 1, True),
        ([], None, 1, False),
    ],
)
def test_days_of_failure_without_one_success_are_enough(at, hours, sent, at_hour, fails):
    start = at()
    failures = [
        Failure(start + timedelta(hours=hour), start + timedelta(hours=hour + 24), gone)
        for hour, gone in hours
    ]
    last = None if sent is None else start + timedelta(hours=sent)

    found = is_failing(failures, since=at(days=-9), last_sent=last, at=start + timedelta(hours=at_hour))

    assert found is fails


def test_an_endpoint_that_is_gone_is_switched_off_and_its_owner_told(hooked, post, sink, at, client):
    hook = hooked()
    sink.answer = answer("", "410 Gone")
    fanout.fan_out(now=lambda: at("12:00"))
    deliver(at("12:00"))

    assert endpoints.switch_off_failing(now=lambda: at("12:10")) == 1
    assert endpoints.switch_off_failing(now=lambda: at("12:20")) == 0

    hook.refresh_from_db()
    told = Delivery.objects.get(medium="email")
    assert hook.state == "switched_off"
    assert told.address == OWNER and "410" in told.message.text

    with time_machine.travel(at("13:00"), tick=False):
        answered = client.post(links.manage_url(hook).removeprefix("http://testserver"), {"answer": "on"})
    assert answered.status_code == 200
    assert Subscriber.objects.get(pk=hook.pk).state == "active"
    assert endpoints.switch_off_failing(now=lambda: at("13:10")) == 0


def test_leaving_cancels_what_waits_for_an_endpoint(hooked, post, sink, at):
    hook = hooked()
    fanout.fan_out(now=lambda: at("12:00"))

    subscriptions.unsubscribe(hook, at=at("12:00"))
    deliver(at("12:00"))

    assert sink.requests == []
    assert SubscriberEvent.objects.get().text == "Left"


def test_a_new_secret_signs_from_the_next_message_on(hooked):
    hook = hooked()
    before = signing_secret(hook.recipient, channels.secret_id(hook))

    hook = endpoints.new_secret(hook, at=hook.created_at)

    assert signing_secret(hook.recipient, channels.secret_id(hook)) != before
