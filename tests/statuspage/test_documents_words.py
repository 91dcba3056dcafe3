from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from statuspage.documents import words
from tests.statuspage import northwind

EVENING = datetime(2026, 11, 27, 5, 41, tzinfo=UTC)
TOKYO, UTC_ZONE = ZoneInfo("Asia/Tokyo"), ZoneInfo("UTC")
FORMS = {
    "en": "Fri 27 November 2026, 14:41 JST|27 Nov|1 November|1 h 20 min|99.97 %|A, B and C",
    "de": "Fr, 27. November 2026, 14:41 JST|27. Nov.|1. November|1 Std. 20 Min.|99,97 %|A, B und C",
    "fr": "ven. 27 novembre 2026, 14:41 JST|27 nov.|1er novembre|1 h 20 min|99,97\u202f%|A, B et C",
    "es": "vie, 27 de noviembre de 2026, 14:41 JST|27 nov|1 de noviembre|1 h 20 min|99,97 %|A, B y C",
    "ja": "2026年11月27日(金) 14:41 JST|11月27日|11月1日|1時間20分|99.97%|A、B、C",
}


@pytest.mark.parametrize("language", FORMS)
def test_dates_lengths_and_figures_are_written_as_the_language_writes_them(language):
    with translation.override(language):
        forms = [
            words.full(EVENING, TOKYO),
            words.short_day(date(2026, 11, 27)),
            words.day(date(2026, 11, 1)),
            words.length(80 * 60),
            words.percent(Decimal("99.97")),
            words.joined(["A", "B", "C"]),
        ]

    assert "|".join(forms).replace(words.NBSP, " ") == FORMS[language]


SPANS = {
    "en": "15 – 22 November|30 October – 2 November|Thu 26 November, 01:00 – 03:30 UTC|June to August 2026",
    "de": "15. – 22. November|30. Oktober – 2. November|Do, 26. November, 01:00 – 03:30 UTC|"
    "Juni bis August 2026",
    "fr": "15 – 22 novembre|30 octobre – 2 novembre|jeu. 26 novembre, 01:00 – 03:30 UTC|juin à août 2026",
    "es": "15 – 22 de noviembre|30 de octubre – 2 de noviembre|jue, 26 de noviembre, 01:00 – 03:30 UTC|"
    "junio a agosto de 2026",
    "ja": "11月15日～22日|10月30日～11月2日|11月26日(木) 01:00～03:30 UTC|2026年6月～8月",
}


@pytest.mark.parametrize("language", SPANS)
def test_spans_of_time_are_written_as_the_language_writes_them(language):
    november = northwind.at("11-26 01:00")
    with translation.override(language):
        spans = [
            words.day_range(date(2026, 11, 15), date(2026, 11, 22)),
            words.day_range(date(2026, 10, 30), date(2026, 11, 2)),
            words.window(november, november + timedelta(minutes=150), UTC_ZONE),
            words.months(date(2026, 6, 1), date(2026, 8, 1)),
        ]

    assert "|".join(spans).replace(words.NBSP, " ") == SPANS[language]


def test_a_number_holds_on_to_what_it_counts():
    with translation.override("de"):
        assert words.day(date(2026, 11, 27)) == f"27.{words.NBSP}November"
