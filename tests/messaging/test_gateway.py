"""An operator's own gateway: asked as the settings say, believed only as far as it can be."""

import json
import re
import time
from contextlib import suppress

import pytest

from oncall.messaging.mediums import gateway
from tests.messaging import phones

pytestmark = pytest.mark.django_db

NASTY = 'Pay "now"\n& {{to}} é'


@pytest.fixture
def sink(hook):
    sink, _ = hook
    sink.answer = phones.answer("202 Accepted", {"message": {"id": "gw-7"}})
    return sink


@pytest.fixture
def use(hook, settings):
    """``use(body=…)``: the gateway that text messages and calls go through."""

    def use(**fields):
        port = int(re.search(r":(\d+)/", hook[1])[1])
        if "url" in fields:
            fields["url"] = f"http://127.0.0.1:{port}{fields['url']}"
        settings.SMS_GATEWAY = settings.VOICE_GATEWAY = phones.gateway(port, **fields)

    return use


@pytest.fixture
def text(post):
    def put(text="It is down", **fields):
        delivery = post("alice", medium="sms", address=phones.ALICE, text=text, lane="page", **fields)
        delivery.message.purpose = "notice"
        delivery.message.save()
        return delivery

    return put


def test_unless_told_otherwise_it_is_a_post_of_json(use, text, deliver, sink):
    use()
    delivery = text()

    deliver()

    delivery.refresh_from_db()
    told = json.loads(sink.requests[0][1])
    callback = f"http://testserver/callbacks/gateway/sms/{delivery.stable_id}/"
    assert told == {
        "to": phones.ALICE,
        "text": "It is down",
        "id": delivery.stable_id,
        "callback": callback,
    }
    assert sink.headers()["authorization"] == "Bearer key"
    assert (delivery.state, delivery.provider_id) == ("sent", "gw-7")


def test_a_body_of_ones_own_is_filled_where_it_has_placeholders(use, text, deliver, sink):
    use(
        body={"messages": [{"destinations": ["{{to}}"], "body": "Muster: {{ text }}", "flash": True, "n": 1}]}
    )
    text(NASTY)

    deliver()

    sent = json.loads(sink.requests[0][1])["messages"][0]
    assert sent["destinations"] == [phones.ALICE]
    assert sent["body"] == 'Muster: Pay "now" & {{to}} é'
    assert (sent["flash"], sent["n"]) == (True, 1)


def test_an_address_that_carries_the_text_is_got(use, text, deliver, sink):
    use(url="/cgi-bin/sendsms?to={{to}}&text={{text}}&dlr={{callback}}")
    text(NASTY)

    deliver()

    assert sink.requests[0][0].startswith(b"GET ")
    assert sink.requests[0][1] == b""
    assert (
        "to=%2B491701234567&text=Pay%20%22now%22%20%26%20%7B%7Bto%7D%7D%20%C3%A9&dlr=http%3A"
        in phones.path(sink)
    )


def test_a_call_says_its_keys(use, post, deliver, sink):
    use()
    post("alice", medium="voice", address=phones.ALICE, values={"spoken": "Major incident."})

    deliver()

    assert json.loads(sink.requests[0][1])["text"] == (
        "Major incident. Press 4 to acknowledge, 5 to escalate, 6 to resolve."
    )


@pytest.mark.parametrize(
    ("status", "state", "outcome"),
    [
        ("200 OK", "sent", "accepted"),
        ("302 Found", "dead", "permanent"),
        ("400 Bad Request", "dead", "permanent"),
        ("401 Unauthorized", "dead", "permanent"),
        ("408 Request Timeout", "pending", "temporary"),
        ("429 Too Many Requests", "pending", "temporary"),
        ("500 Oops", "pending", "temporary"),
    ],
)
def test_what_becomes_of_an_answer(use, text, deliver, sink, status, state, outcome):
    use()
    sink.answer = phones.answer(status, "secret", Location="http://169.254.169.254/latest/")
    delivery = text()

    deliver()

    delivery.refresh_from_db()
    attempt = delivery.attempts.get()
    assert (delivery.state, attempt.outcome, attempt.code) == (state, outcome, status[:3])
    assert "secret" not in attempt.text
    assert len(sink.requests) == 1


def test_only_the_statuses_that_the_operator_names_mean_yes(use, text, deliver, sink):
    use(expected=[range(204, 205)])
    delivery = text()

    deliver()

    delivery.refresh_from_db()
    assert delivery.state == "dead"


@pytest.mark.parametrize(
    ("body", "path", "found"),
    [
        ({"message": {"id": "a"}}, "message.id", "a"),
        ({"messages": [{"id": 17}]}, "messages.0.id", "17"),
        ({"messages": []}, "messages.0.id", ""),
        ({"id": {"no": "text"}}, "id", ""),
        ("OK", "id", ""),
        ('"text"', "id.0", ""),
        ("[" * 5000, "id", ""),
        ({"id": "a\nb" + "x" * 900}, "id", "a b"),
    ],
)
def test_its_own_id_is_found_where_the_settings_say(use, text, deliver, sink, body, path, found):
    use(id_path=path.split("."))
    sink.answer = phones.answer("200 OK", body)
    delivery = text()

    deliver()

    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert delivery.provider_id[: len(found) or 200] == found


def test_a_private_gateway_must_be_permitted(use, text, deliver, sink, settings):
    use()
    settings.EGRESS_ALLOW = []
    delivery = text()

    deliver()

    delivery.refresh_from_db()
    assert (delivery.state, sink.requests) == ("dead", [])
    assert "EGRESS_ALLOW" in delivery.last_error


def test_one_that_drips_is_cut_off(use, text, deliver, sink, monkeypatch):
    monkeypatch.setattr(gateway, "LIMIT_S", 0.3)
    use()

    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    sink.answer = drip
    delivery = text()

    deliver()

    assert delivery.attempts.get().outcome == "unknown"


def test_of_a_gigabyte_the_beginning_is_read(use, text, deliver, sink):
    use()
    sent = []

    def flood(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        with suppress(OSError):
            for _ in range(1024):
                connection.sendall(b"x" * (1 << 20))
                sent.append(1)

    sink.answer = flood
    delivery = text()

    deliver()

    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert len(sent) < 100
