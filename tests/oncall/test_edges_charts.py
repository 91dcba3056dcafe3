"""Charts as plain geometry."""

import pytest

from oncall.edges import charts


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (7, 8), (8, 8), (9, 10), (11, 20), (84, 100)])
def test_the_axis_ends_at_a_round_number(value, top):
    assert charts.ceiling(value) == top


def test_bars_stand_on_the_base_and_print_their_totals():
    chart = charts.stacked_bars(
        ["2 Mar", "9 Mar"], [("Major", "m-c1", [1, 0]), ("Minor", "m-c3", [3, 0])], name="x"
    )

    full, empty = chart.bars
    assert (full.total, empty.total) == (4, 0)
    assert full.parts[0].y + full.parts[0].height + charts.GAP == pytest.approx(chart.base, abs=0.02)
    assert full.parts[1].y == pytest.approx(charts.TOP)
    assert (full.title, empty.title) == ("2 Mar: 1 major, 3 minor", "9 Mar: none")
    assert full.x >= 0 and empty.x + empty.width <= 100


def test_the_last_label_is_always_kept():
    chart = charts.stacked_bars(["a", "b", "c", "d"], [("x", "m-c1", [1, 1, 1, 1])], name="x")

    assert [bar.label for bar in chart.bars] == ["", "b", "", "d"]


def test_a_missing_value_leaves_a_gap_in_the_line():
    chart = charts.lines(list("abcd"), [("Median", "median", [1, None, 3, 4])], name="x", words=str)

    line = chart.lines[0]
    assert [run.count(",") for run in line.runs] == [1, 2]
    assert len(line.dots) == 3


def test_a_chart_of_nothing_can_be_drawn():
    assert charts.lines(["a"], [("Median", "median", [None])], name="x", words=str).lines[0].runs == ()
    assert charts.stacked_bars([], [], name="x").bars == ()
