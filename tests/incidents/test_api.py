"""``/api/v1/incidents/`` and ``/api/v1/metrics/`` keep contract.md section 3."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.test import Client

from incidents import lifecycle, timeline
from incidents.models import Incident
from oncall import tokens
from oncall.models import ApiToken
from tests.incidents.conftest import person

pytestmark = pytest.mark.django_db
LIST = "/api/v1/incidents/"


def client(user) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def post(user, path: str, /, **body):
    return client(user).post(path, body, content_type="application/json")


@pytest.fixture
def reader(db):
    return person("erin", "view_incident", "export_incident")


# -- declaring and verbs -----------------------------------------------------------------------------------
def test_a_post_declares_and_answers_with_the_incident(bob, checkout, portal):
    answer = post(
        bob, LIST, title="Payments fail", services=["checkout"], audience="external", summary="Cards fail"
    )

    assert answer.status_code == 201
    body = answer.json()
    assert body["state"] == "declared"
    assert body["services"] == [{"slug": "checkout", "kind": "impacted", "all_clear_at": None}]
    assert body["channel_url"] == f"https://chat.example.com/{body['key'].lower()}-payments-fail"
    assert body["metrics"] == {
        "ttd_seconds": 0,
        "tta_seconds": None,
        "ttm_seconds": None,
        "ttr_seconds": None,
    }


def test_every_verb_of_the_contract_from_declaration_to_the_end(bob, alice, checkout, portal, major):
    key = post(bob, LIST, title="Payments fail", services=["checkout"], audience="external").json()["key"]
    story = [
        ("acknowledge", {}, "declared"),
        ("classify", {"severity": "major"}, "troubleshooting"),
        ("engage", {"user": "alice"}, "troubleshooting"),
        ("assign-role", {"role": "scribe", "user": "alice"}, "troubleshooting"),
        ("note", {"kind": "decision", "text": "Fail over"}, "troubleshooting"),
        ("update", {"audience": "staff", "text": "Working on it", "next_update_in": 1200}, "troubleshooting"),
        ("mitigate", {"text": "Failed over"}, "mitigated"),
        ("all-clear", {"service": "checkout"}, "mitigated"),
        ("resolve", {"text": "Pool enlarged"}, "resolved"),
        ("reopen", {"reason": "It is back"}, "troubleshooting"),
        ("cancel", {"reason": "A test"}, "cancelled"),
    ]

    for verb, body, state in story:
        answer = post(bob, f"{LIST}{key}/{verb}/", **body)
        assert (answer.status_code, answer.json().get("state")) == (200, state), answer.json()
    assert answer.json()["roles"] == [
        {"role": "incident_manager", "user": "bob", "since": answer.json()["roles"][0]["since"]},
        {"role": "scribe", "user": "alice", "since": answer.json()["roles"][1]["since"]},
    ]


@pytest.mark.parametrize(
    ("verb", "body", "status", "code"),
    [
        ("resolve", {"text": "Fixed"}, 409, "severity_missing"),
        ("close", {}, 409, "illegal_transition"),
        ("declare", {"expected_version": 99}, 200, None),
        ("classify", {"severity": "huge"}, 400, None),
        ("classify", {}, 400, None),
        ("mitigate", {"text": "  "}, 400, None),
        ("merge", {"into": "INC-999999"}, 400, None),
        ("engage", {}, 409, "one_target"),
        ("update", {"audience": "customers", "text": "x"}, 409, "audience_unknown"),
        ("update", {"audience": "staff", "text": "x", "next_update_in": "soon"}, 400, None),
        ("explode", {}, 404, None),
    ],
)
def test_refusals_have_a_code_and_a_sentence(declared, bob, verb, body, status, code):
    answer = post(bob, f"{LIST}{declared.key}/{verb}/", **body)

    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
        assert answer.json()["detail"].endswith((".", "possible now."))


def test_a_stale_version_is_refused(troubleshooting, bob):
    answer = post(bob, f"{LIST}{troubleshooting.key}/mitigate/", text="Moved", expected_version=1)

    assert (answer.status_code, answer.json()["code"]) == (409, "stale")


def test_classify_also_changes_a_severity(troubleshooting, bob, minor):
    refused = post(bob, f"{LIST}{troubleshooting.key}/classify/", severity="minor")
    done = post(bob, f"{LIST}{troubleshooting.key}/classify/", severity="minor", reason="Few users")

    assert (refused.status_code, refused.json()["code"]) == (409, "lowered_without_reason")
    assert (done.status_code, done.json()["severity"]) == (200, "minor")


def test_verbs_ask_for_their_own_right(declared, alice, carol):
    assert post(alice, f"{LIST}{declared.key}/note/", text="Seen").status_code == 200
    assert post(alice, f"{LIST}{declared.key}/cancel/", reason="No").status_code == 403
    assert post(carol, f"{LIST}{declared.key}/acknowledge/").status_code == 403
    assert client(carol).get(LIST).status_code == 403


def test_state_is_never_writable(declared, bob):
    path = f"{LIST}{declared.key}/"

    answer = client(bob).patch(
        path, {"state": "closed", "title": "Cards fail"}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["state"], answer.json()["title"]) == (
        200,
        "declared",
        "Cards fail",
    )
    assert client(bob).put(path, {"state": "closed"}, content_type="application/json").status_code in (
        403,
        405,
    )


def test_a_read_token_reads_only(declared, bob, at):
    _, text = tokens.create(bob, name="t", scope=ApiToken.Scope.READ, at=at("10:00"))
    header = {"HTTP_AUTHORIZATION": f"Bearer {text}"}

    assert Client().get(LIST, **header).status_code == 200
    assert Client().post(f"{LIST}{declared.key}/acknowledge/", **header).status_code == 403


def test_backfill_takes_all_milestones_and_sends_nothing(bob, checkout, portal, major):
    body = {
        "title": "Database lost", "services": ["checkout"], "audience": "external", "severity": "major",
        "impact_started_at": "2026-01-15T10:00:00Z", "detected_at": "2026-01-15T10:04:00Z",
        "acknowledged_at": "2026-01-15T10:09:00Z", "mitigated_at": "2026-01-15T10:40:00Z",
        "resolved_at": "2026-01-15T12:00:00Z", "closed_at": "2026-01-20T12:00:00Z",
    }  # fmt: skip

    answer = post(bob, f"{LIST}backfill/", **body)

    assert answer.status_code == 201
    assert answer.json()["state"] == "closed"
    figures = {"ttd_seconds": 240, "tta_seconds": 300, "ttm_seconds": 2400, "ttr_seconds": 7200}
    assert answer.json()["metrics"] == figures
    assert Incident.objects.get().engagements.count() == 0


# -- reading -----------------------------------------------------------------------------------------------
def many(count: int, service, severity, user, at) -> None:
    for number in range(count):
        lifecycle.declare_past(
            title=f"Past {number}", severity=severity, services=[service], by=user, at=at("09:00"),
            impact_started_at=at("01:00") - timedelta(days=number),
            detected_at=at("01:05") - timedelta(days=number),
            resolved_at=at("02:00") - timedelta(days=number), detection_method="monitoring", tags=["db"],
        )  # fmt: skip


@pytest.mark.parametrize("path", [LIST, "/api/v1/metrics/?group_by=service&to=2026-03-09T09:00:00Z"])
def test_queries_do_not_grow_with_the_rows(path, bob, checkout, major, at, django_assert_num_queries):
    asked = client(bob)
    many(5, checkout, major, bob, at)
    with django_assert_num_queries(12, exact=False) as few:
        asked.get(path)
    many(45, checkout, major, bob, at)

    with django_assert_num_queries(len(few)):
        answer = asked.get(path)

    assert answer.status_code == 200


def test_lists_are_pages_that_lead_on(bob, checkout, minor, at):
    many(5, checkout, minor, bob, at)

    first = client(bob).get(LIST, {"page_size": 2}).json()
    second = client(bob).get(first["next"]).json()

    assert set(first) == {"next", "previous", "results"}
    assert [row["title"] for row in first["results"] + second["results"]] == [
        "Past 4",
        "Past 3",
        "Past 2",
        "Past 1",
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "resolved"}, 2),
        ({"state": "declared"}, 1),
        ({"open": "true"}, 1),
        ({"open": "false"}, 2),
        ({"severity": "minor"}, 2),
        ({"audience": "external"}, 3),
        ({"service": "checkout"}, 3),
        ({"service": "nothing"}, 0),
        ({"team": "payments"}, 3),
        ({"role_user": "bob"}, 0),
        ({"detection_method": "monitoring"}, 3),
        ({"root_cause_type": "change"}, 0),
        ({"tag": "db"}, 2),
        ({"tag": "d"}, 0),
        ({"impact_after": "2026-03-09T00:00:00Z"}, 2),
        ({"impact_before": "2026-03-09T00:00:00Z"}, 1),
        ({"created_after": "2026-03-09T09:30:00Z"}, 1),
        ({"search": "past 1"}, 1),
        ({"search": "checkout"}, 3),
    ],
)
def test_filters(query, found, declared, bob, checkout, minor, at):
    many(2, checkout, minor, bob, at)

    answer = client(bob).get(LIST, query)

    assert (answer.status_code, len(answer.json()["results"])) == (200, found)


@pytest.mark.parametrize(
    "query",
    [{"state": "broken"}, {"severity": "huge"}, {"created_after": "yesterday"}, {"ordering": "secret"}],
)
def test_a_filter_that_makes_no_sense_is_refused(query, bob):
    assert client(bob).get(LIST, query).status_code == 400


def test_the_timeline_is_told_oldest_first(declared, bob, at):
    timeline.note(declared, text="Seen in Grafana", by=bob, at=at("10:07"))

    entries = client(bob).get(f"{LIST}{declared.key}/timeline/").json()["results"]

    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
    assert (entries[-1]["text"], entries[-1]["actor"], entries[-1]["kind"]) == (
        "Seen in Grafana",
        "bob",
        "note",
    )


def test_csv_holds_every_row_and_no_formula(reader, bob, checkout, minor, at):
    many(60, checkout, minor, bob, at)
    Incident.objects.filter(title="Past 0").update(title='=HYPERLINK("http://evil.example")', summary="+1")

    answer = client(reader).get(LIST, {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    assert answer["Content-Type"].startswith("text/csv")
    assert len(rows) == 60
    assert (rows[-1]["title"][:2], rows[-1]["summary"]) == ("'=", "'+1")
    assert rows[0]["metrics.ttr_seconds"] == "3600"


def test_csv_takes_the_right_to_export(alice, declared):
    assert client(alice).get(LIST, {"format": "csv"}).status_code == 403


def test_metrics_by_group(reader, bob, checkout, ledger, minor, major, at):
    many(3, checkout, minor, bob, at)
    many(1, ledger, major, bob, at)

    body = (
        client(reader)
        .get(
            "/api/v1/metrics/",
            {"from": "2026-03-01T00:00:00Z", "to": "2026-03-10T00:00:00Z", "group_by": "severity"},
        )
        .json()
    )

    assert [(group["name"], group["incidents"]) for group in body["groups"]] == [("major", 1), ("minor", 3)]
    assert body["overall"]["ttd_seconds"] == {"n": 4, "missing": 0, "median": 300, "p90": 300, "mean": 300}
    assert body["overall"]["ttr_seconds"]["mean"] == 3600
    assert (body["overall"]["failures"], body["overall"]["availability_percent"] is not None) == (3, True)


@pytest.mark.parametrize("query", [{"from": "x"}, {"group_by": "colour"}, {"from": "2030-01-01T00:00:00Z"}])
def test_metrics_refuse_a_window_that_makes_no_sense(query, reader):
    assert client(reader).get("/api/v1/metrics/", query).status_code == 400


# -- bad input ---------------------------------------------------------------------------------------------
EDGES = [
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00Z",
    "2026-13-01",
    "٣",
    "\x00",
]


@pytest.mark.parametrize("value", EDGES)
@pytest.mark.parametrize(
    "name", ["created_after", "impact_before", "service", "tag", "search", "role_user", "cursor"]
)
def test_no_query_breaks_the_list(name, value, bob, declared):
    assert client(bob).get(LIST, {name: value}).status_code in (200, 400, 404)


@pytest.mark.parametrize("value", EDGES)
@pytest.mark.parametrize("name", ["from", "to"])
def test_no_window_breaks_the_metrics(name, value, bob):
    assert client(bob).get("/api/v1/metrics/", {name: value}).status_code in (200, 400)


@pytest.mark.parametrize(
    "body",
    [
        {
            "title": "x\x00\ud800\r\nBcc: a@example.com",
            "tags": ["\ud800", "=1+1"],
            "custom_fields": {"\x00": "\ud800"},
        },
        {"impact_started_at": "0001-01-01T00:00:00+14:00"},
        {"impact_started_at": "0001-01-01T00:00:00Z"},
        {"impact_started_at": "9999-12-31T23:59:59Z"},
        {"users_share": "NaN"},
        {"users_share": 7},
        {"regions_lost": 2**70},
        {"regions_lost": -1},
        {"services": ["checkout", "checkout"]},
        {"services": "checkout"},
        {"services": [{"a": 1}]},
        {"audience": ["external"]},
        {"title": {"a": 1}},
        {"title": "x" * 301},
        {"title": " \n "},
        {"summary": "{{title}} <script>alert(1)</script> {% if %}"},
        {"custom_fields": [1]},
    ],
    ids=str,
)
def test_no_declaration_breaks_a_later_page(body, bob, reader, checkout, portal):
    told = {"title": "Payments fail", "services": ["checkout"], "audience": "external", **body}

    answer = client(bob).generic("POST", LIST, json.dumps(told).encode(), content_type="application/json")

    assert answer.status_code in (201, 400, 409)
    paths = [LIST, f"{LIST}?format=csv", "/api/v1/metrics/", "/api/v1/pages/", "/api/v1/deliveries/"]
    paths += [f"{LIST}{incident.key}/timeline/" for incident in Incident.objects.all()]
    for path in paths:
        read = client(reader).get(path)
        assert read.status_code in (200, 403)
        b"".join(read.streaming_content) if read.streaming else read.content
    assert "\n" not in "".join(Incident.objects.values_list("title", flat=True))


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[1]", b'"x"', b"null", b'{"title": NaN}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_json_object_is_refused(body, bob):
    answer = client(bob).generic("POST", LIST, body, content_type="application/json")

    assert answer.status_code == 400


@pytest.mark.parametrize("key", ["INC-0", "INC-999999999999999", "inc-1x", "INC-", "0", "INC-٣", "..%2f"])
def test_a_key_that_is_none_is_not_found(key, bob):
    assert client(bob).get(f"{LIST}{key}/").status_code == 404
    assert client(bob).post(f"{LIST}{key}/close/").status_code == 404
    assert client(bob).get(f"/report/{key}/").status_code == 404
