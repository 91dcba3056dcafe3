import json
from pathlib import Path

import pytest

from statuspage import rollup

CASES = json.loads((Path(__file__).parents[1] / "cases/statuspage_v2/top_level.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["description"])
def test_the_page_says_what_its_components_amount_to(case):
    status = rollup.top_level(case["components"])

    assert (status.indicator, status.description) == (case["indicator"], case["description"])


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        (["major_outage", "operational"], ("major", "Partial System Outage")),
        (["major_outage", "partial_outage"], ("major", "Partial System Outage")),
        (["partial_outage", "degraded_performance"], ("minor", "Minor Service Outage")),
        (["degraded_performance"] * 2, ("minor", "Degraded System Service")),
        (["under_maintenance", "degraded_performance"], ("minor", "Partially Degraded Service")),
        (["under_maintenance", "operational"], ("maintenance", "Service Under Maintenance")),
        (["under_maintenance"], ("maintenance", "Service Under Maintenance")),
    ],
)
def test_all_rules_come_before_any_rules(components, expected):
    status = rollup.top_level(components)

    assert (status.indicator, status.description) == expected


def test_an_outage_during_maintenance_is_an_outage():
    assert rollup.worst(["under_maintenance", "partial_outage", "operational"]) == "partial_outage"


@pytest.mark.parametrize(
    ("statuses", "impact"),
    [
        ([], "none"),
        (["under_maintenance"], "none"),
        (["degraded_performance", "operational"], "minor"),
        (["partial_outage", "degraded_performance"], "major"),
        (["major_outage"], "critical"),
    ],
)
def test_the_impact_is_that_of_the_worst_component(statuses, impact):
    assert rollup.impact(statuses) == impact


def test_an_impact_only_rises():
    assert rollup.worse_impact("critical", "minor") == "critical"
