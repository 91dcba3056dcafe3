"""Twelve months of uptime: page, grid and file from the same days."""

import csv
import io
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from statuspage import rollup
from statuspage.documents import html, year
from statuspage.documents.page import Spell
from tests.statuspage import northwind

PAGE = northwind.outage()
CARDS = next(one for one in PAGE.components if one.name == "Card payments")


def test_twelve_months_end_with_this_one():
    told = year.days(PAGE, CARDS)
    months = year.months(told, year.entries(PAGE, CARDS, told), status_now=CARDS.status)

    assert [month.name for month in months][::11] == ["Dec 2025", "Nov 2026"]
    assert [len(month.cells) for month in months] == [31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30]
    assert len(months[-1].lead) == date(2026, 11, 1).weekday()


def test_days_to_come_are_not_known_and_today_is_never_better_than_now():
    told = year.days(PAGE, CARDS)
    now = year.months(told, [], status_now=rollup.MAJOR)[-1]

    assert now.cells[22].step == "full"
    assert {cell.step for cell in now.cells[23:]} == {"none"}


def test_a_troubled_day_leads_to_its_post_or_to_the_table():
    text = html.year(PAGE, CARDS).decode()

    link = r'<a class="medium" href="/incidents/cardissuers0/" aria-label="14.November: major outage'
    assert re.search(link, text)
    assert "How this is computed" in text and "Card payments" in text


def test_several_posts_of_a_day_lead_to_its_line_in_the_table():
    day = northwind.at("11-20 09:00")
    spells = (
        Spell(rollup.MAJOR, day, day + timedelta(hours=1), "cardissuers0"),
        Spell(rollup.PARTIAL, day + timedelta(hours=3), day + timedelta(hours=4), "slow3dsecure"),
    )
    text = html.year(PAGE, replace(CARDS, spells=spells)).decode()

    assert 'href="#d2026-11-20"' in text and text.count('id="d2026-11-20"') == 1


def test_the_file_has_a_line_a_day_and_says_nothing_where_nothing_is_known():
    told = year.days(PAGE, replace(CARDS, start_date=date(2026, 11, 1)))
    rows = list(csv.DictReader(io.StringIO(year.as_csv(told).decode())))

    assert rows[0]["day"] == "2025-12-01" and rows[0]["uptime_percent"] == ""
    assert next(row for row in rows if row["day"] == "2026-11-14")["uptime_percent"] == "97.08"
    assert len(rows) == len(told)


@pytest.mark.parametrize("changes", [{"showcase": False}, {"only_show_if_degraded": True}])
def test_a_component_that_hides_its_uptime_or_itself_is_not_offered(changes):
    fine = replace(CARDS, status=rollup.OPERATIONAL, **changes)
    page = replace(PAGE, components=tuple(fine if one.id == CARDS.id else one for one in PAGE.components))

    assert CARDS.id not in {one.id for one in year.shown(page)}


def test_a_page_without_components_says_so():
    assert b"No component shows its uptime yet" in html.year(replace(PAGE, components=()), None)


def test_the_frame_for_other_pages_is_small_and_leads_home():
    body = html.embed(PAGE)

    assert len(body) < 4096 and b'target="_top"' in body
