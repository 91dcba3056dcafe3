"""Who relieves whom, and when: the hand-overs of a schedule."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from oncall import relief, rotation
from oncall.relief import Relief


def hour(number: int) -> datetime:
    return datetime(2026, 3, 9, number, tzinfo=UTC)


def segments(*people: str) -> list[rotation.Segment]:
    """One stretch an hour: ``"ab"`` is alice and bob together, ``""`` is nobody."""
    names = {"a": "alice", "b": "bob", "c": "carol"}
    return [
        rotation.Segment(hour(n), hour(n + 1), tuple(names[letter] for letter in who))
        for n, who in enumerate(people)
    ]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (["a"], []),
        (["a", "b"], [(1, "alice", "bob")]),
        (["a", "", "b"], [(2, "alice", "bob")]),
        (["a", "", "a"], []),
        (["ab", "a"], []),
        (["ab", "a", "c"], [(2, "alice bob", "carol")]),
        (["a", "ab"], [(1, "alice", "bob")]),
        (["ab", "bc"], [(1, "alice bob", "carol")]),
        (["ab", "a", "ab"], [(2, "alice", "bob")]),
        (["", "a"], [(1, "", "alice")]),
        (["a", "b", "a"], [(1, "alice", "bob"), (2, "bob", "alice")]),
    ],
)
def test_who_comes_on_relieves_those_since_the_last_hand_over(people, expected):
    found = list(relief.reliefs(segments(*people)))

    told = [((r.at - hour(0)).seconds // 3600, " ".join(r.before), " ".join(r.coming)) for r in found]
    assert told == expected


OFFICE = {"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR"], "from": "09:00", "to": "17:00"}


def plan(*slots: str, unit="week", **layer) -> rotation.Schedule:
    turn = {"unit": unit, "length": 1, "anchor": "2026-03-02T09:00"}
    layer = {"name": "l", "priority": 1, "rotation": turn, "slots": [[who] for who in slots], **layer}
    return rotation.parse({"time_zone": "Europe/Berlin", "layers": [layer]})


def berlin(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


def test_a_week_of_office_hours_has_one_hand_over():
    office = plan("alice", "bob", restrictions=[OFFICE])

    found = relief.after(office, berlin(3, 12))

    assert found == Relief(berlin(9), ("alice",), ("bob",))
    assert relief.holding(office, berlin(7, 12)) == ("alice",)


def test_who_is_always_on_call_is_never_relieved():
    assert relief.after(plan("alice"), berlin(3)) is None


def test_a_hand_over_a_year_ahead_is_found():
    monthly = plan(*["alice"] * 11, "bob", unit="month")

    assert relief.after(monthly, berlin(3)).coming == ("bob",)


def test_after_a_long_stop_only_those_still_on_call_count():
    daily = plan("alice", "bob", "carol", unit="day")

    assert relief.between(daily, berlin(2, 12), berlin(4, 12)) == Relief(berlin(4), ("alice",), ("carol",))
    assert relief.between(daily, berlin(2, 12), berlin(5, 12)) is None
    assert relief.between(daily, berlin(2, 12), berlin(2, 13)) is None


def test_a_hand_over_at_this_very_instant_counts():
    daily = plan("alice", "bob", unit="day")

    assert relief.between(daily, berlin(2, 12), berlin(3)).coming == ("bob",)
    assert relief.after(daily, berlin(3)).at == berlin(4)
