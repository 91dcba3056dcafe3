"""Hours, nights, weekends, holidays: counted on the person's own clock, each hour once."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.load import counting, spans
from oncall.load.counting import Calendar, Carried, Duty, Figures

BERLIN, NEW_YORK, KOLKATA = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata"))
HOUR = timedelta(hours=1)
ALICE, PRIMARY, LEDGER = 1, 7, 8


def utc(text: str) -> datetime:
    """``utc("03-09 09")`` is that hour of 2026."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H").replace(tzinfo=UTC)


def duty(start: str, end: str, schedule: int = PRIMARY, **more) -> Duty:
    return Duty(ALICE, schedule, utc(start), utc(end), **more)


def counted(*duties, zone=BERLIN, start="03-01 00", end="04-01 00", now="12-31 00", holidays=None, **more):
    months = counting.months(ZoneInfo("UTC"), utc(start), utc(end))
    calendar = Calendar(months, utc(now), holidays or {})
    figures = counting.count(Carried(zone, duties, **more), calendar)
    return sum(figures[1:], figures[0]) if len(figures) == 1 else figures


def hours(length: timedelta) -> float:
    return length / HOUR


# (zone, from, to in UTC, hours on call, hours at night, nights, hours at the weekend), worked out by hand
DUTIES = [
    (BERLIN, "03-09 09", "03-10 09", 24, 10, 1, 0),  # 22:00 is 21:00 UTC
    (NEW_YORK, "03-09 09", "03-10 09", 24, 10, 1, 0),  # 05:00 to 05:00: 3 h of one night, 7 h of the next
    (KOLKATA, "03-09 09", "03-10 09", 24, 10, 1, 0),
    (BERLIN, "03-09 08", "03-09 19", 11, 0, 0, 0),
    (BERLIN, "03-09 19", "03-10 01", 6, 4, 0, 0),  # less than half of a night is none
    (BERLIN, "03-09 19", "03-10 02", 7, 5, 1, 0),
    (BERLIN, "03-13 09", "03-16 09", 72, 30, 3, 48),  # Friday to Monday
    (NEW_YORK, "03-13 09", "03-16 09", 72, 30, 3, 48),
    (BERLIN, "03-28 09", "03-29 09", 24, 9, 1, 24),  # the clock jumps at night: one hour less of it
    (NEW_YORK, "03-08 00", "03-08 12", 12, 9, 1, 12),  # the same there, three weeks earlier
    (BERLIN, "03-02 08", "03-09 08", 168, 70, 7, 48),
]


@pytest.mark.parametrize(("zone", "start", "end", "on_call", "night", "nights", "weekend"), DUTIES)
def test_a_duty_is_counted_on_the_persons_clock(zone, start, end, on_call, night, nights, weekend):
    found = counted(duty(start, end), zone=zone)

    assert (hours(found.on_call), hours(found.night), found.nights) == (on_call, night, nights)
    assert hours(found.weekend) == weekend


def test_two_schedules_at_once_count_once_and_are_told():
    found = counted(duty("03-09 09", "03-09 15"), duty("03-09 12", "03-09 18", LEDGER))

    assert (hours(found.on_call), hours(found.twice)) == (9, 3)


def test_three_at_once_are_no_more_than_at_once():
    found = counted(*(duty("03-09 09", "03-09 15", schedule) for schedule in (1, 2, 3)))

    assert (hours(found.on_call), hours(found.twice)) == (6, 6)


def test_holidays_count_on_their_own_schedule_only_and_once():
    christmas = counting.holidays([date(2026, 3, 9), date(2026, 3, 10)], BERLIN)
    duties = [
        duty("03-09 09", "03-09 15"),
        duty("03-09 09", "03-09 20", LEDGER),
        duty("03-12 09", "03-12 10"),
    ]

    assert hours(counted(*duties, holidays={PRIMARY: christmas}).holiday) == 6
    assert hours(counted(*duties, holidays={PRIMARY: christmas, LEDGER: christmas}).holiday) == 11


def test_a_holiday_lasts_from_midnight_to_midnight_on_its_clock():
    assert counting.holidays([date(2026, 3, 29)], BERLIN) == [(utc("03-28 23"), utc("03-29 22"))]


def test_an_hour_belongs_to_its_month_and_a_night_to_that_of_its_evening():
    march, april = counted(duty("03-31 12", "04-01 12"), end="05-01 00")

    assert (hours(march.on_call), hours(april.on_call)) == (12, 12)
    assert (hours(march.night), hours(april.night)) == (4, 6)  # from 20:00 UTC to 06:00
    assert (march.nights, april.nights) == (1, 0)


def test_a_night_under_way_when_the_range_begins_counts_in_it():
    found = counted(duty("03-10 00", "03-10 09"), start="03-10 00")

    assert (hours(found.night), found.nights) == (7, 1)


def test_what_is_ahead_and_what_was_filled_in_are_told_apart():
    written = duty("03-09 09", "03-10 09")
    filled, planned = (
        duty("03-10 09", "03-11 09", recorded=False),
        duty("03-11 09", "03-12 09", recorded=False),
    )

    found = counted(written, filled, planned, now="03-11 12")

    assert (hours(found.on_call), hours(found.computed), hours(found.ahead)) == (72, 27, 21)


def test_pages_and_swaps_are_counted_where_they_fall():
    at_noon, at_night, in_april = utc("03-09 12"), utc("03-09 23"), utc("04-02 12")
    march, april = counted(
        pages=[at_noon, at_night, in_april], given=[at_noon], taken=[in_april, in_april], end="05-01 00"
    )

    assert (march.pages, march.night_pages, april.pages, april.night_pages) == (2, 1, 1, 0)
    assert (march.given, march.taken, april.given, april.taken) == (1, 0, 0, 2)


@pytest.mark.parametrize(
    ("zone", "start", "end", "expected"),
    [
        (UTC, "01-01 00", "04-01 00", ["2026-01", "2026-02", "2026-03"]),
        (BERLIN, "01-31 22", "02-28 23", ["2026-01", "2026-02"]),  # 23:00 UTC is midnight there
        (BERLIN, "01-31 23", "02-28 23", ["2026-02"]),
        (NEW_YORK, "01-01 00", "01-01 06", ["2025-12", "2026-01"]),
    ],
)
def test_months_are_those_of_the_clock_and_cover_the_range(zone, start, end, expected):
    zone = ZoneInfo("UTC") if zone is UTC else zone
    found = counting.months(zone, utc(start), utc(end))

    assert [month.key for month in found] == expected
    assert (found[0].start, found[-1].end) == (utc(start), utc(end))
    assert all(a.end == b.start for a, b in zip(found, found[1:], strict=False))


# -- stretches of time -------------------------------------------------------------------------------------
MIDNIGHT = datetime(2026, 3, 9, tzinfo=UTC)
instants = st.integers(0, 40)
rough = st.lists(st.tuples(instants, instants).map(sorted), max_size=8)


def as_spans(pairs) -> list[spans.Span]:
    return [(MIDNIGHT + a * HOUR, MIDNIGHT + b * HOUR) for a, b in pairs]


def covered(found) -> set[int]:
    """The hours of the day that spans cover: the same question, asked hour by hour."""
    return {n for n in range(40) if any(a <= MIDNIGHT + n * HOUR < b for a, b in found)}


@given(rough)
def test_a_union_covers_the_same_and_is_in_order_and_apart(pairs):
    found = spans.union(as_spans(pairs))

    assert covered(found) == covered(as_spans(pairs))
    assert all(a[1] < b[0] for a, b in zip(found, found[1:], strict=False))
    assert spans.length(found) == len(covered(found)) * HOUR


@given(rough, rough)
def test_a_meeting_covers_what_both_cover(one, other):
    one, other = spans.union(as_spans(one)), spans.union(as_spans(other))

    assert covered(spans.meet(one, other)) == covered(one) & covered(other)


@given(st.dictionaries(st.sampled_from("abc"), rough))
def test_overlaps_are_where_two_cover_and_name_them_in_maximal_stretches(lists):
    lists = {key: spans.union(as_spans(pairs)) for key, pairs in lists.items()}

    found = spans.overlaps(lists)

    for n in range(40):
        keys = {key for key, listed in lists.items() if n in covered(listed)}
        told = [set(each.keys) for each in found if n in covered([(each.start, each.end)])]
        assert told == ([keys] if len(keys) > 1 else [])
    assert not any(a.end == b.start and a.keys == b.keys for a, b in zip(found, found[1:], strict=False))


@given(rough, st.lists(instants, min_size=2, unique=True))
def test_lengths_in_parts_add_up(pairs, borders):
    found, borders = spans.union(as_spans(pairs)), [MIDNIGHT + n * HOUR for n in sorted(borders)]
    parts = list(zip(borders, borders[1:], strict=False))

    lengths = spans.lengths(found, parts)

    assert lengths == [spans.length(spans.meet(found, [part])) for part in parts]


@given(rough)
def test_whatever_the_duties_no_part_is_more_than_the_whole(pairs):
    duties = [Duty(ALICE, n % 3, a, b) for n, (a, b) in enumerate(as_spans(pairs))]
    found = counted(*duties)

    assert found == sum([found], Figures())
    assert max(found.night, found.weekend, found.holiday, found.twice) <= found.on_call
