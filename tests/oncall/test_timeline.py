"""The pictures of a schedule: places of bars, lines of days, and the words around them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from oncall import rotation
from oncall.edges import month, schedule_words, timeline

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
NOW = datetime(
    2026, 3, 11, 13, 2, tzinfo=UTC
)  # Wednesday 09:02 in New York, three days after the clocks changed
PLAN = rotation.parse(
    {
        "time_zone": "America/New_York",
        "layers": [
            {
                "name": "Round the clock",
                "rotation": {"unit": "week", "length": 1, "anchor": "2026-03-02T08:00"},
                "slots": [["ruth"], ["owen"]],
            },
            {
                "name": "Days",
                "priority": 2,
                "rotation": {"unit": "week", "length": 1, "anchor": "2026-03-02T08:00"},
                "slots": [["dana"], ["marcus"]],
                "restrictions": [
                    {"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR"], "from": "08:00", "to": "20:00"}
                ],
            },
        ],
        "exceptions": [
            {"kind": "remove", "user": "owen", "start": "2026-03-14T10:00", "end": "2026-03-15T10:00"},
            {
                "kind": "replace",
                "user": "ruth",
                "by": "owen",
                "start": "2026-03-18T20:00",
                "end": "2026-03-20T08:00",
            },
            {"kind": "add", "user": "dana", "start": "2026-03-19T00:00", "end": "2026-03-19T12:00"},
        ],
    }
)
FACES = schedule_words.faces({}, PLAN)


def drawn(first=date(2026, 3, 9), days=14):
    scale = timeline.Scale(NEW_YORK, first, days)
    return timeline.draw(PLAN, rotation.final(PLAN, scale.start, scale.end), scale, FACES, NOW)


def test_higher_layers_stand_above_and_the_final_row_below():
    assert [row.name for row in drawn().rows] == ["Days", "Round the clock", "Exceptions", "On call"]


def test_bars_of_the_final_row_fill_the_width():
    bars = drawn().rows[-1].bars

    assert bars[0].x == 0
    assert sum(bar.width for bar in bars) == pytest.approx(100, abs=0.1)


def test_a_day_of_23_hours_is_as_wide_as_any_other():
    scale = timeline.Scale(NEW_YORK, date(2026, 3, 7), 4)

    assert [scale.place(midnight) for midnight in scale.midnights] == [0, 25, 50, 75, 100]
    assert scale.place(datetime(2026, 3, 8, 16, tzinfo=UTC)) == pytest.approx(25 + 25 * 11 / 23, abs=0.01)


def test_a_gap_torn_by_an_exception_says_nobody():
    [gap] = [bar for bar in drawn().rows[-1].bars if bar.look == "gap"]

    assert (gap.label, gap.title) == ("Nobody", "Nobody, Sat 14 March 10:00 to Sun 15 March 10:00")


def test_what_no_layer_covers_is_told_from_what_an_exception_has_torn():
    before = drawn(first=date(2026, 2, 16)).rows[-1].bars

    assert [bar.look for bar in before][0] == "bare"


def test_exceptions_that_overlap_have_a_lane_each():
    row = drawn().rows[2]

    assert [(bar.title.split(",")[0], bar.look, bar.y) for bar in row.bars] == [
        ("owen away", "away", 0),
        ("ruth → owen", "cover", 0),
        ("with dana", "cover", timeline.LANE),
    ]
    assert row.height == 2 * timeline.LANE + timeline.PADDING


def test_what_an_exception_says_is_never_cut_off():
    assert [bar.label for bar in drawn().rows[2].bars] == ["OW away", "ruth → owen", ""]
    assert [bar.label for bar in drawn(days=7).rows[2].bars][0] == "owen away"


def test_a_row_without_the_edit_stands_above_the_one_with_it():
    scale = timeline.Scale(NEW_YORK, date(2026, 3, 9), 14)
    segments = rotation.final(PLAN, scale.start, scale.end)

    rows = timeline.draw(PLAN, segments, scale, FACES, NOW, before=segments).rows

    assert [(row.name, row.look) for row in rows[-2:]] == [("As it is", "was"), ("On call", "final")]


def test_names_give_way_to_initials_where_there_is_no_room():
    labels = {bar.label for bar in drawn().rows[-1].bars}

    assert {"ruth", "DA", "OW"} <= labels


def test_the_now_line_stands_where_the_day_is():
    assert drawn().now == pytest.approx(100 * (2 + 9.033 / 24) / 14, abs=0.01)
    assert drawn(first=date(2026, 4, 6)).now is None


def test_a_month_has_a_line_for_each_hand_over():
    start, end = month.span(date(2026, 3, 11), NEW_YORK)
    picture = month.draw(
        date(2026, 3, 11), rotation.final(PLAN, start, end), NEW_YORK, FACES, date(2026, 3, 11)
    )
    cells = {(cell.number, cell.outside): cell for week in picture.weeks for cell in week}

    assert [(line.hour, line.name) for line in cells[11, False].lines] == [("08", "marcus"), ("20", "owen")]
    assert [(line.hour, line.name) for line in cells[14, False].lines] == [("", "owen"), ("10", "Nobody")]
    assert [line.is_exception for line in cells[18, False].lines] == [False, True]
    assert cells[11, False].today
    assert all(len(week) == 7 for week in picture.weeks)


@pytest.mark.parametrize("day", [date(2026, 2, 15), date(2026, 3, 1), date(2027, 1, 31), date(2028, 12, 31)])
def test_a_month_shows_whole_weeks_around_all_its_days(day):
    first, end = month.span(day, BERLIN)
    local = first.astimezone(BERLIN), end.astimezone(BERLIN)

    assert [at.strftime("%a %H:%M") for at in local] == ["Mon 00:00", "Mon 00:00"]
    assert local[0].date() <= day.replace(day=1)
    assert day < local[1].date() <= day + timedelta(days=38)


def test_the_viewers_zone_is_named_with_the_change_to_come():
    assert schedule_words.zones(NEW_YORK, BERLIN, NOW) == (
        "Times in New York (the schedule's zone). You are in Berlin: 5 h later, 6 h later from 29 March."
    )
    assert schedule_words.zones(BERLIN, BERLIN, NOW) == "Times in Berlin, the schedule's zone and yours."


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ({"type": "daily", "days": ["MO", "TU", "WE"], "from": "08:00", "to": "20:30"}, "Mon–Wed 08–20:30"),
        ({"type": "daily", "days": ["SA", "MO"], "from": "22:00", "to": "06:00"}, "Mon, Sat 22–06"),
        ({"type": "daily", "from": "09:00", "to": "17:00"}, "daily 09–17"),
        (
            {"type": "weekly", "from_day": "FR", "from": "18:00", "to_day": "MO", "to": "08:00"},
            "Fri 18 to Mon 08",
        ),
    ],
)
def test_windows_are_said_in_a_few_words(window, words):
    assert schedule_words.window(rotation.restriction(window, "window")) == words
