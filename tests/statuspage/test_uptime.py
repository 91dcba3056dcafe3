import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statuspage import rollup, uptime

CASES = json.loads((Path(__file__).parents[1] / "cases/uptime.json").read_text())["cases"]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def interval(row):
    return uptime.Interval(
        row["status"],
        datetime.fromisoformat(row["start"]),
        datetime.fromisoformat(row["end"]) if row["end"] else None,
    )


def rows_of(case):
    start = case.get("start_date")
    return uptime.days(
        [interval(row) for row in case.get("intervals", [])],
        now=datetime.fromisoformat(case["now"]),
        zone=ZoneInfo(case.get("tz", "UTC")),
        window_days=case.get("window_days", 90),
        start_date=date.fromisoformat(start) if start else None,
    )


def figure_of(case, rows):
    now = datetime.fromisoformat(case["now"])
    begun = uptime.midnight(rows[-1].date, ZoneInfo(case.get("tz", "UTC")))
    return uptime.percentage(
        rows,
        exclude_maintenance=case.get("exclude_maintenance_from_denominator", False),
        today_elapsed_s=int((now - begun).total_seconds()) if case.get("today") == "elapsed" else None,
    )


def as_bar(day):
    return {
        "date": day.date.isoformat(),
        "p": day.partial_s,
        "m": day.major_s,
        "maintenance": day.maintenance_s,
        "worst": day.worst,
        "colour": uptime.statuspage_colour(day),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_worked_cases(case):
    rows, expect = rows_of(case), case["expect"]

    if "uptime" in expect:
        assert figure_of(case, rows) == Decimal(expect["uptime"])
    if "days" in expect:
        assert len(rows) == expect["days"]
    if "no_data_days" in expect:
        assert sum(not row.has_data for row in rows) == expect["no_data_days"]
    if "bars" in expect:
        bars = [as_bar(row) for row in rows if row.has_data and row.worst != rollup.OPERATIONAL]
        assert [{key: bar[key] for key in want} for bar, want in zip(bars, expect["bars"], strict=True)] == (
            expect["bars"]
        )


def down(minutes, status=rollup.MAJOR):
    start = NOON - timedelta(days=3)
    return uptime.Interval(status, start, start + timedelta(minutes=minutes))


def day_of(*intervals):
    return uptime.days(intervals, now=NOON, zone=ZoneInfo("UTC"))[-4]


@pytest.mark.parametrize(
    ("intervals", "step"),
    [
        ([], "ok"),
        ([down(30, rollup.MAINTENANCE)], "maintenance"),
        ([down(600, rollup.DEGRADED)], "low"),
        ([down(19)], "low"),
        ([down(20)], "medium"),
        ([down(60, rollup.PARTIAL)], "low"),
        ([down(67, rollup.PARTIAL)], "medium"),
        ([down(60)], "full"),
    ],
)
def test_the_height_of_a_bar_follows_the_weighted_downtime(intervals, step):
    assert uptime.step(day_of(*intervals)) == step


def test_today_is_never_lower_than_the_state_now():
    assert uptime.step(day_of(), status_now=rollup.PARTIAL) == "medium"


def test_no_data_is_not_a_hundred_percent():
    rows = uptime.days([], now=NOON, zone=ZoneInfo("UTC"), start_date=date(2027, 1, 1))

    assert uptime.percentage(rows) is None
    assert uptime.step(rows[0]) == "none"


def test_a_group_is_the_mean_of_exact_figures_not_of_displayed_ones():
    first = uptime.days([down(430)], now=NOON, zone=ZoneInfo("UTC"))
    second = uptime.days([down(431)], now=NOON, zone=ZoneInfo("UTC"))

    figure = uptime.group_percentage([first, second])

    assert figure == uptime.cut(100 * (1 - uptime.Fraction((430 + 431) * 30, 90 * 86400)))


def test_a_groups_day_is_the_floor_of_its_childrens_mean():
    rows = uptime.group_days(
        [
            uptime.days([down(1)], now=NOON, zone=ZoneInfo("UTC")),
            uptime.days([], now=NOON, zone=ZoneInfo("UTC")),
            uptime.days([], now=NOON, zone=ZoneInfo("UTC"), start_date=NOON.date()),
        ]
    )

    assert rows[-4].major_s == 30


statuses = st.sampled_from(rollup.SEVERITY_ORDER)
minutes_ago = st.integers(min_value=0, max_value=100 * 24 * 60)


@given(st.lists(st.tuples(statuses, minutes_ago, st.integers(0, 5000)), max_size=8))
def test_no_day_holds_more_than_itself_and_the_figure_stays_in_range(raw):
    intervals = [
        uptime.Interval(status, begin := NOON - timedelta(minutes=ago), begin + timedelta(minutes=length))
        for status, ago, length in raw
    ]

    rows = uptime.days(intervals, now=NOON, zone=ZoneInfo("Europe/Berlin"))

    for row in rows:
        assert row.major_s + row.partial_s + row.degraded_s + row.maintenance_s <= row.length_s
    assert 0 <= uptime.percentage(rows) <= 100
