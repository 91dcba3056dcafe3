"""Exceptions on the schedule and on one layer, and the reasons that they leave."""

from datetime import UTC, datetime

import pytest

from oncall import rotation

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAILY = {"unit": "day", "length": 1, "anchor": "2026-05-01T00:00"}
LAYERS = [
    {"name": "low", "priority": 1, "rotation": DAILY, "slots": [["Low"]]},
    {"name": "top", "priority": 2, "rotation": DAILY, "slots": [["Top", "Tom"]]},
]
SPAN = {"start": "2026-05-04T10:00Z", "end": "2026-05-04T14:00Z"}


def reasons(*exceptions, layers=LAYERS):
    form = {"time_zone": "UTC", "layers": layers, "exceptions": [SPAN | each for each in exceptions]}
    return [str(reason) for reason in rotation.on_call_at(rotation.parse(form), AT).reasons]


@pytest.mark.parametrize(
    ("exceptions", "expected"),
    [
        ([], ["Top (layer top, turn 3)", "Tom (layer top, turn 3)"]),
        ([{"kind": "remove", "user": "Top"}], ["Tom (layer top, turn 3)"]),
        (
            [{"kind": "remove", "user": "Top"}, {"kind": "remove", "user": "Tom"}],
            ["nobody (layer top, turn 3, exception 0, exception 1)", "Low (layer low, turn 3)"],
        ),
        (
            [
                {"kind": "replace", "user": "Top", "by": "Eve"},
                {"kind": "replace", "user": "Eve", "by": "Tom"},
            ],
            ["Tom (layer top, turn 3)"],
        ),
        (
            [{"kind": "replace", "user": "Top", "by": "Eve"}],
            ["Tom (layer top, turn 3)", "Eve (layer top, turn 3, exception 0)"],
        ),
        (
            [{"kind": "remove", "user": "Low", "layer": "top"}],
            ["Top (layer top, turn 3)", "Tom (layer top, turn 3)"],
        ),
        ([{"kind": "set", "users": ["Eve"], "layer": "top"}], ["Eve (layer top, exception 0)"]),
        (
            [{"kind": "set", "users": [], "layer": "top"}],
            ["nobody (layer top, turn 3, exception 0)", "Low (layer low, turn 3)"],
        ),
        (
            [{"kind": "set", "users": ["Eve"], "layer": "low"}],
            ["Top (layer top, turn 3)", "Tom (layer top, turn 3)"],
        ),
        (
            [{"kind": "add", "user": "Eve", "layer": "top"}, {"kind": "remove", "user": "Eve"}],
            ["Top (layer top, turn 3)", "Tom (layer top, turn 3)", "Eve (layer top, exception 0)"],
        ),
        ([{"kind": "set", "users": []}], ["nobody (exception 0)"]),
        (
            [{"kind": "set", "users": []}, {"kind": "add", "user": "Eve"}],
            ["nobody (exception 0)", "Eve (exception 1)"],
        ),
        ([{"kind": "add", "user": "Tom"}], ["Top (layer top, turn 3)", "Tom (layer top, turn 3)"]),
    ],
)
def test_exceptions_act_in_their_order_and_say_so(exceptions, expected):
    assert reasons(*exceptions) == expected


def test_an_exception_ends_as_sharply_as_it_starts():
    form = {"time_zone": "UTC", "layers": LAYERS, "exceptions": [SPAN | {"kind": "set", "users": ["Eve"]}]}
    schedule = rotation.parse(form)
    start, end = (datetime.fromisoformat(SPAN[name]) for name in ("start", "end"))

    assert rotation.on_call_at(schedule, start).people == ("Eve",)
    assert rotation.on_call_at(schedule, end).people == ("Tom", "Top")


def test_a_run_of_turns_with_the_same_people_is_one_segment_with_one_reason():
    pair = [{"name": "r", "rotation": DAILY, "slots": [["A"], ["A"], ["B"]]}]
    schedule = rotation.parse({"time_zone": "UTC", "layers": pair})

    first, second = rotation.final(
        schedule, datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 4, tzinfo=UTC)
    )

    assert [str(reason) for reason in first.reasons] == ["A (layer r, turns 0 to 1)"]
    assert [str(reason) for reason in second.reasons] == ["B (layer r, turn 2)"]


def test_a_week_of_one_person_never_changes():
    alone = [{"name": "r", "rotation": DAILY, "slots": [["A"]]}]
    schedule = rotation.parse({"time_zone": "UTC", "layers": alone})

    assert rotation.next_change(schedule, AT) is None
    assert rotation.next_change(schedule, datetime(2026, 1, 1, tzinfo=UTC)) == datetime(
        2026, 5, 1, tzinfo=UTC
    )


def test_of_somebody_always_on_turn_each_stretch_names_its_own_turns():
    form = {
        "time_zone": "UTC",
        "layers": LAYERS[:1],
        "exceptions": [SPAN | {"kind": "remove", "user": "Low"}],
    }
    week = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 8, tzinfo=UTC)

    found = rotation.final(rotation.parse(form), *week)

    assert [[str(reason) for reason in segment.reasons] for segment in found] == [
        ["Low (layer low, turns 0 to 3)"],
        ["nobody (layer low, turn 3, exception 0)"],
        ["Low (layer low, turns 3 to 6)"],
    ]
