"""Text messages and calls through Twilio, against its shapes on the loopback."""

import base64
import re

import pytest

from oncall.messaging.mediums import missing, twilio
from oncall.messaging.models import Delivery
from tests.messaging import phones

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(hook, settings):
    """Twilio, as we are set to use it."""
    sink, address = hook
    settings.TWILIO = phones.account(int(re.search(r":(\d+)/", address)[1]))
    sink.answer = phones.accepted()
    return sink


@pytest.fixture
def text(post):
    """Put a text message for alice into the outbox."""
    return lambda **fields: post("alice", **{"medium": "sms", "address": phones.ALICE, **fields})


@pytest.fixture
def call(post):
    """Put a call to alice into the outbox."""
    values = {"spoken": "Major incident. R&D <checkout>."}
    return lambda **fields: post(
        "alice", **{"medium": "voice", "address": phones.ALICE, "values": values, **fields}
    )


def test_a_text_message_is_handed_over_with_its_callback(text, deliver, sink):
    delivery = text(values={"code": "482193", "link": "http://testserver/a/x/"})

    deliver()

    delivery.refresh_from_db()
    form = phones.form(sink)
    assert phones.path(sink) == f"/2010-04-01/Accounts/{phones.ACCOUNT}/Messages.json"
    assert (form["To"], form["From"]) == ([phones.ALICE], [phones.OURS])
    assert "Reply 482193 to acknowledge" in form["Body"][0]
    assert form["StatusCallback"] == [f"http://testserver/callbacks/twilio/sms/{delivery.stable_id}/"]
    assert (delivery.state, delivery.provider_id) == ("sent", "SM1")


def test_we_say_who_we_are(text, deliver, sink):
    text()

    deliver()

    expected = base64.b64encode(f"{phones.ACCOUNT}:{phones.TOKEN}".encode()).decode()
    assert sink.headers()["authorization"] == f"Basic {expected}"


def test_a_messaging_service_may_choose_the_sender(text, deliver, sink, settings):
    service = "MG" + "b" * 32
    port = int(settings.TWILIO.api_base.rpartition(":")[2])
    settings.TWILIO = phones.account(port, sender=service)
    text()

    deliver()

    form = phones.form(sink)
    assert form["MessagingServiceSid"] == [service]
    assert "From" not in form


def test_a_call_speaks_and_waits_for_a_key(call, deliver, sink):
    sink.answer = phones.accepted("CA1")
    delivery = call()

    deliver()

    form = phones.form(sink)
    spoken = form["Twiml"][0]
    assert phones.path(sink).endswith("/Calls.json")
    assert "R&amp;D &lt;checkout&gt;" in spoken
    assert "Press 4 to acknowledge, 5 to escalate, 6 to resolve." in spoken
    assert f"/callbacks/twilio/voice/{delivery.stable_id}/keys/" in spoken
    assert form["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
    assert (form["MachineDetection"], form["AsyncAmd"]) == (["Enable"], ["true"])


def test_what_is_no_page_is_spoken_and_asks_for_no_key(call, deliver, sink):
    message = call().message
    message.purpose = "notice"
    message.save()

    deliver()

    assert "<Gather" not in phones.form(sink)["Twiml"][0]


@pytest.mark.parametrize(
    ("status", "code", "state", "outcome"),
    [
        ("400 Bad Request", 21211, "dead", "permanent"),  # no valid number
        ("400 Bad Request", 21610, "dead", "permanent"),  # unsubscribed
        ("400 Bad Request", 21408, "dead", "permanent"),  # region not permitted
        ("401 Unauthorized", 20003, "dead", "permanent"),
        ("404 Not Found", 20404, "dead", "permanent"),
        ("429 Too Many Requests", 20429, "pending", "temporary"),
        ("500 Internal Server Error", 20500, "pending", "temporary"),
        ("503 Service Unavailable", 20503, "pending", "temporary"),
    ],
)
def test_what_becomes_of_a_refusal(text, deliver, sink, status, code, state, outcome):
    sink.answer = phones.error(status, code, "They say why.")
    delivery = text(lane="page")

    deliver()

    delivery.refresh_from_db()
    attempt = delivery.attempts.get()
    assert (delivery.state, attempt.outcome, attempt.code) == (state, outcome, str(code))
    assert "They say why." in attempt.text


def test_whoever_sends_too_much_waits_as_long_as_twilio_asks(text, deliver, sink, clock):
    sink.answer = phones.error("429 Too Many Requests", 20429, "Too Many Requests", Retry_After="90")
    delivery = text(lane="page")

    deliver()

    delivery.refresh_from_db()
    assert (delivery.due_at - clock()).total_seconds() >= 90


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", '["no", "object"]', "[" * 5000, ""])
def test_an_error_that_is_not_twilios_own_is_tried_again(text, deliver, sink, body):
    sink.answer = phones.answer("502 Bad Gateway", body)
    delivery = text()

    deliver()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts.get().code) == ("pending", "502")


def test_when_twilio_hangs_it_may_have_arrived(text, deliver, sink, monkeypatch):
    monkeypatch.setattr(twilio, "LIMIT_S", 0.2)
    sink.answer = lambda connection: connection.recv(1)
    delivery = text()

    deliver()

    assert delivery.attempts.get().outcome == "unknown"


def test_the_auth_token_stands_nowhere(text, deliver, sink):
    sink.answer = phones.error("401 Unauthorized", 20003, "Authenticate")
    delivery = text()

    deliver()

    delivery.refresh_from_db()
    assert phones.TOKEN not in f"{delivery.last_error} {delivery.attempts.get().text}"


@pytest.mark.parametrize("medium", ["sms", "voice"])
def test_without_an_account_the_delivery_is_dead_and_says_what_to_set(post, deliver, medium):
    delivery = post("alice", medium=medium, address=phones.ALICE)

    deliver()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts.get().code) == ("dead", "not_set_up")
    assert "TWILIO_ACCOUNT_SID" in delivery.last_error
    assert missing(medium) == delivery.last_error


def test_a_sender_that_is_a_name_cannot_call(settings):
    settings.TWILIO = phones.account(1, sender="Northwind", voice_from="")

    assert missing("sms") == ""
    assert "TWILIO_VOICE_FROM" in missing("voice")


def test_an_address_that_is_no_number_is_dead_without_a_request(text, deliver, sink):
    delivery = text(address="+49 170\nCALL ME")

    deliver()

    delivery.refresh_from_db()
    assert (delivery.state, sink.requests) == ("dead", [])


def test_a_number_behind_a_line_end_is_no_second_recipient(text, deliver, sink):
    text(address=f"{phones.ALICE}\n{phones.BOB}")

    deliver()

    assert not sink.requests
    assert Delivery.objects.get().state == "dead"


# -- the signature -----------------------------------------------------------------------------------------
#: The worked example of Twilio's documentation of request validation; signed by `openssl dgst` for us.
EXAMPLE_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
EXAMPLE = {
    "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234",
    "From": "+14158675309", "To": "+18005551212",
}  # fmt: skip


def test_the_signature_is_that_of_the_worked_example():
    assert twilio.signature("12345", EXAMPLE_URL, EXAMPLE.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_a_field_that_comes_twice_is_signed_once():
    twice = [("MediaUrl", "b"), ("MediaUrl", "a"), ("MediaUrl", "a")]

    assert twilio.signature("t", "u", twice) == twilio.signature(
        "t", "u", [("MediaUrl", "a"), ("MediaUrl", "b")]
    )


@pytest.mark.parametrize(
    ("public_url", "signed"),
    [
        ("https://m.example.com", "https://m.example.com"),
        ("https://m.example.com", "https://m.example.com:443"),
        ("https://m.example.com:443", "https://m.example.com"),
        ("https://m.example.com:8443", "https://m.example.com:8443"),
        ("https://m.example.com/muster", "https://m.example.com:443/muster"),
        ("http://[::1]", "http://[::1]:80"),
    ],
)
def test_the_signature_is_for_the_public_address_with_its_port_or_without(settings, public_url, signed):
    settings.PUBLIC_URL, settings.TWILIO = public_url, phones.account(1)
    given = phones.sign(f"{signed}/callbacks/twilio/sms/?a=1", {"Body": "ä"})

    assert twilio.is_signed(given, "/callbacks/twilio/sms/?a=1", [("Body", "ä")])


@pytest.mark.parametrize(
    "signed", ["http://m.example.com", "https://m.example.com:8443", "https://other.example.com"]
)
def test_a_signature_for_another_address_is_none(settings, signed):
    settings.PUBLIC_URL, settings.TWILIO = "https://m.example.com", phones.account(1)

    assert not twilio.is_signed(phones.sign(f"{signed}/x", {}), "/x", [])


def test_a_signature_of_letters_that_no_signature_has_is_none(settings):
    settings.TWILIO = phones.account(1)

    assert not twilio.is_signed("ümlaut", "/x", [])
