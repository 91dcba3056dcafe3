"""Times in words."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from oncall.edges import times

NOW = datetime(2026, 3, 11, 13, 2, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("seconds", "exact", "words"),
    [
        (0, False, "0 s"),
        (40, False, "40 s"),
        (100, False, "1 min"),
        (100, True, "1 min 40 s"),
        (180, True, "3 min"),
        (12 * 60, True, "12 min"),
        (60 * 60, False, "1 h"),
        (5 * 3600 + 600, False, "5 h 10 min"),
        (27 * 3600, False, "1 d 3 h"),
        (48 * 3600, False, "2 d"),
    ],
)
def test_a_length_has_at_most_two_units(seconds, exact, words):
    assert times.span(timedelta(seconds=seconds), exact=exact) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 3, 11, 12, 22, tzinfo=UTC), "13:22"),
        (datetime(2026, 3, 10, 9, 40, tzinfo=UTC), "Tue 10:40"),
        (datetime(2026, 3, 12, 8, 0, tzinfo=UTC), "Thu 09:00"),
        (datetime(2026, 2, 26, 8, 22, tzinfo=UTC), "26 Feb, 09:22"),
        (datetime(2025, 2, 26, 8, 22, tzinfo=UTC), "26 Feb 2025, 09:22"),
        (datetime(2026, 3, 10, 23, 30, tzinfo=UTC), "00:30"),  # still Tuesday in UTC, already today in Berlin
    ],
)
def test_a_clock_time_names_the_day_only_where_it_must(at, words):
    assert times.clock(at, NOW, BERLIN) == words


def test_the_whole_time_names_the_place():
    assert times.whole(NOW, BERLIN) == "Wednesday 11 March 2026, 14:02 in Berlin"


@pytest.mark.parametrize(
    ("minutes", "text", "tone", "used"),
    [
        (30, "in 30 min", "", 50),
        (4, "4 min left", "soon", 93),
        (0, "0 s late", "late", 100),
        (-4, "4 min late", "late", 100),
    ],
)
def test_a_deadline_is_said_in_words_and_drawn_as_a_share(minutes, text, tone, used):
    at = NOW + timedelta(minutes=minutes)

    due = times.due(at, NOW, start=at - timedelta(hours=1), soon=timedelta(minutes=5))

    assert (due.text, due.tone, due.used) == (text, tone, used)


@pytest.mark.parametrize(
    ("left", "words"),
    [(-3, "3 days late"), (-1, "1 day late"), (0, "today"), (1, "tomorrow"), (12, "in 12 days")],
)
def test_a_day_is_as_far_as_the_calendar_says(left, words):
    today = date(2026, 3, 9)

    assert times.days(today + timedelta(days=left), today) == words


def test_a_day_of_another_year_says_which():
    assert times.day(date(2025, 12, 24), date(2026, 3, 9)) == "24 Dec 2025"
