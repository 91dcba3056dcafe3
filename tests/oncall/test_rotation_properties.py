"""What must hold for every schedule, tried on random ones in twenty zones around their clock changes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oncall import rotation
from tests.oncall.test_clock import ZONES

# Weeks in which clocks change somewhere in ZONES, among them half-hour, whole-day and midnight changes.
CHANGES = ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-25", "2026-11-01", "2011-12-30", "2024-04-26"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
PEOPLE = ["alice", "bob", "carol", "dave"]

clock_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30]))
slots = st.lists(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True), max_size=5)
restrictions = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("daily"),
            "days": st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
            "from": clock_times,
            "to": clock_times,
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("weekly"),
            "from_day": st.sampled_from(DAYS),
            "from": clock_times,
            "to_day": st.sampled_from(DAYS),
            "to": clock_times,
        }
    ),
)


@st.composite
def layers(draw, middle, name):
    """A layer whose bounds and changes lie near ``middle``."""

    def near():
        return (middle + timedelta(minutes=15 * draw(st.integers(-1500, 1500)))).isoformat()

    start, anchor, end = sorted([near(), near(), near()])
    return {
        "name": name,
        "priority": draw(st.integers(0, 2)),
        "rotation": {
            "unit": draw(st.sampled_from(["hour", "day", "week", "month"])),
            "length": draw(st.integers(1, 14)),
            "anchor": anchor,
        },
        "slots": draw(slots),
        "start": draw(st.sampled_from([None, "2010-01-01", start])),
        "end": draw(st.sampled_from([None, end if end > anchor else None])),
        "restrictions": draw(st.lists(restrictions, max_size=3)),
        "exclude_dates": [near()[:10]] if draw(st.booleans()) else [],
        "advance": draw(st.sampled_from(["calendar", "active"])),
        "edits": [{"at": at, "slots": draw(slots)} for at in {f"{near()}Z" for _ in range(2)}],
    }


@st.composite
def exceptions(draw, middle, names):
    start = middle + timedelta(minutes=draw(st.integers(-9000, 9000)))
    kind = draw(st.sampled_from(["remove", "replace", "set", "add"]))
    who = {"users": draw(st.lists(st.sampled_from(PEOPLE), max_size=2))} if kind == "set" else {}
    who |= {} if kind == "set" else {"user": draw(st.sampled_from(PEOPLE))}
    who |= {"by": draw(st.sampled_from(PEOPLE))} if kind == "replace" else {}
    layer = {"layer": draw(st.sampled_from(names))} if draw(st.booleans()) else {}
    end = start + timedelta(minutes=draw(st.integers(1, 5000)))
    return {"kind": kind, "start": f"{start}Z", "end": f"{end}Z", **who, **layer}


@st.composite
def schedules(draw):
    """(schedule, an instant near a clock change of somewhere)."""
    middle = datetime.fromisoformat(draw(st.sampled_from(CHANGES)))
    names = ["one", "two", "three"][: draw(st.integers(1, 3))]
    form = {
        "time_zone": draw(st.sampled_from(ZONES)),
        "layers": [draw(layers(middle, name)) for name in names],
        "exceptions": draw(st.lists(exceptions(middle, names), max_size=4)),
    }
    return rotation.parse(form), middle.replace(tzinfo=UTC)


minutes_away = st.integers(-12 * 1440, 12 * 1440)
thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def joined(segments):
    """(start, end, people) of segments, neighbours with the same people as one."""
    result = []
    for segment in segments:
        if result and result[-1][2] == segment.people:
            result[-1] = (result[-1][0], segment.end, segment.people)
        else:
            result.append((segment.start, segment.end, segment.people))
    return result


@thorough
@given(schedules(), st.lists(minutes_away, min_size=3, max_size=8, unique=True))
def test_a_range_is_the_same_in_one_piece_and_in_many(drawn, minutes):
    schedule, middle = drawn
    cuts = [middle + timedelta(minutes=n) for n in sorted(minutes)]

    whole = rotation.final(schedule, cuts[0], cuts[-1])
    parts = [segment for a, b in pairwise(cuts) for segment in rotation.final(schedule, a, b)]

    assert joined(parts) == joined(whole)
    assert len(joined(whole)) == len(whole)


@thorough
@given(schedules(), minutes_away, st.integers(1, 20 * 1440))
def test_no_minute_is_lost_or_double(drawn, minute, length):
    schedule, middle = drawn
    start = middle + timedelta(minutes=minute)
    end = start + timedelta(minutes=length)

    segments = rotation.final(schedule, start, end)

    assert (segments[0].start, segments[-1].end) == (start, end)
    assert all(a.end == b.start for a, b in pairwise(segments))
    assert all(segment.start < segment.end for segment in segments)


@thorough
@given(schedules(), st.lists(minutes_away, min_size=1, max_size=30))
def test_who_is_on_call_at_an_instant_is_who_the_range_says(drawn, minutes):
    schedule, middle = drawn
    reach = timedelta(days=13)
    segments = rotation.final(schedule, middle - reach, middle + reach)

    for instant in (middle + timedelta(minutes=n) for n in minutes):
        segment = next(s for s in segments if s.start <= instant < s.end)
        assert rotation.on_call_at(schedule, instant).people == segment.people


@thorough
@given(schedules(), minutes_away)
def test_nothing_changes_before_the_next_change(drawn, minute):
    schedule, middle = drawn
    at = middle + timedelta(minutes=minute)

    change = rotation.next_change(schedule, at)

    if change is not None:
        before, *_, after = rotation.final(schedule, at, change + timedelta(minutes=1))
        assert (before.end, after.start) == (change, change)
        assert before.people == rotation.on_call_at(schedule, at).people != after.people
    else:
        assert len(rotation.final(schedule, at, at + timedelta(days=200))) == 1


@thorough
@given(schedules(), minutes_away)
def test_everybody_on_call_has_a_reason(drawn, minute):
    schedule, middle = drawn

    duty = rotation.on_call_at(schedule, middle + timedelta(minutes=minute))

    assert {reason.user for reason in duty.reasons if reason.user} == set(duty.people)
