from datetime import timedelta

import pytest
from django.test import override_settings

from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from statuspage import limits, links, subscriptions
from statuspage.models import SignUp, Subscriber
from statuspage.subscriptions import Choice

EVERYTHING = Choice()


def ask(address="dave@shop.example", at=None, network="192.0.2.7", choice=EVERYTHING):
    subscriptions.subscribe(address, choice, network=network, at=at)
    return Subscriber.objects.filter(address=address.lower()).first()


def token(url):
    return url.rstrip("/").rsplit("/", 1)[-1]


def test_a_sign_up_sends_one_confirmation_and_nothing_else(page, at):
    dave = ask(at=at())

    sent = Delivery.objects.get()
    assert (dave.state, sent.address, sent.message.purpose) == ("pending", "dave@shop.example", "confirm")
    assert links.confirm_url(dave) in sent.message.text


def test_confirming_twice_makes_one_subscription(page, at):
    dave = ask(at=at())

    for minute in ("12:10", "12:11"):
        found = links.by_confirm_token(token(links.confirm_url(dave)), at=at(minute))
        subscriptions.confirm(found, at=at(minute))

    dave.refresh_from_db()
    assert (dave.state, dave.confirmed_at) == ("active", at("12:10"))


def test_a_confirmation_is_good_for_two_days(page, at):
    dave = ask(at=at())
    mark = token(links.confirm_url(dave))

    assert links.by_confirm_token(mark, at=at("11:59", days=2)) == dave
    assert links.by_confirm_token(mark, at=at("12:01", days=2)) is None


def test_a_thousand_sign_ups_of_one_address_send_it_one_mail_a_day(page, at):
    for n in range(20):
        ask(at=at("12:00") + timedelta(minutes=n), network=f"192.0.2.{n}")

    assert Delivery.objects.count() == 1
    ask(at=at("12:01", days=1))
    assert Delivery.objects.count() == 2


def test_one_network_gets_five_confirmations_an_hour(page, at):
    for n in range(9):
        ask(f"victim{n}@shop.example", at=at("12:00"))

    assert Delivery.objects.count() == 5
    assert Subscriber.objects.count() == 5
    ask("late@shop.example", at=at("13:01"))
    assert Delivery.objects.count() == 6


def test_a_whole_ipv6_network_counts_as_one(page, at):
    for n in range(9):
        ask(f"victim{n}@shop.example", at=at(), network=f"2001:db8:1:2::{n}")

    assert Delivery.objects.count() == 5


def test_no_address_of_a_visitor_is_kept(page, at):
    ask(at=at(), network="192.0.2.7")

    assert "192" not in SignUp.objects.get().network


@pytest.mark.parametrize(
    "address",
    [
        "a@x.example, b@x.example",
        "a@x.example\nBcc: b@x.example",
        "a@x.example;b@x.example",
        '"a b"@x.example',
        "Dave <a@x.example>",
        "a" * 1000 + "@x.example",
        "no-at-sign",
        "@x.example",
        "a@",
        "a@@x.example",
        "abuse@x.example",
        "\x00a@x.example",
        "",
    ],
)
def test_what_is_not_one_plain_address_is_refused(page, at, address):
    with pytest.raises(DomainError) as refusal:
        ask(address, at=at())

    assert refusal.value.code == "bad_address"
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("address", ["Dave@Shop.Example", " dave@shop.example ", "dave@shop.example."])
def test_one_address_in_several_spellings_is_one_subscriber(page, at, address):
    ask("dave@shop.example", at=at())

    subscriptions.subscribe(address, EVERYTHING, network="192.0.2.9", at=at("12:05"))

    assert Subscriber.objects.count() == 1


def test_a_tag_makes_another_address(page, at):
    assert subscriptions.normalised("dave+status@shop.example") == "dave+status@shop.example"


def test_who_is_subscribed_already_gets_the_link_to_manage(page, at, subscriber):
    dave = subscriber()

    ask(at=at())

    dave.refresh_from_db()
    assert dave.state == "active"
    assert links.manage_url(dave) in Delivery.objects.get().message.text


def test_this_was_not_me_ends_all_further_questions(page, at):
    dave = ask(at=at())

    subscriptions.refuse(dave, at=at("12:10"))
    ask(at=at("12:00", days=30))

    assert Delivery.objects.count() == 1
    assert Delivery.objects.get().state == "cancelled"


def test_leaving_cancels_what_is_waiting_and_uses_up_older_links(page, at, subscriber):
    dave = ask(at=at())
    confirm = token(links.confirm_url(dave))

    subscriptions.unsubscribe(dave, at=at("12:10"))

    assert Delivery.objects.get().state == "cancelled"
    assert links.by_confirm_token(confirm, at=at("12:11")) is None
    with pytest.raises(DomainError):
        subscriptions.confirm(dave, at=at("12:11"))


def test_leaving_twice_changes_nothing(subscriber, at):
    dave = subscriber()

    subscriptions.unsubscribe(dave, at=at("12:00"))
    again = subscriptions.unsubscribe(dave, at=at("13:00"))

    assert again.unsubscribed_at == at("12:00")


def test_addresses_are_forgotten(page, at, subscriber):
    ask("never@shop.example", at=at())
    subscriptions.unsubscribe(subscriber("left@shop.example"), at=at())
    subscriber("stays@shop.example")

    gone = subscriptions.forget(now=lambda: at("12:01", days=2))

    assert gone == 2
    assert list(Subscriber.objects.values_list("address", flat=True)) == ["stays@shop.example"]


def test_links_are_made_with_the_secret_and_survive_its_rotation(subscriber, settings):
    dave = subscriber()
    mark = links.manage_token(dave)

    with override_settings(SECRET_KEY="another-secret-key-of-length-50-xxxxxxxxxxxxxxxxxx"):
        assert links.by_manage_token(mark) is None
    with override_settings(
        SECRET_KEY="another-secret-key-of-length-50-xxxxxxxxxxxxxxxxxx",
        SECRET_KEY_FALLBACKS=[settings.SECRET_KEY],
    ):
        assert links.by_manage_token(mark) == dave


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t[:-1] + "é", lambda t: "", lambda t: t + "x"])
def test_a_spoilt_link_opens_nothing(subscriber, spoil):
    assert links.by_manage_token(spoil(links.manage_token(subscriber()))) is None


# -- limits --------------------------------------------------------------------------------------------------
def test_ten_thousand_sign_ups_from_one_network_leave_five_rows(page, at):
    for n in range(5):
        ask(f"v{n}@shop.example", at=at())

    for n in range(10_000):
        limits.count("192.0.2.7", "email", f"w{n}@shop.example", at=at())

    assert (Subscriber.objects.count(), SignUp.objects.count(), Delivery.objects.count()) == (5, 5, 5)


def test_all_networks_together_have_their_limit_and_the_answer_stays_the_same(page, at, monkeypatch):
    monkeypatch.setattr(limits, "OVERALL", 3)

    for n in range(5):
        ask(f"v{n}@shop.example", at=at(), network=f"192.0.2.{n}")

    assert Delivery.objects.count() == 3
    ask("late@shop.example", at=at("13:01"), network="192.0.2.99")
    assert Delivery.objects.count() == 4


@pytest.mark.parametrize("address", ["dave@status.shop.example", "status@shop.example"])
def test_our_own_addresses_cannot_subscribe(page, at, settings, address):
    settings.DEFAULT_FROM_EMAIL = "Northwind <Status@shop.example>"
    settings.PUBLIC_URL = "https://status.shop.example"

    with pytest.raises(DomainError):
        ask(address, at=at())


def test_the_id_of_a_subscription_tells_nothing(page, at):
    told = [
        subscriptions.subscribe("dave@shop.example", EVERYTHING, network="192.0.2.7", at=at())
        for _ in range(2)
    ]

    assert told[0] == told[1] == Subscriber.objects.get().public_id


def test_what_happens_to_a_subscription_is_written_down_with_who_did_it(page, at, alice):
    dave = ask(at=at())
    subscriptions.confirm(dave, at=at("12:10"))
    subscriptions.change(dave, Choice(postmortems=True), at=at("12:20"))
    subscriptions.unsubscribe(dave, at=at("12:30"), by=alice, how="Unsubscribed in the portal")

    assert [(event.text, event.by) for event in dave.events.all()] == [
        ("Asked to subscribe", None),
        ("Confirmed by the link", None),
        ("Chose incidents, maintenance and post-mortems of everything", None),
        ("Unsubscribed in the portal", alice),
    ]
