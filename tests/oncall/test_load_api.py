"""Fair load, conflicts and the log over HTTP."""

import pytest

from oncall import absences, duty_log, schedules
from oncall.models import Schedule, Team
from tests.oncall.conftest import person
from tests.oncall.test_duty_log import many
from tests.oncall.test_swaps import day, may

pytestmark = pytest.mark.django_db
START = day(9)
RANGE = "from=2026-03-09T09:00:00Z&to=2026-03-13T09:00:00Z"
DAY_S = 86400
PATHS = ["on-call/load/", "on-call/conflicts/", "on-call/log/", "schedules/primary/log/"]


@pytest.fixture(autouse=True)
def clock(time_machine):
    def turn_to(at):
        time_machine.move_to(at, tick=False)
        return at

    turn_to(START)
    return turn_to


@pytest.fixture
def get(client, primary, clock):
    """Ask as somebody who may view schedules and pages."""
    client.force_login(may(person("rita"), "view_schedule", "view_page"))

    def answer(path, status=200):
        found = client.get(f"/api/v1/{path}")
        assert found.status_code == status, found.content
        return found.json() if found["Content-Type"] == "application/json" else found

    return answer


@pytest.fixture
def recorded(primary, clock):
    """Four days on which the pulse wrote down who was on call; the fourth is under way."""
    for at in (day(9), day(10), day(11), day(12)):
        duty_log.record(now=lambda at=at: clock(at))


def test_load_tells_each_persons_figures(get, recorded):
    told = get(f"on-call/load/?{RANGE}")

    assert (told["from"], told["to"]) == ("2026-03-09T09:00:00Z", "2026-03-13T09:00:00Z")
    assert (told["months"], told["time_zone"], told["mean_seconds"]) == (["2026-03"], "UTC", 2 * DAY_S)
    alice, bob = told["people"]
    figures = {
        "on_call_seconds": 2 * DAY_S,
        "night_seconds": 20 * 3600,
        "weekend_seconds": 0,
        "holiday_seconds": 0,
        "twice_seconds": 0,
        "ahead_seconds": 0,
        "computed_seconds": 0,
        "nights": 2,
        "pages": 0,
        "pages_at_night": 0,
        "swaps_given": 0,
        "swaps_taken": 0,
        "difference_seconds": 0,
    }
    assert alice == {
        "user": "alice",
        "name": "Alice",
        "time_zone": "Europe/Berlin",
        **figures,
        "schedules": [{"schedule": "primary", "on_call_seconds": 2 * DAY_S}],
        "months": [{"month": "2026-03", **figures}],
    }
    assert (bob["on_call_seconds"], bob["ahead_seconds"]) == (2 * DAY_S, DAY_S)


def test_load_of_a_person_keeps_the_mean_of_all(get, recorded):
    told = get("on-call/load/?from=2026-03-09T09:00:00Z&to=2026-03-12T09:00:00Z&user=alice")

    assert [each["user"] for each in told["people"]] == ["alice"]
    assert told["people"][0]["difference_seconds"] == DAY_S // 2


def test_load_of_a_team_and_of_a_schedule(get, bob, recorded):
    many(1, bob)
    Schedule.objects.filter(slug="s0").update(team=Team.objects.create(slug="ledger", name="Ledger"))

    assert [each["user"] for each in get(f"on-call/load/?{RANGE}&team=ledger")["people"]] == ["bob"]
    assert len(get(f"on-call/load/?{RANGE}&schedule=primary")["people"]) == 2


def test_load_as_csv_has_a_line_for_each_person_and_month(get, recorded):
    answer = get(f"on-call/load/?{RANGE.replace('03-13', '04-02')}&format=csv")

    header, *rows = b"".join(answer).decode().splitlines()
    assert header.startswith("user,name,month,on_call_seconds,night_seconds")
    assert [row.split(",")[:3] for row in rows] == [
        ["alice", "Alice", "2026-03"],
        ["alice", "Alice", "2026-04"],
        ["bob", "Bob", "2026-03"],
        ["bob", "Bob", "2026-04"],
    ]
    assert "on-call-load.csv" in answer["Content-Disposition"]


def test_load_without_the_right_to_see_pages_tells_none(client, primary):
    client.force_login(may(person("ben"), "view_schedule"))

    [alice, _] = client.get(f"/api/v1/on-call/load/?{RANGE}").json()["people"]

    assert (alice["pages"], alice["pages_at_night"], alice["months"][0]["pages"]) == (None, None, None)


def test_months_begin_on_the_clock_that_is_asked_for(get):
    told = "on-call/load/?from=2026-02-28T23:00:00Z&to=2026-03-31T22:00:00Z"

    assert get(told)["months"] == ["2026-02", "2026-03"]
    assert get(f"{told}&time_zone=Europe/Berlin")["months"] == ["2026-03"]


def test_conflicts_are_told_by_person(get, primary, alice, bob):
    many(1, bob)
    away = absences.add(alice, start=day(11), end=day(12), by=alice, at=START)

    told = get(f"on-call/conflicts/?{RANGE}")

    assert [each["user"] for each in told["people"]] == ["alice", "bob"]
    assert told["people"][0]["absences"] == [
        {
            "absence": away.pk,
            "schedule": "primary",
            "start": "2026-03-11T09:00:00Z",
            "end": "2026-03-12T09:00:00Z",
            "instead": [],
            "uncovered": True,
        }
    ]
    assert told["people"][1]["double_bookings"] == [
        {"start": f"2026-03-{a}T09:00:00Z", "end": f"2026-03-{b}T09:00:00Z", "schedules": ["primary", "s0"]}
        for a, b in ((10, 11), (12, 13))
    ]
    assert [each["user"] for each in get(f"on-call/conflicts/?{RANGE}&user=bob")["people"]] == ["bob"]


def test_the_log_tells_what_was_though_final_computes_something_else(get, primary, carol, recorded, clock):
    form = schedules.to_form(primary)
    form["layers"][0]["slots"] = [["carol"]]
    schedules.replace(primary, form, by=None, at=clock(day(12, 12)))
    duty_log.record(now=lambda: day(12, 12))

    told = get(f"schedules/primary/log/?{RANGE}")
    final = get(f"schedules/primary/final/?{RANGE}")

    assert told["recorded_from"] == "2026-03-09T09:00:00Z"
    assert [(each["on_call"], each["reason"]) for each in told["entries"]] == [
        (["alice"], "first"),
        (["bob"], "handover"),
        (["alice"], "handover"),
        (["bob"], "handover"),
        (["carol"], "changed"),
    ]
    assert told["entries"][-1] == {
        "schedule": "primary",
        "start": "2026-03-12T12:00:00Z",
        "end": None,
        "on_call": ["carol"],
        "reason": "changed",
        "version": 2,
        "computed": False,
    }
    assert [segment["on_call"] for segment in final["segments"]] == [["carol"]]


def test_the_log_of_a_person_spans_schedules_that_are_gone_too(get, primary, bob, recorded, clock):
    clock(day(12, 12))
    primary.delete()
    duty_log.record(now=lambda: day(12, 13))

    told = get(f"on-call/log/?{RANGE}&user=bob")["results"]

    assert [(each["schedule"], each["start"][:10]) for each in told] == [
        ("primary", "2026-03-10"),
        ("primary", "2026-03-12"),
    ]
    assert told[-1]["end"] == "2026-03-12T12:00:00Z"


def test_the_log_of_all_comes_in_pages_of_a_few_queries(get, bob, recorded, django_assert_num_queries):
    many(20, bob)
    duty_log.record(now=lambda: day(12, 1))

    with django_assert_num_queries(6):
        first = get(f"on-call/log/?{RANGE}&page_size=20")
    rest = get(first["next"].split("/api/v1/")[1])

    assert (len(first["results"]), len(rest["results"]), rest["next"]) == (20, 4, None)
    assert first["results"][0]["schedule"] == "primary"


def test_a_schedule_that_is_not_the_teams_has_nothing_in_it(get, recorded):
    Team.objects.create(slug="ledger", name="Ledger")

    assert get(f"on-call/log/?{RANGE}&team=ledger&schedule=primary")["results"] == []
    assert get(f"on-call/load/?{RANGE}&team=ledger&schedule=primary")["people"] == []


def test_a_schedule_without_a_log_says_so(get):
    assert get("schedules/primary/log/") == {
        "recorded_from": None,
        "from": "2025-12-09T09:00:00Z",
        "to": "2026-03-09T09:00:00Z",
        "entries": [],
    }


# -- what is refused ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=yesterday", "Datetime has wrong format"),
        ("from=2026-03-09T09:00:00Z&to=2026-03-09T09:00:00Z", "End after the start"),
        ("from=2026-03-09T09:00:00Z&to=2026-03-01T09:00:00Z", "End after the start"),
        ("from=2026-01-01T00:00:00Z&to=2027-03-09T09:00:00Z", "at most 400 days"),
        ("from=0001-01-01T00:00:00Z", "Choose an instant in the years"),
        ("to=0001-01-01T00:00:00Z", "Choose an instant in the years"),
        ("from=9998-12-31T23:59:59Z&to=9999-12-31T23:59:59Z", "Choose an instant in the years"),
        ("from=9999-12-31T23:59:59-12:00", ""),
    ],
)
def test_rubbish_and_huge_ranges_are_refused_with_a_sentence(get, path, query, words):
    told = get(f"{path}?{query}", status=400)

    [[said]] = told.values()
    assert words in said


@pytest.mark.parametrize("path", PATHS[:3])
@pytest.mark.parametrize("query", ["team=none", "schedule=none", "user=none"])
def test_what_is_not_there_is_named(get, path, query):
    assert list(get(f"{path}?{query}", status=400)) == [query.split("=")[0]]


def test_a_zone_that_is_none_is_refused(get):
    assert "is not a time zone" in get("on-call/load/?time_zone=Mars/Base", status=400)["time_zone"][0]


@pytest.mark.parametrize("path", PATHS)
def test_who_may_not_view_schedules_sees_nothing(client, primary, path):
    assert client.get(f"/api/v1/{path}").status_code == 401
    client.force_login(may(person("carl"), "view_page", "view_user"))
    assert client.get(f"/api/v1/{path}").status_code == 403


@pytest.mark.parametrize("slug", ["none"])
def test_a_schedule_that_is_not_there_has_no_log(client, db, slug):
    client.force_login(may(person("rita"), "view_schedule"))

    assert client.get(f"/api/v1/schedules/{slug}/log/").status_code == 404
