"""Schedules as rows: saved from a form, asked who is on call, stored until the answer changes."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oncall import rotation, schedules
from oncall.messaging.errors import DomainError
from oncall.models import Layer, OnDuty, Schedule, ScheduleException, User
from tests.oncall.conftest import weekly_schedules
from tests.oncall.test_rotation_cases import answer

pytestmark = pytest.mark.django_db

CASES = json.loads((Path(__file__).parents[1] / "cases" / "oncall.json").read_text())
NOW = datetime(2026, 3, 11, 13, tzinfo=UTC)  # a Wednesday
FORM = {
    "time_zone": "America/New_York",
    "layers": [
        {
            "name": "primary",
            "rotation": {"unit": "week", "length": 1, "anchor": "2026-03-02T09:00"},
            "slots": [["alice"], ["bob"]],
        },
        {
            "name": "nights",
            "priority": 2,
            "rotation": {"unit": "day", "length": 1, "anchor": "2026-03-02T09:00"},
            "slots": [["carol", "alice"]],
            "restrictions": [{"type": "daily", "days": ["MO", "WE"], "from": "22:00", "to": "06:00"}],
            "exclude_dates": ["2026-12-25"],
            "edits": [{"at": "2026-06-10T12:00Z", "slots": [["bob"], []]}],
        },
    ],
    "exceptions": [
        {"kind": "remove", "user": "bob", "start": "2026-03-14T10:00Z", "end": "2026-03-15T10:00Z"},
        {"kind": "set", "users": ["carol"], "start": "2026-04-01T00:00", "end": "2026-04-02T00:00"},
    ],
}


def changed(**parts):
    return {**deepcopy(FORM), **parts}


def make_schedule(slug="primary"):
    return Schedule.objects.create(slug=slug, name=slug.title())


@pytest.fixture
def people():
    return {name: User.objects.create(username=name) for name in ("alice", "bob", "carol", "dave")}


@pytest.fixture
def schedule(people):
    schedule = make_schedule()
    schedules.replace(schedule, FORM, by=None, at=NOW)
    return schedule


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_worked_case_survives_the_way_into_the_database_and_back(case):
    form = case["schedule"]
    User.objects.bulk_create(User(username=name) for name in rotation.people_named(rotation.parse(form)))
    schedule = make_schedule()

    schedules.replace(schedule, form, by=None, at=NOW)

    assert answer(schedules.load(schedule), case["query"]) == case["expected"]
    assert answer(rotation.parse(schedules.to_form(schedule)), case["query"]) == case["expected"]


def test_the_form_comes_back_as_it_was_written(schedule):
    form = schedules.to_form(schedule)

    assert form == rotation.dump(rotation.parse(FORM))


def test_saving_the_same_form_again_changes_nothing(schedule):
    again = schedules.replace(schedule, changed(layers=FORM["layers"][::-1]), by=None, at=NOW)

    assert not again
    assert schedule.version == 2
    assert Layer.history.count() == 2


def test_what_did_not_change_keeps_its_rows(schedule):
    kept = set(Layer.objects.values_list("pk", flat=True)) | {ScheduleException.objects.first().pk}
    form = changed(exceptions=[FORM["exceptions"][0]])
    form["layers"][0]["slots"] = [["dave"]]

    assert schedules.replace(schedule, form, by=None, at=NOW)

    rows = {
        *Layer.objects.values_list("pk", flat=True),
        *ScheduleException.objects.values_list("pk", flat=True),
    }
    assert rows == kept
    assert schedules.to_form(schedule) == rotation.dump(rotation.parse(form))


def test_a_change_is_on_record_with_who_made_it(schedule, people):
    schedules.replace(schedule, changed(time_zone="UTC"), by=people["alice"], at=NOW)

    [record] = schedule.history.filter(history_user=people["alice"])
    assert (record.time_zone, record.history_date) == ("UTC", NOW)


def test_a_new_roster_is_on_record_in_words(schedule):
    form = changed()
    form["layers"][0]["slots"] = [["alice", "carol"], []]

    schedules.replace(schedule, form, by=None, at=NOW)

    record = Layer.objects.get(name="primary").history.first()
    assert record.history_change_reason == "Roster: alice, carol; nobody"


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        (
            {"time_zone": "Mars/Base"},
            "time_zone: 'Mars/Base' is not a time zone; write one like Europe/Berlin.",
        ),
        (
            {"exceptions": [{**FORM["exceptions"][0], "user": "zed"}]},
            "exceptions[0]: there is nobody called 'zed'.",
        ),
        (
            {"layers": [{**FORM["layers"][0], "slots": [["alice"], ["bob", "zed"]]}]},
            "layers[0].slots[1][1]: there is nobody called 'zed'.",
        ),
    ],
)
def test_a_form_at_fault_is_refused_whole(schedule, parts, detail):
    with pytest.raises(DomainError) as refusal:
        schedules.replace(schedule, changed(**parts), by=None, at=NOW)

    assert refusal.value.detail == detail
    assert schedules.to_form(schedule) == rotation.dump(rotation.parse(FORM))


def test_without_a_zone_in_the_form_the_schedules_own_stays(people):
    schedule = Schedule.objects.create(slug="s", name="S", time_zone="Asia/Tokyo")
    form = {key: value for key, value in FORM.items() if key != "time_zone"}

    schedules.replace(schedule, form, by=None, at=NOW)

    assert schedules.to_form(schedule)["time_zone"] == "Asia/Tokyo"


# -- answers -----------------------------------------------------------------------------------------------
def test_who_is_on_call_comes_with_until_when_and_why(schedule, people):
    duty = schedules.on_call(schedule, NOW)

    assert duty.users == (people["bob"],)
    assert duty.until == datetime(2026, 3, 12, 2, tzinfo=UTC)
    assert [str(reason) for reason in duty.reasons] == ["bob (layer primary, turn 1)"]


def test_exceptions_that_are_over_are_not_loaded(schedule):
    assert len(schedules.load(schedule, since=NOW).exceptions) == 2
    assert len(schedules.load(schedule, since=NOW + timedelta(days=10)).exceptions) == 1


def test_a_gap_says_which_exception_made_it(people):
    schedule = make_schedule()
    schedules.replace(schedule, changed(layers=FORM["layers"][:1]), by=None, at=NOW)

    [gap] = schedules.gaps(schedule, NOW, NOW + timedelta(days=7))

    assert (gap.start, gap.end) == (
        datetime(2026, 3, 14, 10, tzinfo=UTC),
        datetime(2026, 3, 15, 10, tzinfo=UTC),
    )
    assert gap.reasons[0].exceptions == (ScheduleException.objects.first().pk,)


def test_explaining_shows_the_layers_that_lost(schedule):
    night = datetime(2026, 3, 12, 3, tzinfo=UTC)

    explanation = schedules.explain(schedule, night)

    assert explanation.on_call.people == ("alice", "carol")
    assert [(each.layer.name, each.people, each.shows) for each in explanation.layers] == [
        ("nights", ("alice", "carol"), True),
        ("primary", ("bob",), False),
    ]


def test_a_preview_shows_what_changes_hands_and_writes_nothing(schedule):
    form = changed(exceptions=[])
    form["layers"][0]["slots"] = [["alice"], ["dave"]]

    preview = schedules.preview(schedule, form, NOW, NOW + timedelta(days=1))

    assert [(h.before, h.after) for h in preview.changes] == [(("bob",), ("dave",)), (("bob",), ("dave",))]
    assert preview.segments[0].people == ("dave",)
    assert schedules.to_form(schedule) == rotation.dump(rotation.parse(FORM))


@pytest.mark.parametrize("count", [10, 200])
def test_many_schedules_are_asked_in_as_many_queries_as_one(
    schedule, people, count, django_assert_num_queries
):
    others = weekly_schedules(count, people["alice"], people["bob"])

    with django_assert_num_queries(9):
        schedules.load_many([schedule])
    with django_assert_num_queries(9):
        schedules.load_many([schedule, *others])


# -- the stored answer -------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [10, 200])
def test_the_stored_answer_is_given_in_two_queries(schedule, people, count, django_assert_num_queries):
    others = weekly_schedules(count, people["alice"], people["bob"])
    first = schedules.on_call_now([schedule, *others], NOW)

    with django_assert_num_queries(2):
        again = schedules.on_call_now([schedule, *others], NOW + timedelta(hours=1))

    assert again == first
    assert first[schedule.pk].users == (people["bob"],)


def test_the_stored_answer_ends_with_the_shift(schedule, people):
    until = schedules.on_call_now([schedule], NOW)[schedule.pk].until

    after = schedules.on_call_now([schedule], until)[schedule.pk]

    assert after.users == (people["alice"], people["carol"])
    assert OnDuty.objects.get().from_at == until


def test_the_stored_answer_ends_with_a_change_of_the_schedule(schedule, people):
    schedules.on_call_now([schedule], NOW)
    whole_day = {"start": NOW - timedelta(hours=1), "end": NOW + timedelta(hours=1)}

    schedule = schedules.add_exception(
        schedule, kind="replace", user=people["bob"], cover=people["dave"], **whole_day, by=None, at=NOW
    )

    assert schedules.on_call_now([schedule], NOW)[schedule.pk].users == (people["dave"],)


def test_a_person_who_took_another_name_is_still_on_call(schedule, people):
    schedules.on_call_now([schedule], NOW)
    User.objects.filter(username="bob").update(username="robert")

    assert schedules.on_call_now([schedule], NOW)[schedule.pk].users == (people["bob"],)


# -- exceptions one at a time ------------------------------------------------------------------------------
def test_adding_an_exception_twice_adds_it_once(schedule, people):
    span = {"start": NOW, "end": NOW + timedelta(days=1)}

    for _ in range(2):
        schedules.add_exception(schedule, kind="add", user=people["dave"], **span, by=people["alice"], at=NOW)

    added = ScheduleException.objects.get(kind="add")
    assert (added.user, added.history.first().history_user) == (people["dave"], people["alice"])


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"kind": "replace"}, "exception.by: is missing."),
        ({"end": NOW}, "exception.end: must be after the start."),
        ({"end": NOW + timedelta(days=3660)}, "exception.end: is more than two years after the start"),
    ],
)
def test_an_exception_at_fault_is_refused(schedule, people, fields, detail):
    form = {"kind": "add", "user": people["dave"], "start": NOW, "end": NOW + timedelta(days=1)} | fields

    with pytest.raises(DomainError) as refusal:
        schedules.add_exception(schedule, **form, by=None, at=NOW)

    assert refusal.value.detail.startswith(detail)
