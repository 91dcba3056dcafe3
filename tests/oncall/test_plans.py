"""Plans as plain values: hours on a clock, and JSON that reads back the same."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall import plans
from oncall.plans import HOLD, Hours, Plan, PlanStep, Target

ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
]
TIMES = ["00:00", "02:10", "02:30", "09:00", "17:00", "23:59"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]

windows = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("daily"), "from": st.sampled_from(TIMES), "to": st.sampled_from(TIMES),
         "days": st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)},
    ),
    st.fixed_dictionaries(
        {"type": st.just("weekly"), "from_day": st.sampled_from(DAYS), "from": st.sampled_from(TIMES),
         "to_day": st.sampled_from(DAYS), "to": st.sampled_from(TIMES)},
    ),
)  # fmt: skip
hours = st.builds(Hours, st.sampled_from(ZONES), st.lists(windows, min_size=1, max_size=3).map(tuple))
#: Around both changes of the clock in the north, and those of Lord Howe.
instants = st.datetimes(datetime(2026, 2, 20), datetime(2026, 11, 10)).map(lambda at: at.replace(tzinfo=UTC))


@given(hours, instants)
def test_hours_open_at_their_opening_and_not_before(found, at):
    opens = found.opening(at)

    assert opens is not None and found.are_open(opens)
    assert (opens == at) == found.are_open(at)
    assert not found.are_open(opens - timedelta(seconds=1)) or opens == at
    middle = at + (opens - at) / 2
    assert not found.are_open(middle) or opens == at


@given(hours, instants)
def test_hours_that_are_open_close_after_that(found, at):
    opens = found.opening(at)
    closes = found.closing(opens)

    assert closes > opens
    assert found.are_open(closes - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-03-28T01:20Z", "2026-03-28T01:20Z"),  # inside, an ordinary day: 02:20 in Berlin
        ("2026-03-29T00:30Z", "2026-03-30T00:10Z"),  # the clock jumps over that day's window
        ("2026-10-25T00:05Z", "2026-10-25T00:10Z"),  # shown twice: it is the first time
        ("2026-10-25T01:15Z", "2026-10-26T01:10Z"),
    ],
)
def test_a_window_in_the_hour_that_the_clock_skips_or_repeats(at, opens):
    found = Hours("Europe/Berlin", ({"type": "daily", "from": "02:10", "to": "02:30"},))

    assert found.opening(datetime.fromisoformat(at)) == datetime.fromisoformat(opens)


def test_a_plan_reads_back_as_it_was_written():
    step = PlanStep(
        300, (Target("user", "Alice", 1), Target("webhook", "x", url="https://x.example")), id=7,
        everyone=True, hours=Hours("Europe/Berlin", ({"type": "daily", "from": "09:00", "to": "17:00"},), HOLD),
    )  # fmt: skip
    plan = Plan("Night", 2, 1800, (step,), ack_grace_s=60, wait_for_duty=True, version=4)

    assert plans.read(plan.as_json()) == plan


def test_a_plan_of_an_older_version_has_the_usual_rules():
    old = {"name": "Night", "repeat": 1, "ack_timeout_s": None, "steps": [
        {"after_s": 0, "targets": [{"kind": "team", "id": 3, "name": "Ops", "url": ""}]}]}  # fmt: skip

    plan = plans.read(old)

    assert (plan.ack_grace_s, plan.wait_for_duty, plan.version) == (300, False, None)
    assert (plan.steps[0].id, plan.steps[0].hours, plan.steps[0].everyone) == (None, None, False)
