"""Every worked case of ``tests/cases/oncall.json`` through the pure function."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oncall import rotation

CASES = json.loads((Path(__file__).parents[1] / "cases" / "oncall.json").read_text())


def instant(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def minutes(value):
    return value.strftime("%Y-%m-%dT%H:%MZ")


def answer(schedule, query):
    """What the schedule says, in the words of the case's ``expected``."""
    kind = query["type"]
    if kind == "at":
        return {"on_call": list(rotation.on_call_at(schedule, instant(query["at"])).people)}
    if kind == "next_change":
        change = rotation.next_change(schedule, instant(query["at"]))
        return {"at": change and minutes(change)}
    span = instant(query["from"]), instant(query["to"])
    if kind == "handoffs":
        return {"handoffs": [minutes(at) for at in rotation.handoffs(schedule, query["layer"], *span)]}
    if kind == "totals":
        totals = rotation.totals(schedule, *span)
        return {"minutes": {user: time.total_seconds() / 60 for user, time in totals.items()}}
    if kind == "gaps":
        found = rotation.gaps(schedule, *span)
        return {"gaps": [{"start": minutes(gap.start), "end": minutes(gap.end)} for gap in found]}
    return {
        "segments": [
            {"start": minutes(s.start), "end": minutes(s.end), "on_call": list(s.people)}
            for s in rotation.final(schedule, *span)
        ]
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_worked_case_is_answered_as_derived_by_hand(case):
    schedule = rotation.parse(case["schedule"])

    assert answer(schedule, case["query"]) == case["expected"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_form_that_was_read_and_written_again_says_the_same(case):
    schedule = rotation.parse(rotation.dump(rotation.parse(case["schedule"])))

    assert answer(schedule, case["query"]) == case["expected"]
