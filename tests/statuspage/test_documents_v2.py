"""The documents of the public API have the shape of Statuspage's, key by key and in order of keys."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from statuspage.documents import v2
from tests.statuspage import northwind

CASES = Path(__file__).parents[1] / "cases/statuspage_v2"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)")
RENDERED = {
    "summary.json": v2.summary,
    "summary_all_operational.json": v2.summary,
    "summary_empty_page.json": v2.summary,
    "status.json": v2.status,
    "components.json": v2.components,
    "incidents.json": v2.incidents,
    "incidents_unresolved.json": v2.unresolved,
    "scheduled-maintenances.json": v2.maintenances,
    "scheduled-maintenances_upcoming.json": v2.upcoming,
    "scheduled-maintenances_active.json": v2.active,
}


def everything():
    outage = northwind.outage()
    return replace(outage, posts=(northwind.LEDGER, *outage.posts))


def keys(sample, given):
    """Every object of ``given`` has exactly the keys that objects at its place have in the sample."""
    known: dict[str, set] = {}

    def learn(value, place):
        if isinstance(value, dict):
            known.setdefault(place, set()).add(tuple(value))
            for key, item in value.items():
                learn(item, f"{place}.{key}")
        elif isinstance(value, list):
            for item in value:
                learn(item, f"{place}[]")

    learn(sample, "")

    def check(value, place):
        if isinstance(value, dict):
            assert place not in known or tuple(value) in known[place], place
            for key, item in value.items():
                check(item, f"{place}.{key}")
        elif isinstance(value, list):
            for item in value:
                check(item, f"{place}[]")

    check(given, "")


@pytest.mark.parametrize("name", RENDERED)
def test_every_document_has_the_keys_of_statuspages(name):
    sample = json.loads((CASES / name).read_text())

    given = json.loads(RENDERED[name](everything()))

    keys(sample, given)
    assert tuple(given) == tuple(sample)


def test_every_instant_has_three_digits_and_an_offset():
    document = json.loads(v2.summary(everything()))

    def walk(value, key=""):
        if isinstance(value, dict):
            for name, item in value.items():
                walk(item, name)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif key.endswith(("_at", "_for", "_until")) and value is not None:
            assert INSTANT.fullmatch(value), (key, value)

    walk(document)


def test_instants_are_those_of_the_pages_zone():
    page = replace(northwind.operational(), site=northwind.site(time_zone="America/Denver"))

    document = json.loads(v2.status(page))

    assert document["page"]["time_zone"] == "America/Denver"
    assert document["page"]["updated_at"] == "2026-11-23T07:41:00.000-07:00"


def test_the_summary_holds_what_is_open_and_what_is_to_come():
    document = json.loads(v2.summary(everything()))

    assert [one["id"] for one in document["incidents"]] == ["europecards0"]
    assert [one["id"] for one in document["scheduled_maintenances"]] == ["ledgerupgr00", "firmware0000"]
    assert document["status"] == {"indicator": "major", "description": "Partial System Outage"}


def test_an_empty_page_is_operational():
    page = replace(northwind.operational(), components=(), posts=())

    document = json.loads(v2.summary(page))

    assert document["status"]["indicator"] == "none"
    assert document["components"] == document["incidents"] == document["scheduled_maintenances"] == []


def test_a_cancelled_maintenance_is_shown_as_completed_which_every_client_knows():
    cancelled = replace(northwind.FIRMWARE, status="cancelled", resolved_at=northwind.NOW)
    page = replace(northwind.operational(), posts=(cancelled,))

    document = json.loads(v2.maintenances(page))

    assert document["scheduled_maintenances"][0]["status"] == "completed"


def test_a_group_carries_its_worst_child_and_lists_its_children():
    document = json.loads(v2.components(everything()))

    group = next(one for one in document["components"] if one["name"] == "Payments")
    assert (group["group"], group["status"], len(group["components"])) == (True, "major_outage", 5)
