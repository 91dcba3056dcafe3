"""Wall clocks and instants: the first instant at which the zone's clock has shown n or later."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from oncall.clock import high_water, resolve, wall, zone_names

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Chicago",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Caracas",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Gaza",
    "Asia/Tehran",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
]


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("Europe/Berlin", "2026-01-15T09:00", "2026-01-15T08:00"),
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00"),
        ("America/New_York", "2026-03-02T09:00", "2026-03-02T14:00"),
        ("America/New_York", "2026-03-08T02:59:59", "2026-03-08T07:00"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00"),
        ("Australia/Lord_Howe", "2020-10-04T02:15", "2020-10-03T15:30"),
        ("Australia/Lord_Howe", "2021-04-04T01:45", "2021-04-03T14:45"),
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00"),
        ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00"),
        ("Antarctica/Troll", "2026-03-29T01:20:00.5", "2026-03-29T01:00"),
    ],
)
def test_a_local_time_is_the_first_instant_that_has_shown_it(zone, local, expected):
    instant = resolve(datetime.fromisoformat(local), ZoneInfo(zone))

    assert instant == datetime.fromisoformat(expected).replace(tzinfo=UTC)


QUARTER = timedelta(minutes=15)


def around_clock_changes(zone):
    """Instants a quarter of an hour apart, over three days around each change of the clock, 2007 to 2027."""
    day = datetime(2007, 1, 1, tzinfo=UTC)
    while day.year < 2028:
        following = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            yield [day + n * QUARTER for n in range(-96, 2 * 96)]
        day = following


@pytest.mark.parametrize("name", ZONES)
def test_resolving_agrees_with_watching_the_clock_around_every_change(name):
    zone = ZoneInfo(name)

    for instants in around_clock_changes(zone):
        shown = [wall(instant, zone) for instant in instants]
        highest = [max(shown[: n + 1]) for n in range(len(shown))]
        for local in sorted({*shown, *(first + timedelta(minutes=30) for first in shown[:-8])}):
            seen = next((instant for instant, high in zip(instants, highest, strict=True) if high >= local))
            assert seen - QUARTER < resolve(local, zone) <= seen


@pytest.mark.parametrize("name", ZONES)
def test_the_highest_time_shown_asks_the_same_question_backwards(name):
    zone = ZoneInfo(name)
    tick = timedelta(microseconds=1)

    for instants in around_clock_changes(zone):
        for instant in instants[::3]:
            high = high_water(instant, zone)
            assert resolve(high, zone) <= instant < resolve(high + tick, zone)


def test_the_names_of_zones_are_read_once():
    """They stand in hundreds of files; a calendar of some thousand events asks for each of them."""
    assert zone_names() is zone_names()
    assert "Europe/Berlin" in zone_names()
