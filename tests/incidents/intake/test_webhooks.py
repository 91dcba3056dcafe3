"""What a sender is answered, and that 202 means stored."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.http import UnreadablePostError
from django.test.utils import CaptureQueriesContext

from incidents import sources, webhooks
from incidents.intake import storing
from incidents.intake.dialects import DIALECTS, Dialect
from incidents.models import SourceKey, StoredEvent
from oncall.messaging import doorbell

SAMPLES = Path(__file__).parents[2] / "cases" / "payloads"
KEY = "0123456789abcdef0123456789abcdef"
OTHER_KEY = "fedcba9876543210fedcba9876543210"
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scripts():
    return sources.create(slug="scripts", name="Scripts", dialect="json", key=KEY, by=None, at=AT)[0]


@pytest.fixture
def pager():
    return sources.create(slug="pd", name="Pager", dialect="pagerduty", key=OTHER_KEY, by=None, at=AT)[0]


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_text())


def send(client, body=b'{"summary": "Disk full"}', path=f"/in/json/{KEY}", **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, body, content_type="application/json", **headers)


# -- stored, then answered ---------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [f"/in/json/{KEY}", f"/in/json/{KEY}/"])
def test_an_alert_is_stored_as_it_came(client, scripts, path):
    answer = send(client, b'{"summary":  "Disk full"}', path)

    event = StoredEvent.objects.get()
    assert answer.status_code == 202
    assert (bytes(event.body), event.source, event.state) == (b'{"summary":  "Disk full"}', scripts, "new")
    assert event.due_at == event.received_at


@pytest.mark.parametrize("path", ["/in/json", "/in/json/"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_key_may_stand_in_a_header(client, path, scheme):
    assert send(client, path=path, HTTP_AUTHORIZATION=f"{scheme} {KEY}").status_code == 202


def test_an_alert_costs_one_statement(client):
    with CaptureQueriesContext(connection) as captured:
        send(client)

    assert len([query for query in captured if "incidents_" in query["sql"]]) == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_stored_rings_for_the_engine(client):
    with doorbell.Listener() as engine:
        engine.wait(0.01)  # opens it, and on PostgreSQL says that it may have missed a ring

        send(client)

        assert engine.wait(2) and engine.heard == {doorbell.WORK}


def test_a_long_body_is_not_read_from_whoever_has_no_key(client):
    long = json.dumps({"summary": "a" * (webhooks.READ_FROM_STRANGERS + 1)})[:-1]

    assert send(client, long.encode(), f"/in/json/{'x' * 40}").status_code == 401
    assert send(client, long.encode()).status_code == 400


@pytest.mark.parametrize("error", ["database or disk is full", "connection refused"])
def test_nothing_is_answered_202_that_was_not_stored(client, monkeypatch, error):
    def fails(*args, **kwargs):
        raise OperationalError(error)

    monkeypatch.setattr(storing, "_ask", fails)

    answer = send(client)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert error not in answer.text


def test_a_fault_in_checking_does_not_refuse_the_alert(client, monkeypatch):
    broken = Dialect("json", "Broken", parse=None, complaints=lambda told: told["no such"])
    monkeypatch.setitem(DIALECTS, "json", broken)

    assert send(client).status_code == 202


def test_a_body_larger_than_djangos_form_limit_is_taken(client):
    assert (
        send(client, {"summary": "a", "labels": {str(n): "x" * 8000 for n in range(400)}}).status_code == 202
    )


def test_what_is_well_formed_is_stored_although_nobody_understands_it(client):
    sources.create(slug="am", name="Prometheus", dialect="alertmanager", key=OTHER_KEY, by=None, at=AT)

    assert send(client, {"hello": 1}, f"/in/alertmanager/{OTHER_KEY}").status_code == 202


# -- refused -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path", [f"/in/json/{KEY}", f"/in/json/{KEY}/", "/in/json/", "/v2/enqueue", "/in/none/x"]
)
@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_only_post_is_served_and_nothing_redirects(client, path, method):
    answer = getattr(client, method)(path)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "key", [OTHER_KEY, KEY[:-1], KEY + "0", KEY.upper(), "x", "", "ключ", KEY + "/more", "%00"]
)
def test_every_wrong_key_is_refused_alike(client, pager, key):
    by_path, by_header = (
        send(client, path=f"/in/json/{key}"),
        send(client, path="/in/json/", HTTP_AUTHORIZATION=f"Bearer {key}"),
    )

    assert by_path.status_code == by_header.status_code == 401
    assert by_path.json() == by_header.json() == {"error": "This key is unknown or revoked."}
    assert not StoredEvent.objects.exists()


def test_a_revoked_key_is_refused_and_the_one_after_it_not(client, scripts):
    new = sources.add_key(scripts, by=None, at=AT)
    sources.revoke_key(SourceKey.objects.get(hint=KEY[:4]), by=None, at=AT)

    assert send(client).status_code == 401
    assert send(client, path=f"/in/json/{new}").status_code == 202


def test_a_switched_off_source_is_refused(client, scripts):
    scripts.active = False
    scripts.save()

    assert send(client).status_code == 401


def test_a_dialect_we_do_not_speak_is_no_address(client):
    assert send(client, path=f"/in/klingon/{KEY}").status_code == 404


def test_too_large_a_body_is_refused_whatever_its_length_says(client):
    body = b'{"summary": "' + b"x" * (16 * 1024 * 1024) + b'"}'

    assert send(client, body).status_code == 413
    assert send(client, CONTENT_LENGTH=str(31 * 1024 * 1024)).status_code == 413


class Chunks:
    """What a server hands on of a chunked body: parts, and nothing after the last."""

    def __init__(self, body):
        self.body = body

    def read(self, size):
        part, self.body = self.body[: min(size, 7)], self.body[min(size, 7) :]
        return part


@pytest.mark.parametrize(("body", "status"), [(b'{"summary": "Disk full"}', 202), (b"", 400)])
def test_a_chunked_body_has_no_length_and_is_read_all_the_same(rf, body, status):
    request = rf.generic("POST", f"/in/json/{KEY}", HTTP_TRANSFER_ENCODING="chunked")
    request.META["wsgi.input"] = Chunks(body)

    answer = webhooks.receive(request, dialect="json", key=KEY)

    assert answer.status_code == status
    assert [bytes(event.body) for event in StoredEvent.objects.all()] == [body] * (status == 202)


def test_a_body_that_breaks_off_is_refused_and_not_stored(rf):
    def read(size):
        raise UnreadablePostError("connection reset")

    request = rf.post(f"/in/json/{KEY}", b"{}", content_type="application/json")
    request.read = read

    assert webhooks.receive(request, dialect="json", key=KEY).status_code == 400
    assert not StoredEvent.objects.exists()


def test_a_length_that_is_no_number_is_no_fault_of_ours(client):
    assert send(client, CONTENT_LENGTH="many").status_code == 400


def test_a_compressed_body_is_refused(client):
    assert send(client, HTTP_CONTENT_ENCODING="gzip").status_code == 415


def test_the_refusal_says_why(client):
    answer = send(client, b'{"summary": ')

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The body is not JSON")


def test_the_key_stands_in_no_log_and_on_no_error_page(client, caplog, monkeypatch, settings):
    settings.DEBUG = True
    monkeypatch.setattr(webhooks, "_store", lambda request, key, *rest: 1 / 0 if key == KEY else None)
    answers = []

    with caplog.at_level(logging.DEBUG):
        for body in (b"rubbish", b'{"summary": "a"}'):
            answers += [
                send(client, body),
                send(client, body, "/in/json/", HTTP_AUTHORIZATION=f"Bearer {KEY}"),
            ]
        answers += [send(client, path=f"/in/json/{KEY}/more"), client.get(f"/in/json/{KEY}")]

    assert {answer.status_code for answer in answers} == {400, 503, 401, 405}
    assert KEY not in caplog.text
    assert not any(KEY in answer.text for answer in answers)


# -- PagerDuty's addresses ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("pagerduty-*.json")))
@pytest.mark.parametrize("slash", ["", "/"])
def test_pagerduty_is_answered_in_its_own_words(client, pager, name, slash):
    case = sample(name)
    path = case["_request"].get("path", "/v2/enqueue") + slash

    answer = send(client, case["body"] | {"routing_key": OTHER_KEY}, path)

    assert answer.status_code == case["_expect"]["http"]
    if "response" in case["_expect"]:
        assert answer.json() == case["_expect"]["response"]
    assert StoredEvent.objects.count() == (answer.status_code == 202)


def test_a_generated_key_is_the_one_the_alert_will_have(client, pager):
    body = sample("pagerduty-trigger")["body"] | {"routing_key": OTHER_KEY}
    body.pop("dedup_key")

    answer = send(client, body, "/v2/enqueue").json()

    stored = json.loads(bytes(StoredEvent.objects.get().body))
    (event,) = DIALECTS["pagerduty"].parse(stored, {}).events
    assert answer["dedup_key"] == event.dedup_key


@pytest.mark.parametrize(
    ("routing_key", "status"),
    [(None, 400), (5, 400), ("", 400), (KEY, 403), ("unknown-but-long-enough", 403)],
)
def test_a_wrong_routing_key_is_refused_as_pagerduty_does(client, pager, routing_key, status):
    body = sample("pagerduty-trigger")["body"] | {"routing_key": routing_key}

    answer = send(client, body, "/v2/enqueue")

    assert answer.status_code == status
    assert answer.json()["status"] == "invalid event"
    assert not StoredEvent.objects.exists()
