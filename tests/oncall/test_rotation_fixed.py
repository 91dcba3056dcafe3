"""Fixed layers: stretches that another calendar lays down take part like every other layer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from oncall import rotation
from oncall.rotation import FixedLayer, Stretch
from tests.oncall.test_rotation_properties import minutes_away, schedules, thorough

HOUR = timedelta(hours=1)


def at(hour):
    return datetime(2026, 3, 9, tzinfo=UTC) + hour * HOUR


def days(*, fixed=(), exceptions=()):
    """alice all day at priority 1, with fixed layers beside her."""
    form = {
        "time_zone": "UTC",
        "layers": [
            {
                "name": "days",
                "rotation": {"unit": "day", "length": 1, "anchor": "2026-03-01T00:00"},
                "slots": [["alice"]],
            }
        ],
        "exceptions": list(exceptions),
    }
    return replace(rotation.parse(form), fixed=tuple(fixed))


def imported(*stretches, priority=2):
    found = tuple(Stretch(at(start), at(end), people) for start, end, people in stretches)
    return FixedLayer("ours (imported)", priority, found)


def said(schedule, start=0, end=24):
    return [
        ((s.start - at(0)) // HOUR, (s.end - at(0)) // HOUR, s.people)
        for s in rotation.final(schedule, at(start), at(end))
    ]


def test_a_higher_one_hides_the_rotation_where_it_covers():
    schedule = days(fixed=[imported((8, 12, ("bob",)), (12, 14, ("bob", "carol")))])

    assert said(schedule) == [
        (0, 8, ("alice",)),
        (8, 12, ("bob",)),
        (12, 14, ("bob", "carol")),
        (14, 24, ("alice",)),
    ]


def test_one_of_the_same_priority_shares_the_duty():
    assert said(days(fixed=[imported((8, 12, ("bob",)), priority=1)]))[1] == (8, 12, ("alice", "bob"))


def test_a_lower_one_is_hidden():
    assert said(days(fixed=[imported((8, 12, ("bob",)), priority=0)])) == [(0, 24, ("alice",))]


def test_it_alone_makes_a_schedule():
    schedule = replace(days(fixed=[imported((8, 12, ("bob",)))]), layers=())

    assert said(schedule) == [(0, 8, ()), (8, 12, ("bob",)), (12, 24, ())]


def test_absences_and_cover_act_inside_it():
    span = {"start": "2026-03-09T09:00Z", "end": "2026-03-09T10:00Z"}
    cover = {"kind": "replace", "user": "bob", "by": "carol", **span}

    schedule = days(fixed=[imported((8, 12, ("bob",)))], exceptions=[cover])

    assert said(schedule)[2] == (9, 10, ("carol",))


def test_the_reason_names_the_layer_and_no_turn():
    reasons = rotation.on_call_at(days(fixed=[imported((8, 12, ("bob",)))]), at(9)).reasons

    assert [str(reason) for reason in reasons] == ["bob (layer ours (imported))"]


def test_its_people_are_named_and_its_form_is_not():
    schedule = days(fixed=[imported((8, 12, ("bob",)))])

    assert rotation.people_named(schedule) == {"alice": "layers[0].slots[0][0]", "bob": "ours (imported)"}
    assert rotation.dump(schedule) == rotation.dump(days())


def test_the_next_change_is_its_next_border():
    schedule = days(fixed=[imported((8, 12, ("bob",)), (5000, 5001, ("carol",)))])

    changes = [rotation.next_change(schedule, at(hour)) for hour in (0, 8, 12, 5000, 5001)]

    assert changes == [at(8), at(12), at(5000), at(5001), None]


def test_explain_shows_it_beside_the_layers_it_hides():
    layers = rotation.explain(days(fixed=[imported((8, 12, ("bob",)))]), at(9)).layers

    assert [(each.layer.name, each.people, each.shows) for each in layers] == [
        ("ours (imported)", ("bob",), True),
        ("days", ("alice",), False),
    ]


# -- whatever the schedule ---------------------------------------------------------------------------------
@st.composite
def with_fixed_layers(draw):
    """A random schedule with up to two fixed layers, and an instant in the middle of it all."""
    schedule, middle = draw(schedules())
    fixed = []
    for number in range(draw(st.integers(1, 2))):
        minutes = sorted(draw(st.lists(minutes_away, max_size=12, unique=True)))
        borders = [middle + timedelta(minutes=minute) for minute in minutes]
        people = st.sampled_from([("alice",), ("dave", "erin"), ()])
        stretches = [Stretch(a, b, draw(people)) for a, b in pairwise(borders) if draw(st.booleans())]
        fixed.append(FixedLayer(f"fixed {number}", draw(st.integers(0, 2)), tuple(stretches)))
    return replace(schedule, fixed=tuple(fixed)), middle


@thorough
@given(with_fixed_layers(), st.lists(minutes_away, min_size=3, max_size=8, unique=True))
def test_a_range_is_the_same_in_one_piece_and_in_many(drawn, minutes):
    schedule, middle = drawn
    cuts = [middle + timedelta(minutes=n) for n in sorted(minutes)]

    whole = rotation.final(schedule, cuts[0], cuts[-1])
    parts = [rotation.final(schedule, a, b) for a, b in pairwise(cuts)]

    assert rotation.joined(parts) == whole
    for cut in cuts[:-1]:
        segment = next(s for s in whole if s.start <= cut < s.end)
        assert rotation.on_call_at(schedule, cut).people == segment.people
