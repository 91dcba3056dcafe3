"""Every recorded request of the tools we understand, and what it must become."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.intake import guard
from incidents.intake.dialects import DIALECTS, ParseError, Status, base, pagerduty

SAMPLES = Path(__file__).parents[2] / "cases" / "payloads"
UNDERSTOOD = sorted(path for name in DIALECTS for path in SAMPLES.glob(f"{name}-*.json"))
COMPARED = ("dedup_key", "status", "severity", "summary", "service_hint")


def parse(dialect, **body):
    return DIALECTS[dialect].parse(body, {})


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_text())["body"]


def moment(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("path", UNDERSTOOD, ids=lambda path: path.stem)
def test_recorded_request(path):
    case = json.loads(path.read_text())
    expected = case["_expect"]
    dialect = DIALECTS[path.stem.split("-")[0]]
    if expected.get("http") == 400:
        assert dialect.complaints(case["body"]) == expected["response"]["errors"]
        return

    notification = dialect.parse(guard.load(json.dumps(case["body"]).encode()), {})

    if "group_key" in expected:
        assert notification.group_key == expected["group_key"]
        assert notification.group_status == expected["group_status"]
    if expected.get("heartbeat"):
        assert [event.status for event in notification.events] == [Status.HEARTBEAT]
        return
    if expected.get("timeline") == "change event":
        assert [event.status for event in notification.events] == [Status.CHANGE]
        return
    assert [
        _as_expected(event, want) for event, want in zip(notification.events, expected["alerts"], strict=True)
    ] == (expected["alerts"])


def _as_expected(event, want):
    """The event in the words of the sample, with the keys that the sample names."""
    told = {name: str(getattr(event, name)) for name in COMPARED} | {"links": list(event.links)}
    for name in ("started_at", "ended_at"):
        if name in want and getattr(event, name) == moment(want[name]):
            told[name] = want[name]
    return {name: told.get(name) for name in want}


# -- alertmanager ------------------------------------------------------------------------------------------
def member(**changed):
    return {"status": "firing", "labels": {"alertname": "Down"}, "fingerprint": "f1"} | changed


def test_a_group_that_is_over_closes_members_it_does_not_list():
    notification = parse("alertmanager", **sample("alertmanager-resolved"))

    assert notification.closes_unlisted


def test_absence_from_a_truncated_group_says_nothing():
    whole = sample("alertmanager-firing")

    assert parse("alertmanager", **whole).closes_unlisted
    assert not parse("alertmanager", **whole | {"truncatedAlerts": 3}).closes_unlisted
    assert parse("alertmanager", **whole | {"truncatedAlerts": 3, "status": "resolved"}).closes_unlisted


@pytest.mark.parametrize("alerts", [None, [], "x", [None, 1], {}])
def test_a_group_without_alerts_is_not_understood(alerts):
    with pytest.raises(ParseError):
        parse("alertmanager", status="firing", groupKey="g", alerts=alerts)


def test_the_zero_time_means_still_firing():
    (event,) = parse("alertmanager", alerts=[member(endsAt="0001-01-01T00:00:00Z")]).events

    assert (event.status, event.ended_at) == (Status.FIRING, None)


def test_a_firing_alert_has_no_end_although_the_tool_names_one():
    (event,) = parse("alertmanager", alerts=[member(endsAt="2026-11-23T09:12:08Z")]).events

    assert event.ended_at is None


def test_an_unknown_status_does_not_silence_an_alert():
    (event,) = parse("alertmanager", alerts=[member(status="exploded")]).events

    assert event.status == Status.FIRING


def test_a_long_group_key_is_kept_as_its_digest():
    one, other = (
        parse("alertmanager", groupKey="g" * 300 + end, alerts=[member()]).group_key for end in "12"
    )

    assert one.startswith("sha256:")
    assert one != other


def test_a_member_without_a_fingerprint_is_known_by_its_labels():
    one, same, other = (
        parse("alertmanager", alerts=[member(fingerprint=None, labels=words)]).events[0].dedup_key
        for words in ({"a": "1", "b": 2}, {"b": 2, "a": "1"}, {"a": "1"})
    )

    assert one == same != other


def test_a_broken_member_does_not_take_its_neighbours_along():
    notification = parse("alertmanager", alerts=[None, member(labels=None, annotations=[1], startsAt=7), 3])

    assert [event.summary for event in notification.events] == ["Alert without a name"]


def test_an_alert_without_a_summary_is_named_after_its_rule_and_instance():
    (event,) = parse(
        "alertmanager", alerts=[member(labels={"alertname": "Down", "instance": "web-1"})]
    ).events

    assert event.summary == "Down web-1"


# -- pagerduty ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "event_action"),
        ({"event_action": ["trigger"]}, "event_action"),
        ({"event_action": "acknowledge"}, "'dedup_key' is missing or blank"),
        ({"event_action": "resolve", "dedup_key": "x" * 256}, "too long"),
        ({"event_action": "trigger", "payload": "x"}, "'payload.source' is missing or blank"),
        ({"event_action": "trigger", "payload": {"severity": "bad"}}, "'payload.severity' must be one of"),
        ({"event_action": "trigger", "payload": {"severity": []}}, "'payload.severity' must be one of"),
    ],
)
def test_what_pagerduty_refuses_we_refuse(body, complaint):
    assert any(complaint in found for found in pagerduty.complaints(body))


def test_without_a_key_the_same_event_sent_again_is_the_same_alert():
    body = sample("pagerduty-trigger") | {"dedup_key": None}

    again = pagerduty.dedup_key(body | {"routing_key": "another of the same source"})

    assert pagerduty.dedup_key(body) == again
    assert pagerduty.dedup_key(body | {"payload": {"summary": "other"}}) != again


# -- json --------------------------------------------------------------------------------------------------
def test_a_summary_is_all_it_takes():
    (event,) = parse("json", summary="Disk full").events

    assert (event.status, event.severity, event.summary) == (Status.FIRING, "", "Disk full")
    assert event.dedup_key == parse("json", summary="Disk full").events[0].dedup_key
    assert event.dedup_key != parse("json", summary="Disk full", service="db").events[0].dedup_key


def test_everything_a_script_may_say():
    (event,) = parse(
        "json",
        dedup_key="db-1/disk",
        status="resolved",
        severity="P1",
        summary="Disk",
        service="db",
        links=["https://a.example", {"href": "https://b.example"}, "javascript:alert(1)", 3],
        labels={"host": "db-1", "free": 5, "": "x"},
        started_at="2026-11-23T10:00:00+01:00",
    ).events

    assert (event.dedup_key, event.status, event.severity, event.service_hint) == (
        "db-1/disk", Status.RESOLVED, "critical", "db",
    )  # fmt: skip
    assert event.links == ("https://a.example", "https://b.example")
    assert event.labels == {"host": "db-1", "free": "5"}
    assert event.started_at == datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize("body", [{}, {"summary": "  "}, {"status": "resolved"}, {"title": "a"}])
def test_a_script_that_says_nothing_is_told(body):
    assert DIALECTS["json"].complaints(body) == ["'summary' is missing"]


def test_a_recovery_needs_only_its_key():
    assert DIALECTS["json"].complaints({"dedup_key": "k", "status": "resolved"}) == []


# -- what all share ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  db-1/disk ", "db-1/disk"),
        ("e\u0301tat", "état"),
        ("Disk", "Disk"),
        ("🔥", "🔥"),
        ("a\u200bb\u202ec\r\nd", "abc d"),
        (7, "7"),
        (None, ""),
    ],
)
def test_keys_are_compared_clean(sent, kept):
    assert base.key(sent) == kept


def test_a_summary_shows_nothing_hidden_and_stays_one_line():
    assert base.line("pay\u202eroll\x07\r\nBcc: x@example.com\u2028 now") == "payroll Bcc: x@example.com now"
    assert len(base.line("x" * 5_000)) == base.MAX_SUMMARY


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "java\nscript:x", "ftp://a.example", "//a.example", "http://", "https://a b"]
    + ["data:,x", None, 5, "http://[1"],
)
def test_only_links_a_browser_may_follow_are_kept(url):
    assert base.links(url, "https://ok.example") == ("https://ok.example",)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2026-02-30", "soon", "", None, 1e20]
)
def test_an_impossible_time_is_unknown(text):
    assert base.instant(text) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
fields = st.sampled_from(
    ["alerts", "status", "groupKey", "labels", "annotations", "fingerprint", "startsAt", "event_action"]
    + ["payload", "dedup_key", "summary", "severity", "links", "truncatedAlerts", "started_at", "client_url"]
)


@given(st.sampled_from(sorted(DIALECTS)), st.dictionaries(fields, json_values, max_size=8))
def test_no_body_breaks_a_parser(name, body):
    dialect = DIALECTS[name]
    dialect.complaints(body)
    try:
        notification = dialect.parse(body, {})
    except ParseError:
        return

    for event in notification.events:
        assert 0 < len(event.dedup_key) <= base.MAX_KEY
        assert len(event.summary) <= base.MAX_SUMMARY
