"""Until when quiet hours hold a message, also when clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.quiet import held_until, in_words

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = (time(22), time(7))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "hours", "until"),
    [
        ("2026-03-09T20:59", NIGHT, None),
        ("2026-03-09T21:00", NIGHT, "2026-03-10T06:00"),  # the first moment is held
        ("2026-03-10T02:00", NIGHT, "2026-03-10T06:00"),
        ("2026-03-10T05:59", NIGHT, "2026-03-10T06:00"),
        ("2026-03-10T06:00", NIGHT, None),  # the last is not
        ("2026-03-10T12:30", (time(13), time(14)), "2026-03-10T13:00"),
        ("2026-03-10T13:00", (time(13), time(14)), None),
        # Clocks go forward in the night to 29 March: it ends an hour sooner.
        ("2026-03-28T23:00", NIGHT, "2026-03-29T05:00"),
        # They go back in the night to 25 October.
        ("2026-10-24T23:00", NIGHT, "2026-10-25T06:00"),
        # An end that the clock skips is the end of the gap; one that it shows twice is the first.
        ("2026-03-29T00:30", (time(1), time(2, 30)), "2026-03-29T01:00"),
        ("2026-10-25T00:10", (time(1), time(2, 30)), "2026-10-25T00:30"),
        ("2026-10-25T01:10", (time(1), time(2, 30)), None),
    ],
)
def test_a_message_is_held_until_the_end_of_the_hours_that_it_falls_into(at, hours, until):
    assert held_until(utc(at), *hours, BERLIN) == (utc(until) if until else None)


def test_without_quiet_hours_nothing_is_held():
    assert held_until(utc("2026-03-10T02:00"), None, None, BERLIN) is None
    assert in_words(None, None) == ""


def test_in_words():
    assert in_words(*NIGHT) == "22:00 to 07:00"


TIMES = st.times().map(lambda value: value.replace(second=0, microsecond=0))


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    TIMES,
    TIMES,
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_what_is_held_is_held_less_than_a_day_and_free_afterwards(at, start, end, zone):
    if start == end:
        return
    at, zone = at.replace(tzinfo=UTC), ZoneInfo(zone)

    until = held_until(at, start, end, zone)

    if until:
        assert timedelta() < until - at <= timedelta(hours=25)
        assert held_until(until, start, end, zone) is None
