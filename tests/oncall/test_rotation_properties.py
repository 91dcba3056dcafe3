"""What must hold for every schedule, tried on random ones in twenty zones around their clock changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from oncall import rotation
from tests.oncall import slow_reading
from tests.oncall.test_clock import ZONES

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
PEOPLE = ["alice", "bob", "carol", "dave", "erin"]
FIRST_NOON = datetime(1971, 2, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)

slots = st.one_of(
    st.permutations(PEOPLE).map(lambda names: [[name] for name in names]),
    st.lists(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True), max_size=5),
)
#: Quarters of an hour from the moment at which a clock is set: mostly the hours around it, some days otherwise.
quarters = st.one_of(*[st.integers(-12, 12)] * 2, st.integers(-144, 144), st.integers(-1200, 1200))
minutes_away = st.one_of(
    *[st.integers(-200, 200)] * 2, st.integers(-36 * 60, 36 * 60), st.integers(-17000, 17000)
)


@cache
def changes(zone):
    """The instants at which its clock was or will be set, whole-day and half-hour jumps included."""

    def offset(at):
        return at.astimezone(ZoneInfo(zone)).utcoffset()

    found = []
    for day in (FIRST_NOON + n * DAY for n in range(66 * 365)):
        left, right = day, day + DAY
        if offset(left) != offset(right):
            while right - left > timedelta(minutes=1):
                middle = left + (right - left) // timedelta(minutes=2) * timedelta(minutes=1)
                left, right = (middle, right) if offset(middle) == offset(day) else (left, middle)
            found.append(right)
    return found


@st.composite
def clock_times(draw, middle):
    """A time of day, mostly about that at which the clock is set."""
    at = middle.replace(minute=middle.minute // 15 * 15) + timedelta(minutes=15 * draw(quarters))
    return f"{at:%H:%M}"


@st.composite
def windows(draw, middle):
    opens, closes = draw(clock_times(middle)), draw(clock_times(middle))
    if draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(DAYS), min_size=1, unique=True))
        return {"type": "daily", "days": days, "from": opens, "to": closes}
    first, last = draw(st.sampled_from(DAYS)), draw(st.sampled_from(DAYS))
    return {"type": "weekly", "from_day": first, "from": opens, "to_day": last, "to": closes}


restrictions = st.one_of(*[windows(FIRST_NOON + n * timedelta(hours=5)) for n in range(5)])


@st.composite
def layers(draw, local, utc, name):
    """A layer whose bounds and changes lie near a moment, told on the zone's clock and in UTC."""

    def near(middle=local):
        return (middle + timedelta(minutes=15 * draw(quarters))).isoformat()

    start, anchor, end = sorted([near(), near(), near()])
    return {
        "name": name,
        "priority": draw(st.integers(0, 2)),
        "rotation": {
            "unit": draw(st.sampled_from(["hour", "day", "week", "month"])),
            "length": draw(st.one_of(st.integers(1, 3), st.integers(1, 14))),
            "anchor": anchor,
        },
        "slots": draw(slots),
        "start": draw(st.sampled_from([*[f"{local.year - 1}-01-01"] * 3, None, start])),
        "end": draw(st.sampled_from([None, None, end if end > anchor else None])),
        "restrictions": draw(st.lists(windows(local), max_size=2)),
        "exclude_dates": [near()[:10]] if draw(st.booleans()) else [],
        "advance": draw(st.sampled_from(["calendar", "active"])),
        "edits": [{"at": at, "slots": draw(slots)} for at in sorted({f"{near(utc)}Z", f"{near(utc)}Z"})],
    }


@st.composite
def exceptions(draw, local, utc, names):
    middle, z = draw(st.sampled_from([(local, ""), (utc, "Z"), (utc, "Z")]))
    start = middle + timedelta(minutes=15 * draw(quarters))
    least = 1 if z else 100  # local times that one jump of the clock skips would be one instant
    end = start + timedelta(minutes=15 * draw(st.integers(least, 300)))
    kind = draw(st.sampled_from(["remove", "replace", "set", "add"]))
    who = {"users": draw(st.lists(st.sampled_from(PEOPLE), max_size=2))} if kind == "set" else {}
    who |= {} if kind == "set" else {"user": draw(st.sampled_from(PEOPLE))}
    who |= {"by": draw(st.sampled_from(PEOPLE))} if kind == "replace" else {}
    layer = {"layer": draw(st.sampled_from(names))} if draw(st.booleans()) else {}
    return {"kind": kind, "start": f"{start.isoformat()}{z}", "end": f"{end.isoformat()}{z}", **who, **layer}


@st.composite
def forms(draw):
    """(form, an instant at which its zone's clock is set)."""
    zone = draw(st.sampled_from(ZONES))
    middle = draw(st.sampled_from(changes(zone) or [FIRST_NOON]))
    utc, local = (middle.astimezone(each).replace(tzinfo=None, fold=0) for each in (UTC, ZoneInfo(zone)))
    names = ["one", "two", "three"][: draw(st.integers(1, 3))]
    form = {
        "time_zone": zone,
        "layers": [draw(layers(local, utc, name)) for name in names],
        "exceptions": draw(st.lists(exceptions(local, utc, names), max_size=4)),
    }
    return form, middle


@st.composite
def stretches(draw, middle):
    """An imported calendar's: in order, apart, some of them touching."""
    minutes = sorted({15 * n for n in draw(st.lists(quarters, max_size=8))})
    taken = [pair for pair in pairwise(minutes) if draw(st.booleans())]
    names = st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True)
    return [(*(middle + timedelta(minutes=n) for n in pair), tuple(sorted(draw(names)))) for pair in taken]


@st.composite
def schedules(draw):
    """(schedule, an instant at which its zone's clock is set)."""
    form, middle = draw(forms())
    return rotation.parse(form), middle


@st.composite
def whole_schedules(draw):
    """(schedule, an instant at which its clock is set, the form it was read from, the calendar beside it)."""
    form, middle = draw(forms())
    spans, priority = draw(stretches(middle)), draw(st.integers(0, 2))
    imported = rotation.FixedLayer("ours", priority, tuple(rotation.Stretch(*span) for span in spans))
    plan = replace(rotation.parse(form), fixed=(imported,) if spans else ())
    return plan, middle, form, {"ours": (priority, spans)}


thorough = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@thorough
@given(whole_schedules(), st.lists(minutes_away, min_size=3, max_size=8, unique=True))
def test_a_range_is_the_same_in_one_piece_and_in_many(drawn, minutes):
    schedule, middle, *_ = drawn
    cuts = [middle + timedelta(minutes=n) for n in sorted(minutes)]

    whole = rotation.final(schedule, cuts[0], cuts[-1])
    parts = [rotation.final(schedule, a, b) for a, b in pairwise(cuts)]

    assert rotation.joined(parts) == whole
    assert all(a.people != b.people for a, b in pairwise(whole))


@thorough
@given(whole_schedules(), minutes_away, st.integers(1, 20 * 1440))
def test_no_minute_is_lost_or_double(drawn, minute, length):
    schedule, middle, *_ = drawn
    start = middle + timedelta(minutes=minute)
    end = start + timedelta(minutes=length)

    segments = rotation.final(schedule, start, end)

    assert (segments[0].start, segments[-1].end) == (start, end)
    assert all(a.end == b.start for a, b in pairwise(segments))
    assert all(segment.start < segment.end for segment in segments)


@thorough
@given(whole_schedules(), st.lists(minutes_away, min_size=1, max_size=30))
def test_who_is_on_call_at_an_instant_is_who_the_range_says(drawn, minutes):
    schedule, middle, *_ = drawn
    reach = timedelta(days=13)
    segments = rotation.final(schedule, middle - reach, middle + reach)

    for instant in (middle + timedelta(minutes=n) for n in minutes):
        segment = next(s for s in segments if s.start <= instant < s.end)
        duty = rotation.on_call_at(schedule, instant)
        [minute] = rotation.final(schedule, instant, instant + timedelta(minutes=1))
        assert duty.people == segment.people
        assert duty.reasons == minute.reasons


@thorough
@given(whole_schedules(), minutes_away)
def test_nothing_changes_before_the_next_change(drawn, minute):
    schedule, middle, *_ = drawn
    at = middle + timedelta(minutes=minute)

    change = rotation.next_change(schedule, at)

    if change is not None:
        before, *_, after = rotation.final(schedule, at, change + timedelta(minutes=1))
        assert (before.end, after.start) == (change, change)
        assert before.people == rotation.on_call_at(schedule, at).people != after.people
    else:
        assert len(rotation.final(schedule, at, at + timedelta(days=200))) == 1


@thorough
@given(whole_schedules(), minutes_away)
def test_everybody_on_call_has_a_reason(drawn, minute):
    schedule, middle, *_ = drawn

    duty = rotation.on_call_at(schedule, middle + timedelta(minutes=minute))

    assert {reason.user for reason in duty.reasons if reason.user} == set(duty.people)


@thorough
@given(whole_schedules(), st.lists(minutes_away, min_size=1, max_size=6))
def test_arithmetic_says_what_a_slow_reading_of_the_rules_says(drawn, minutes):
    schedule, middle, form, calendars = drawn

    for instant in (middle + timedelta(minutes=n) for n in minutes):
        told = set(rotation.on_call_at(schedule, instant).people)
        assert told == slow_reading.on_call(form, instant, calendars)


@thorough
@given(forms(), st.sampled_from(["hour", "day"]), st.lists(minutes_away, min_size=1, max_size=8))
def test_of_an_active_rotation_only_the_periods_that_meet_a_window_count(drawn, unit, minutes):
    form, middle = drawn
    layer = form["layers"][0]
    layer |= {"advance": "active", "slots": [[name] for name in PEOPLE], "exclude_dates": []}
    layer |= {"rotation": layer["rotation"] | {"unit": unit}, "start": "1970-01-02", "end": None, "edits": []}
    assume(layer["restrictions"])

    schedule = rotation.parse(form | {"layers": [layer], "exceptions": []})

    for instant in (middle + timedelta(minutes=n) for n in minutes):
        told = set(rotation.on_call_at(schedule, instant).people)
        assert told == slow_reading.on_call(form | {"layers": [layer], "exceptions": []}, instant)


def test_every_zone_is_tried_where_its_clock_changes():
    assert len(ZONES) == 20
    assert {zone for zone in ZONES if changes(zone)} == {*ZONES} - {"UTC", "Asia/Kolkata"}
