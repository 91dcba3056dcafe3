"""Conversations with a real SMTP server that misbehaves."""

import time

import pytest

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import email
from oncall.messaging.mediums.email import Email
from oncall.messaging.models import Delivery
from tests.messaging.conftest import use_relay
from tests.messaging.sinks import mute_server, tcp_server

pytestmark = pytest.mark.django_db


def outcomes(delivery: Delivery) -> list[tuple[str, str]]:
    return list(delivery.attempts.values_list("outcome", "code"))


def state(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.state


@pytest.fixture
def short(monkeypatch, settings) -> None:
    """An attempt ends after half a second instead of twenty, a socket timeout comes later still."""
    monkeypatch.setattr(email, "ATTEMPT_LIMIT_S", 0.5)
    settings.EMAIL_TIMEOUT = 8


@pytest.fixture(params=[False, True], ids=["one command at a time", "pipelining"])
def relay(relay, request):
    """Relays take their commands in one of two ways, and must be understood in both."""
    relay.pipelining = request.param
    return relay


def test_a_batch_goes_over_one_connection(post, deliver, relay):
    for n in range(10):
        post(f"s{n}")

    deliver()

    assert (len(relay.mails), relay.connections) == (10, 1)


def test_a_refused_recipient_does_not_hurt_the_others(post, deliver, relay):
    relay.refuse["bob@example.com"] = "550 no such user"
    alice, bob, carol = post("alice"), post("bob"), post("carol")

    deliver()

    assert [state(d) for d in (alice, bob, carol)] == ["sent", "dead", "sent"]
    assert outcomes(bob) == [("permanent", "550")]
    assert relay.connections == 1


def test_a_temporary_refusal_is_tried_again(post, deliver, relay):
    relay.refuse["alice@example.com"] = "451 greylisted"
    delivery = post()

    deliver()

    assert (state(delivery), outcomes(delivery)) == ("pending", [("temporary", "451")])


def test_a_relay_that_closes_the_channel_gets_a_new_connection(post, deliver, relay):
    relay.refuse["alice@example.com"] = "421 too many"
    alice, bob = post("alice"), post("bob")

    deliver()

    assert [state(d) for d in (alice, bob)] == ["pending", "sent"]
    assert relay.connections == 2


def test_a_relay_that_wants_a_new_connection_for_each_message_gets_it(post, deliver, relay):
    relay.most = 1
    deliveries = [post(name) for name in ("alice", "bob", "carol")]

    deliver()

    assert [outcomes(delivery) for delivery in deliveries] == [[("accepted", "250")]] * 3
    assert relay.connections == 3


def test_a_refused_sender_is_the_trouble_of_the_line(post, deliver, relay, settings):
    relay.refuse[settings.DEFAULT_FROM_EMAIL] = "550 not from you"
    alice, bob = post("alice"), post("bob")

    deliver()

    assert (state(alice), outcomes(alice)) == ("pending", [("temporary", "550")])
    assert (state(bob), outcomes(bob)) == ("pending", [])


def test_a_refused_content_is_final(post, deliver, relay):
    relay.on_data = lambda server, mail: "554 spam"
    delivery = post()

    deliver()

    assert (state(delivery), outcomes(delivery)) == ("dead", [("permanent", "554")])


def test_a_relay_that_takes_and_drops_leaves_us_unsure_and_is_asked_again(post, deliver, clock, relay):
    relay.on_data = relay.accept_then_drop
    alice, bob = post("alice", lane="page"), post("bob")
    deliver()
    clock.move(seconds=15)

    deliver()

    assert [state(d) for d in (alice, bob)] == ["sent", "sent"]
    assert outcomes(alice) == [("unknown", ""), ("accepted", "250")]


def test_a_relay_that_hangs_after_data_is_cut_off_by_the_wall_clock(post, deliver, relay, short):
    relay.on_data = relay.hang
    alice, bob = post("alice"), post("bob")
    started = time.monotonic()

    deliver()

    assert time.monotonic() - started < 3
    assert (outcomes(alice), state(bob)) == ([("unknown", "")], "sent")
    assert "no answer within" in alice.attempts.get().text


def test_a_relay_that_says_nothing_is_cut_off_by_the_wall_clock(post, deliver, settings, short):
    delivery = post()
    started = time.monotonic()

    with mute_server() as port:
        use_relay(settings, port)
        deliver()

    assert time.monotonic() - started < 3
    assert (state(delivery), outcomes(delivery)) == ("pending", [("temporary", "")])


def test_a_relay_that_drips_its_banner_is_cut_off_by_the_wall_clock(post, deliver, settings, short):
    def drip(connection) -> None:
        while True:
            connection.sendall(b"2")
            time.sleep(0.05)

    delivery = post()
    started = time.monotonic()

    with tcp_server(drip) as port:
        use_relay(settings, port)
        deliver()

    assert time.monotonic() - started < 3
    assert state(delivery) == "pending"


def test_a_relay_that_refuses_us_does_not_kill_the_mail(post, deliver, settings):
    delivery = post()

    with tcp_server(lambda connection: connection.sendall(b"554 go away\r\n")) as port:
        use_relay(settings, port)
        deliver()

    assert (state(delivery), outcomes(delivery)) == ("pending", [("temporary", "554")])


def test_a_mail_says_that_a_machine_wrote_it_and_from_whom(post, deliver, relay, settings):
    settings.PUBLIC_URL = "https://muster.example.com:8443"
    post()

    deliver()

    [mail] = relay.mails
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@muster.example.com>")
    assert mail["From"] == settings.DEFAULT_FROM_EMAIL


@pytest.mark.parametrize(
    "subject",
    [
        "Down\r\nBcc: eve@example.com",
        "Down\nSubject: x",
        "a\x00b",
        "\ud800 half",
        "\u202egnp.exe",
        "\u0085x",
        "é" * 999,
    ],
)
def test_a_hostile_subject_becomes_one_line(post, deliver, relay, subject):
    delivery = post(subject=subject)

    deliver()

    [mail] = relay.mails
    assert state(delivery) == "sent"
    assert (mail["Bcc"], mail["To"]) == (None, "alice@example.com")
    assert "\n" not in mail["Subject"]
    assert len(mail["Subject"].strip()) <= 200


def test_a_subject_spoilt_in_the_database_is_cleaned_when_it_is_sent(post, deliver, relay):
    delivery = post()
    delivery.message.subject = "Down\nBcc: eve@example.com"
    delivery.message.save()

    deliver()

    [mail] = relay.mails
    assert mail["Subject"] == "Down Bcc: eve@example.com"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "a@x.org, b@x.org",
        "a@x.org\nBcc: b@x.org",
        "a@x.org\r\n",
        "Alice <a@x.org>",
        '"a b"@x.org',
        "a@x.org;b@x.org",
        "a" * 250 + "@x.org",
        "a\x00@x.org",
    ],
)
def test_an_address_is_one_plain_address(address):
    if address == "a@x.org\r\n":
        assert Email().check_address(address) == "a@x.org"
        return
    with pytest.raises(DomainError):
        Email().check_address(address)


def test_an_address_keeps_its_local_part_as_written():
    assert Email().check_address(" Alice.Doe@Example.COM ") == "Alice.Doe@example.com"
