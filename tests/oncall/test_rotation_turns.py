"""Counting turns and carrying them over roster changes, against their definitions."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from oncall import rotation
from oncall.rotation.turns import Roster, Rotation, ordinals
from oncall.rotation.windows import Week
from tests.oncall.test_rotation_properties import restrictions, schedules

ANCHOR = datetime(2026, 6, 1, 9)
UNITS = st.sampled_from(["hour", "day", "week", "month"])


def roster(*slots):
    return Roster(None, tuple(tuple(slot.split()) for slot in slots))


def after(edited, ordinal):
    return [" ".join(edited.slot(ordinal + n)) for n in range(len(edited.slots))]


@settings(max_examples=100, deadline=None)
@given(UNITS, st.integers(1, 40), st.lists(restrictions, min_size=1, max_size=3), st.integers(0, 400))
def test_turns_that_count_are_those_that_meet_a_window(unit, length, forms, turn):
    turns = Rotation(unit, length, ANCHOR)
    windows = tuple(rotation.restriction(form, "window") for form in forms)
    week = Week.of(windows)

    counted = sum(
        any(True for _ in week.between(turns.start_of(n), turns.start_of(n + 1)))
        for n in range(min(turn, 60))
    )

    assert ordinals(turns, week)(min(turn, 60)) == counted


@settings(max_examples=100, deadline=None)
@given(UNITS, st.integers(1, 40), st.integers(-300_000, 300_000))
def test_a_time_lies_in_its_turn(unit, length, minutes):
    turns = Rotation(unit, length, ANCHOR.replace(day=30))
    wall = ANCHOR + timedelta(minutes=minutes)

    turn = turns.turn_at(wall)

    assert turns.start_of(turn) <= wall < turns.start_of(turn + 1)


@settings(max_examples=100, deadline=None)
@given(schedules(), st.integers(0, 20 * 1440))
def test_an_edit_leaves_the_past_as_it_was(drawn, minute):
    schedule, middle = drawn
    at = middle - timedelta(days=10) + timedelta(minutes=minute)
    form = rotation.dump(schedule)
    for layer in form["layers"]:
        layer["edits"] = [edit for edit in layer["edits"] if datetime.fromisoformat(edit["at"]) < at]
    before = rotation.parse(form)
    for layer in form["layers"]:
        layer["edits"].append({"at": at.isoformat(), "slots": [["eve"]]})
    edited = rotation.parse(form)

    past = (at - timedelta(days=30), at)

    assert rotation.final(edited, *past) == rotation.final(before, *past)


def test_who_is_on_turn_keeps_it_when_somebody_joins_in_front():
    assert after(roster("a", "b", "c").edited(None, (("d",), ("a",), ("b",), ("c",)), 1), 1) == [
        "b",
        "c",
        "d",
        "a",
    ]


def test_the_next_survivor_of_the_old_order_takes_over():
    assert after(roster("a", "b", "c").edited(None, (("c",), ("a",)), 1), 1) == ["c", "a"]


def test_with_nobody_left_the_new_list_begins_at_its_head():
    assert after(roster("a", "b").edited(None, (("x",), ("y",)), 1), 1) == ["x", "y"]


def test_of_a_person_listed_twice_the_right_one_of_both_keeps_the_turn():
    assert after(roster("a", "b", "a", "c").edited(None, (("a",), ("b",), ("a",), ("d",)), 2), 2) == [
        "a",
        "d",
        "a",
        "b",
    ]


def test_of_two_together_the_one_who_stays_keeps_the_turn():
    assert after(roster("a b", "c").edited(None, (("c",), ("a", "d")), 0), 0) == ["a d", "c"]


def test_an_empty_list_is_filled_from_its_head():
    assert after(roster().edited(None, (("a",), ("b",)), 7), 7) == ["a", "b"]


def test_two_edits_in_one_turn_are_carried_on_from_one_another():
    once = roster("a", "b", "c").edited(None, (("a",), ("c",)), 1)
    twice = once.edited(None, (("b",), ("a",), ("c",)), 1)

    assert after(twice, 1) == ["c", "b", "a"]


def test_an_edit_before_the_layer_begins_is_a_plain_new_beginning():
    turns = {"unit": "week", "length": 1, "anchor": "2026-06-01T09:00"}
    edits = [{"at": "2026-05-01T00:00Z", "slots": [["c"], ["d"]]}]
    layer = {"name": "r", "rotation": turns, "slots": [["a"], ["b"]], "edits": edits}
    schedule = rotation.parse({"time_zone": "UTC", "layers": [layer]})

    assert rotation.on_call_at(schedule, datetime(2026, 6, 2, tzinfo=UTC)).people == ("c",)
    assert rotation.on_call_at(schedule, datetime(2026, 6, 9, tzinfo=UTC)).people == ("d",)
