"""What webhooks and channels of chat are sent, against Statuspage's own samples."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from oncall.messaging.render import fill
from statuspage.documents import chat, hooks
from tests.statuspage import northwind

CASES = Path(__file__).parents[1] / "cases/statuspage_v2"
DOCS = "https://docs.example.com/status/webhooks"
VALUES = {
    "unsubscribe_url": "https://status.example.com/u/3f0c/",
    "manage_url": "https://x.example/manage/1/",
}
CHANGE = hooks.Change(
    "w3nd72kxq5zh", northwind.ident("API"), "operational", "degraded_performance", northwind.NOW
)


def received(text):
    """The body as its receiver reads it."""
    return json.loads(fill(text, VALUES))


def shape(value):
    """Keys in their order, and the kinds of values, nulls as the kind that a sample can show."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value).__name__


def keys(value):
    if isinstance(value, dict):
        return [(key, keys(inner)) for key, inner in value.items()]
    return [keys(inner) for inner in value[:1]] if isinstance(value, list) else None


def sample(name):
    return json.loads((CASES / f"webhook_{name}.json").read_text("utf-8"))


def told(page, post, **planned):
    return received(hooks.post(page, post, hooks.Planned(**planned), documentation=DOCS))


def test_an_incident_has_the_keys_of_statuspages_sample_in_their_order():
    body = told(northwind.outage(), northwind.EUROPE)

    assert keys(body) == keys(sample("incident"))
    assert body["meta"]["unsubscribe"] == VALUES["unsubscribe_url"]
    assert body["page"]["status_indicator"] == "major"
    assert [one["status"] for one in body["incident"]["incident_updates"]] == [
        "identified",
        "investigating",
        "investigating",
    ]


def test_a_maintenance_has_the_keys_of_statuspages_sample_in_their_order():
    page = northwind.maintenance()
    affected = (northwind.Affected(northwind.ident("Payouts"), "Payments - Payouts", "operational", "x"),)
    post = replace(
        northwind.LEDGER,
        updates=(replace(northwind.LEDGER.updates[0], affected=affected), *northwind.LEDGER.updates[1:]),
    )

    body = told(page, post, auto_start=True)

    assert keys(body) == keys(sample("maintenance"))
    assert body["incident"]["scheduled_for"] == "2026-11-23T14:00:00.000Z"
    assert body["incident"]["scheduled_auto_in_progress"] is True


def test_a_component_update_has_the_keys_and_kinds_of_statuspages_sample():
    page = northwind.outage()
    component = page.by_id[northwind.ident("Card payments")]

    body = received(hooks.component_update(page, component, CHANGE, documentation=DOCS))

    assert keys(body) == keys(sample("component"))
    assert shape(body) == shape(sample("component"))
    assert body["component"]["status"] == "degraded_performance"


def test_a_post_mortem_is_told_with_its_text_and_time():
    mortem = northwind.update("postmortem", "11-23 18:00", "What we learnt.", n=9)
    post = replace(northwind.EUROPE, status="postmortem", updates=(mortem, *northwind.EUROPE.updates))

    incident = told(northwind.outage(), post)["incident"]

    assert incident["postmortem_body"] == "What we learnt."
    assert incident["postmortem_published_at"] == "2026-11-23T18:00:00.000Z"


@pytest.mark.parametrize("text", ["{{manage_url}}", "{{{{unsubscribe_url}}}}", '"}],{{{', "\\u0001x\\u0001"])
def test_what_people_write_is_told_as_it_is_and_opens_nothing(text):
    post = replace(northwind.EUROPE, updates=(northwind.update("identified", "11-23 14:32", text),))

    body = told(northwind.outage(), post)
    card = received(chat.teams(chat.Note(text, text, text, foot=chat.hooks.left_open("manage_url"))))

    assert body["incident"]["incident_updates"][0]["body"] == text
    assert card["attachments"][0]["content"]["actions"][0]["url"] == VALUES["manage_url"]
    assert card["attachments"][0]["content"]["body"][0]["text"] == text


def note():
    return chat.update(northwind.outage(), northwind.EUROPE, northwind.EUROPE.updates[0])


def test_slack_gets_blocks_in_which_nothing_calls_a_channel():
    hostile = replace(note(), text="<!channel> <https://evil.example|click> & more")

    body = received(chat.slack(hostile))

    assert [block["type"] for block in body["blocks"]] == ["header", "section", "section", "context"]
    assert "<!channel>" not in json.dumps(body) and "<https://evil" not in json.dumps(body)
    assert VALUES["manage_url"] in body["blocks"][-1]["elements"][0]["text"]
    assert "Card payments" in body["blocks"][2]["fields"][0]["text"]


def test_teams_gets_an_adaptive_card_with_links_that_open():
    body = received(chat.teams(note()))

    content = body["attachments"][0]["content"]
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.4")
    assert [action["url"] for action in content["actions"]] == [
        "https://status.northwindpay.example/incidents/europecards0/",
        VALUES["manage_url"],
    ]
