import base64
import hashlib
import hmac
import json

import pytest

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.webhook import Webhook, signing_secret
from oncall.messaging.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def call(post, hook):
    """Put a webhook delivery into the outbox."""
    return lambda **fields: post("alice", medium="webhook", address=hook[1], **fields)


def test_a_receiver_can_check_that_the_call_is_ours(call, deliver, hook):
    sink, address = hook
    call(text="Füße")

    deliver()

    headers, body = sink.headers(), sink.requests[0][1]
    secret = base64.b64decode(signing_secret(address, "alice").removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["data"]["text"] == "Füße"


def test_the_id_and_the_body_stay_and_the_timestamp_moves_from_try_to_try(call, deliver, hook, clock):
    sink, _ = hook
    sink.answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    call(lane="page")
    deliver()
    clock.move(seconds=15)

    deliver()

    first, second = sink.headers(0), sink.headers(1)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 15
    assert sink.requests[0][1] == sink.requests[1][1]


def test_while_the_key_is_changed_both_signatures_are_sent(call, deliver, hook, settings):
    sink, address = hook
    settings.SECRET_KEY_FALLBACKS = ["the key before this one"]
    call()

    deliver()

    assert len(sink.headers()["webhook-signature"].split(" v1,")) == 2


def test_somebody_else_with_the_same_address_has_another_secret():
    url = "https://hooks.example.com/"

    assert signing_secret(url, "alice") != signing_secret(url, "eve")
    assert signing_secret(url, "alice") == signing_secret("https://HOOKS.example.com", "alice")


@pytest.mark.parametrize(
    ("status", "state", "outcome"),
    [
        ("200 OK", "sent", "accepted"),
        ("202 Accepted", "sent", "accepted"),
        ("302 Found", "dead", "permanent"),
        ("404 Not Found", "pending", "temporary"),
        ("410 Gone", "dead", "permanent"),
        ("500 Oops", "pending", "temporary"),
    ],
)
def test_what_becomes_of_an_answer(call, deliver, hook, status, state, outcome):
    hook[0].answer = f"HTTP/1.1 {status}\r\nLocation: /\r\nContent-Length: 6\r\n\r\nsecret".encode()
    delivery = call()

    deliver()

    delivery.refresh_from_db()
    attempt = delivery.attempts.get()
    assert (delivery.state, attempt.outcome, attempt.code) == (state, outcome, status[:3])
    assert "secret" not in attempt.text


@pytest.mark.parametrize(("asked", "least_s"), [("600", 600), ("99999", 900), ("soon", 0), ("-1", 0)])
def test_a_receiver_that_asks_for_time_gets_up_to_15_minutes(call, deliver, hook, clock, asked, least_s):
    hook[0].answer = f"HTTP/1.1 429 Slow\r\nRetry-After: {asked}\r\nContent-Length: 0\r\n\r\n".encode()
    delivery = call(lane="page")

    deliver()

    delivery.refresh_from_db()
    waits = (delivery.due_at - clock()).total_seconds()
    assert max(least_s, 8) <= waits <= max(least_s, 12)


def test_a_private_address_is_dead_and_the_setting_is_named(call, deliver, settings):
    delivery = call()
    settings.EGRESS_ALLOW = []

    deliver()

    delivery.refresh_from_db()
    assert delivery.state == "dead"
    assert "EGRESS_ALLOW" in delivery.last_error


def test_a_slow_receiver_does_not_spoil_the_next(call, post, deliver, hook, monkeypatch):
    monkeypatch.setattr("oncall.messaging.mediums.webhook.ATTEMPT_LIMIT_S", 0.2)
    sink, address = hook
    sink.answer = lambda connection: (
        connection.recv(1)
        if len(sink.requests) == 1
        else connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    )
    call()
    post("bob", medium="webhook", address=address)

    deliver()

    assert set(Delivery.objects.values_list("recipient", "state")) == {("alice", "pending"), ("bob", "sent")}


def test_an_address_is_refused_as_it_is_typed():
    with pytest.raises(DomainError) as refusal:
        Webhook().check_address("ftp://example.com")

    assert refusal.value.code == "bad_address"
