"""Every worked case of metrics.json, walked by its ``op``; then the rules that the file only implies."""

import json
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.metrics import aggregates, availability, calendars, clocks, durations, failures
from incidents.metrics.availability import Impact
from incidents.metrics.spans import Span, floored, minus, total

CASES = json.loads((Path(__file__).parents[1] / "cases" / "metrics.json").read_text())["cases"]
INSTANTS = ("start", "end", "mitigated", "resolved")


def instant(text):
    return None if text is None else datetime.fromisoformat(text)


def span(pair):
    return Span(*map(instant, pair))


def impacts(rows):
    return [
        Impact(
            **{key: instant(row[key]) for key in INSTANTS if key in row},
            level=row.get("level", "full"),
            weight=Fraction(row["weight"]) if "weight" in row else None,
        )
        for row in rows
    ]


def setting(case):
    return {
        "maintenance": [span(pair) for pair in case.get("maintenance", [])],
        "now": instant(case.get("now")),
    }


def measure_durations(case):
    given = {key: value for key, value in case.items() if key not in ("now", "mitigations", "proactive")}
    milestones = durations.Milestones(
        **{key: instant(value) for key, value in given.items()},
        mitigations=tuple(map(instant, case.get("mitigations", []))),
        proactive=case.get("proactive", False),
    )
    measured = durations.durations(milestones, now=instant(case.get("now")))
    return vars(measured) | measured.values | {"errors": list(measured.errors)}


def measure_groups(case):
    groups, overall = aggregates.aggregate_groups(case["groups"])
    return {"groups": {name: group.mean for name, group in groups.items()}, "overall": overall.mean}


def measure_availability(case):
    measured = availability.availability(span(case["window"]), impacts(case["impacts"]), **setting(case))
    return {
        "downtime": str(measured.downtime),
        "denominator": measured.denominator,
        "availability_pct": measured.percent(),
    }


def measure_group_availability(case):
    components = {name: impacts(rows) for name, rows in case["components"].items()}
    shares = {name: Fraction(share) for name, share in case.get("shares", {}).items()}
    return availability.group_availability(
        span(case["window"]), components, shares=shares, **setting(case)
    ).percents()


def measure_mtbf(case):
    measured = vars(failures.mtbf(span(case["window"]), impacts(case["impacts"]), **setting(case)))
    return measured | {"gaps": list(measured["gaps"])}


def measure_business(case):
    opens, closes = (time.fromisoformat(text) for text in case["hours"])
    hours = calendars.BusinessHours(
        zone=case["zone"],
        days=frozenset(case["days"]),
        opens=opens,
        closes=closes,
        holidays=frozenset(map(date.fromisoformat, case["holidays"])),
    )
    return {"seconds": calendars.business_seconds(instant(case["start"]), instant(case["end"]), hours)}


def measure_due_date(case):
    due = calendars.due_date(
        instant(case["from"]),
        zone=case["zone"],
        business_days=case["business_days"],
        holidays=frozenset(map(date.fromisoformat, case["holidays"])),
    )
    return {"due": due.isoformat()}


def measure_cadence(case):
    lengths = {name: timedelta(seconds=case[name]) for name in ("first_within", "every")}
    moments = {name: instant(case.get(name)) for name in ("declared", "last_update", "now", "promised")}
    owed = clocks.cadence(**lengths, **moments, state=case["state"])
    return vars(owed) | {"due": owed.due and owed.due.isoformat().replace("+00:00", "Z")}


def measure_budget(case):
    measured = availability.Availability(Fraction(case["downtime"]), Fraction(case["denominator"]))
    budget = availability.error_budget(Fraction(case["target"]), measured)
    return {
        "budget": str(budget.budget),
        "remaining": str(budget.remaining),
        "remaining_pct": budget.remaining_percent(),
        "breached": budget.breached,
    }


def measure_sla(case):
    clock = clocks.sla_clock(
        limit=timedelta(seconds=case["limit"]),
        start=instant(case["start"]),
        stop=instant(case["stop"]),
        pauses=[tuple(map(instant, pair)) for pair in case["pauses"]],
    )
    return vars(clock)


def measure_follow_ups(case):
    def day(text):
        return text and date.fromisoformat(text)

    items = [clocks.FollowUp(due=day(item["due"]), done=day(item["done"])) for item in case["items"]]
    return vars(clocks.follow_ups(items, today=instant(case["now"]).date()))


def measure_cost(case):
    measured = clocks.cost(
        rate_per_hour=Fraction(case["rate_per_hour"]),
        role_seconds=case["role_seconds"],
        multipliers={role: Fraction(weight) for role, weight in case["multipliers"].items()},
        lost_per_minute=Fraction(case["lost_per_minute"]),
        weighted_downtime=Fraction(case["weighted_downtime"]),
    )
    return {"response": str(measured.response), "impact": str(measured.impact), "total": str(measured.total)}


OPERATIONS = {
    "durations": measure_durations,
    "aggregate": lambda case: vars(aggregates.aggregate(case["values"])),
    "aggregate_groups": measure_groups,
    "bucket": lambda case: {
        zone: aggregates.month_bucket(instant(case["at"]), zone) for zone in case["zones"]
    },
    "availability": measure_availability,
    "group_availability": measure_group_availability,
    "mtbf": measure_mtbf,
    "business_duration": measure_business,
    "due_date": measure_due_date,
    "cadence": measure_cadence,
    "error_budget": measure_budget,
    "sla_clock": measure_sla,
    "followups": measure_follow_ups,
    "cost": measure_cost,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_worked_case(case):
    measured = OPERATIONS[case["op"]](case["input"])

    assert {key: measured[key] for key in case["expected"]} == case["expected"]


# -- what the cases only imply -----------------------------------------------------------------------------
DAY = Span(datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 1, 16, tzinfo=UTC))


def at(clock, day=15):
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def test_durations_are_elapsed_time_across_a_change_of_clocks():
    berlin = ZoneInfo("Europe/Berlin")
    started = datetime(2026, 3, 29, 1, 30, tzinfo=berlin)

    measured = durations.durations(durations.Milestones(started=started, detected=started.replace(hour=3)))

    assert measured.ttd == 3600  # 01:30 to 03:30 on the wall


def test_a_resolution_before_the_start_is_an_error_and_no_duration():
    measured = durations.durations(durations.Milestones(started=at("10:00"), resolved=at("09:00")))

    assert (measured.ttr, measured.ttm) == (None, None)
    assert "resolved<started" in measured.errors


def test_an_acknowledgement_before_the_detection_loses_only_its_own_metric():
    measured = durations.durations(
        durations.Milestones(started=at("10:00"), detected=at("10:10"), acknowledged=at("10:05"))
    )

    assert (measured.ttd, measured.tta, measured.errors) == (600, None, ("acknowledged<detected",))


def test_a_reopened_incident_keeps_its_first_mitigation_while_it_is_open():
    measured = durations.durations(
        durations.Milestones(started=at("10:00"), mitigations=(at("10:30"),)), now=at("12:00")
    )

    assert (measured.ttm, measured.ttm_first, measured.reopen_count, measured.open_age) == (
        None,
        1800,
        1,
        7200,
    )


def test_nothing_to_aggregate_is_unknown_not_zero():
    measured = aggregates.aggregate([None, None])

    assert vars(measured) == {"n": 0, "missing": 2, "mean": None, "median": None, "p90": None}


def test_the_90th_percentile_is_a_value_that_occurred():
    assert aggregates.aggregate(range(1, 11)).p90 == 9
    assert aggregates.aggregate(range(1, 12)).p90 == 10
    assert aggregates.aggregate([7]).p90 == 7


@pytest.mark.parametrize(
    ("state", "kind", "counted"),
    [
        ("closed", "incident", True),
        ("cancelled", "", False),
        ("merged", "", False),
        ("closed", "drill", False),
    ],
)
def test_false_alarms_duplicates_and_drills_are_no_incidents(state, kind, counted):
    assert aggregates.counts(state=state, kind=kind) is counted


def test_a_window_that_is_all_maintenance_has_no_availability():
    measured = availability.availability(DAY, [Impact(at("10:00"), at("11:00"))], maintenance=[DAY])

    assert (measured.denominator, measured.percent()) == (0, None)


def test_harm_stops_when_users_are_no_longer_hurt():
    impact = Impact(at("10:00"), mitigated=at("10:30"), resolved=at("12:00"))

    assert availability.availability(DAY, [impact], now=at("18:00")).downtime == 1800


def test_an_open_impact_runs_until_now():
    assert availability.availability(DAY, [Impact(at("10:00"))], now=at("11:00")).downtime == 3600


def test_degraded_service_is_up_and_no_failure():
    impact = Impact(at("10:00"), at("11:00"), level="degraded")

    assert availability.availability(DAY, [impact]).percent() == "100.0000"
    assert failures.mtbf(DAY, [impact]).mtbf is None


def test_edges_union_partial_maintenance_and_open_end_together():
    rows = [
        Impact(at("23:00", day=14), at("00:30")),
        Impact(at("03:00"), at("05:00")),
        Impact(at("10:00"), at("12:00"), level="partial"),
        Impact(at("11:30")),
    ]
    maintenance = [Span(at("02:00"), at("04:00"))]

    measured = availability.availability(DAY, rows, maintenance=maintenance, now=at("12:00"))

    assert measured.downtime == 1800 + 3600 + 5400 * Fraction(3, 10) + 1800
    assert measured.denominator == 12 * 3600 - 7200


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)])
def test_a_local_day_is_as_long_as_its_clock_says(day, hours):
    window = availability.local_day(date.fromisoformat(day), "Europe/Berlin")

    assert availability.availability(window, []).denominator == hours * 3600


def test_a_product_can_be_weighted_by_traffic():
    components = {"a": [Impact(at("10:00"), at("11:00"))], "b": []}

    measured = availability.group_availability(
        DAY, components, shares={"a": Fraction("0.25"), "b": Fraction("0.75")}
    )

    assert measured.percents() == {"worst": "95.8333", "mean": "97.9166", "weighted": "98.9583"}


def test_without_a_failure_there_is_no_mean_but_a_length():
    measured = failures.mtbf(DAY, [])

    assert (measured.failures, measured.mtbf, measured.uptime) == (0, None, 86400)


def test_a_failure_inside_maintenance_is_none():
    maintenance = [Span(at("02:00"), at("04:00"))]

    measured = failures.mtbf(DAY, [Impact(at("02:30"), at("03:00"))], maintenance=maintenance)

    assert (measured.failures, measured.uptime) == (0, 79200)


def test_business_hours_over_a_night_of_changing_clocks_are_what_the_clock_ran():
    hours = calendars.BusinessHours(
        zone="Europe/Berlin", days=frozenset(range(7)), opens=time(22), closes=time(6)
    )

    worked = calendars.business_seconds(
        datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC), hours
    )

    assert worked == 7 * 3600


def test_a_holiday_is_no_business_day():
    holiday = frozenset({date(2026, 1, 19)})

    due = calendars.due_date(at("16:00", day=16), zone="UTC", business_days=2, holidays=holiday)
    worked = calendars.business_seconds(
        at("16:00", day=16), at("10:00", day=20), calendars.BusinessHours("UTC", holidays=holiday)
    )

    assert (due, worked) == (date(2026, 1, 21), 7200)


def owed(**given):
    usual = {
        "declared": at("09:50"),
        "first_within": timedelta(minutes=15),
        "every": timedelta(minutes=30),
        "last_update": at("10:00"),
        "now": at("10:30"),
        "state": "troubleshooting",
    }
    return clocks.cadence(**usual | given)


def test_an_update_is_owed_at_the_promised_time_until_a_later_one_was_sent():
    assert owed(promised=at("11:00")).due == at("11:00")
    assert owed(promised=at("09:55")).due == at("10:30")


def test_an_update_is_overdue_from_its_very_second_and_never_after_the_end():
    assert owed().overdue
    assert owed(state="resolved") == clocks.Cadence(due=None, overdue=False, overdue_by=0)


def test_an_sla_breach_names_the_instant_with_pauses_counted_out():
    clock = clocks.sla_clock(
        limit=timedelta(hours=1),
        start=at("10:00"),
        stop=at("12:00"),
        pauses=[(at("10:30"), at("10:45")), (at("10:40"), at("11:00")), (at("11:45"), None)],
    )

    assert (clock.elapsed, clock.remaining, clock.breached) == (75 * 60, -15 * 60, True)
    assert clock.breach_at == at("11:30")


def test_an_error_budget_can_be_overspent_and_is_not_by_spending_it_exactly():
    def budget(downtime):
        return availability.error_budget(
            Fraction("0.999"), availability.Availability(Fraction(downtime), Fraction(2592000))
        )

    assert (budget(2592).breached, budget(2592).remaining_percent()) == (False, "0.0")
    assert (budget(3000).breached, budget(3000).remaining) == (True, -408)


def test_no_figure_is_rounded_up():
    assert floored(Fraction("99.99999"), 4) == "99.9999"
    assert floored(Fraction("-0.01"), 1) == "-0.1"


minutes = st.integers(0, 1440)


@given(st.lists(st.tuples(minutes, minutes)), st.lists(st.tuples(minutes, minutes)))
def test_spans_left_and_cut_out_share_nothing(given, holes):
    def spans(pairs):
        return [Span(DAY.start + timedelta(minutes=a), DAY.start + timedelta(minutes=b)) for a, b in pairs]

    def covered(pairs):
        return {minute for a, b in pairs for minute in range(a, b)}

    assert total(minus(spans(given), spans(holes))) == 60 * len(covered(given) - covered(holes))
