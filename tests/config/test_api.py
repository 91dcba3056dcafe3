"""The API's door: who is let in, what a body may hold, how a refusal looks."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from incidents import lifecycle
from incidents.models import Severity
from oncall import tokens
from oncall.models import RememberedAnswer, User
from postmortems import drafting
from postmortems.models import ActionItem, PostMortem

AT = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture
def alice(db) -> User:
    alice = User.objects.create(username="alice", email="alice@example.com")
    alice.groups.add(Group.objects.get(name="Incident Manager"))
    return alice


@pytest.fixture
def postmortem(alice) -> PostMortem:
    incident = lifecycle.declare_past(
        title="Checkout down",
        severity=Severity.objects.get(slug="major"),
        impact_started_at=AT - timedelta(hours=3),
        resolved_at=AT - timedelta(hours=2),
        by=None,
        at=AT,
    )
    return drafting.draft(incident, by=None, at=AT)


@pytest.fixture
def call(alice):
    """``call("write")`` is a client with alice's token of that scope."""

    def call(scope: str, **options) -> APIClient:
        _, text = tokens.create(alice, name="test", scope=scope, at=AT, **options)
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return client

    return call


def new_action(postmortem: PostMortem) -> dict:
    return {"postmortem": postmortem.pk, "title": "Add a limit", "priority": "low"}


def test_a_token_reads_and_acts_within_its_scope(call, postmortem):
    assert call("read").get("/api/v1/actions/").status_code == 200
    assert call("read").post("/api/v1/actions/", new_action(postmortem), format="json").status_code == 403
    assert call("write").post("/api/v1/actions/", new_action(postmortem), format="json").status_code == 201


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
        lambda text: text.replace("mst_", "pat_"),
        lambda text: "",
        lambda text: "ünïcode",
        lambda text: text + " x",
    ],
)
@pytest.mark.django_db
def test_a_wrong_token_is_refused_with_the_same_words(alice, spoil):
    _, text = tokens.create(alice, name="", scope="read", at=AT)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {spoil(text)}")

    answer = client.get("/api/v1/actions/")

    assert answer.status_code == 401
    assert answer.json()["detail"] == "This token is unknown, revoked or expired. Make a new one."


@pytest.mark.django_db
def test_expired_revoked_and_orphaned_tokens_open_nothing(alice):
    now = datetime.now(UTC)
    _, expired = tokens.create(alice, name="", scope="read", at=AT, expires_at=AT)
    row, revoked = tokens.create(alice, name="", scope="read", at=AT)
    tokens.revoke(row, at=AT)
    _, live = tokens.create(alice, name="", scope="read", at=AT)
    assert tokens.find(live, at=now)
    alice.is_active = False
    alice.save()

    assert [tokens.find(text, at=now) for text in (expired, revoked, live)] == [None, None, None]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"a": NaN}',
        b'{"a": 1e400}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"title": "\xff"}',
        b'"x"',
        b"{",
    ],
)
def test_a_body_that_is_no_safe_json_object_is_refused(call, postmortem, body):
    answer = call("write").generic("POST", "/api/v1/actions/", body, content_type="application/json")

    assert answer.status_code == 400


def test_control_characters_do_not_reach_the_database(call, postmortem):
    body = {**new_action(postmortem), "title": "a\x00b\ud800c", "details": "\u202edrawkcab\x07"}
    raw = json.dumps(body)

    answer = call("write").generic("POST", "/api/v1/actions/", raw, content_type="application/json")

    assert answer.status_code == 201
    action = ActionItem.objects.get()
    assert not {"\x00", "\x07", "\ud800", "\u202e"} & set(action.title + action.details)
    assert call("read").get("/api/v1/actions/").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "ordering=password",
        "ordering=-owner__password",
        "page_size=-1",
        "page_size=10000000",
        "cursor=rubbish",
        "search=%00",
        "filter[]=x",
        "owner=%00",
        "due_before=2026-02-30",
        "postmortem=99999999999999999999",
    ],
)
def test_odd_queries_never_break_a_list(call, postmortem, query):
    assert call("read").get(f"/api/v1/actions/?{query}").status_code in {200, 400, 404}


@pytest.mark.parametrize(
    ("path", "status"),
    [("on-call/?team=%00", 400), ("incidents/?state=%00", 400), ("services/%00/on-call/", 404)],
)
def test_an_address_with_a_nul_leads_nowhere(client, path, status):
    answer = client.get(f"/api/v1/{path}")

    assert answer.status_code == status and answer.json()["detail"]


def test_a_refused_verb_is_409_with_a_code_and_a_sentence(call, postmortem):
    answer = call("write").post(f"/api/v1/postmortems/{postmortem.pk}/publish/")

    assert answer.status_code == 409
    assert answer.json()["code"] == "not_approved"
    assert answer.json()["detail"].endswith(".")


def test_an_idempotency_key_is_worked_once(call, postmortem):
    client = call("write")

    first = client.post("/api/v1/actions/", new_action(postmortem), format="json", HTTP_IDEMPOTENCY_KEY="k")
    again = client.post("/api/v1/actions/", new_action(postmortem), format="json", HTTP_IDEMPOTENCY_KEY="k")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert ActionItem.objects.count() == 1


def test_a_key_used_for_another_request_is_refused(call, postmortem):
    client = call("write")
    client.post("/api/v1/actions/", new_action(postmortem), format="json", HTTP_IDEMPOTENCY_KEY="k")

    other = {**new_action(postmortem), "title": "Other"}
    answer = client.post("/api/v1/actions/", other, format="json", HTTP_IDEMPOTENCY_KEY="k")

    assert (answer.status_code, answer.json()["code"]) == (409, "key_reused")


def test_a_key_still_being_worked_on_is_told_so(call, postmortem, alice):
    client = call("write")
    client.post("/api/v1/actions/", new_action(postmortem), format="json", HTTP_IDEMPOTENCY_KEY="k")
    RememberedAnswer.objects.update(status=None, at=datetime.now(UTC))

    answer = client.post("/api/v1/actions/", new_action(postmortem), format="json", HTTP_IDEMPOTENCY_KEY="k")

    assert (answer.status_code, answer.json()["code"]) == (409, "in_progress")


def test_methods_that_are_not_offered_are_405(call, postmortem):
    client = call("admin")

    assert client.delete(f"/api/v1/postmortems/{postmortem.pk}/").status_code in {403, 405}
    assert client.put(f"/api/v1/postmortems/{postmortem.pk}/", {}, format="json").status_code in {403, 405}
    assert PostMortem.objects.count() == 1


@pytest.mark.django_db
def test_the_openapi_document_and_the_docs_page_name_every_path(client):
    schema = SchemaGenerator().get_schema(request=None, public=True)

    page = client.get("/api/v1/docs/")

    assert page.status_code == 200
    assert client.get("/api/v1/schema/").status_code == 200
    assert all(path in page.content.decode() for path in schema["paths"])


def test_no_state_is_writable_through_the_api():
    schemas = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]

    states = {
        name: part["properties"]["state"]
        for name, part in schemas.items()
        if "state" in part.get("properties", {})
    }

    assert states
    assert [name for name, state in states.items() if not state.get("readOnly")] == []


def test_an_address_has_no_other_spelling(client, db):
    """``….json`` used to call the view with a word it did not know."""
    client.force_login(User.objects.create_superuser("root"))

    assert client.get("/api/v1/schedules/pay/on-call.json").status_code == 404
