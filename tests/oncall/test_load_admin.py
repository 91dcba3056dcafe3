"""The pages about fair load and about who was on call, and their words."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from oncall import absences, duty_log, schedules
from oncall.admin.load import LogPage, MonthForm
from oncall.edges import load_words
from oncall.models import Schedule, Team
from tests.oncall.conftest import person
from tests.oncall.test_duty_log import many
from tests.oncall.test_load import page
from tests.oncall.test_swaps import day, may

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
NOW = day(12, 12)
LOAD = "/admin/oncall/schedule/load/"


@pytest.fixture(autouse=True)
def clock(time_machine):
    def turn_to(at):
        time_machine.move_to(at, tick=False)
        return at

    turn_to(day(9))
    return turn_to


@pytest.fixture
def recorded(primary, clock):
    """Four days, of which the pulse wrote down the first two as they happened."""
    for at in (day(9), day(10), day(11)):
        duty_log.record(now=lambda at=at: clock(at))
    duty_log.record(now=lambda: clock(NOW))
    return primary


@pytest.fixture
def see(client, recorded):
    """The text of a page, as somebody sees it who may view schedules."""
    client.force_login(may(person("rita"), "view_schedule", "view_page"))

    def text(path, status=200):
        answer = client.get(path)
        assert answer.status_code == status
        return " ".join(answer.content.decode().split())

    return text


# -- fair load ---------------------------------------------------------------------------------------------
def test_the_page_says_who_carries_most_and_how_far_each_is_from_the_mean(see):
    text = see(f"{LOAD}?start=2026-03&months=1")

    assert "<h1>The load is even: nobody is more than 7.5 h from the mean</h1>" in text
    assert "March 2026, all schedules" in text
    assert "7.5 h more than the mean" in text
    assert "7.5 h less than the mean" in text
    assert "How this is counted" in text


def test_a_team_is_compared_with_its_own_mean(see, bob, primary):
    [other] = many(1, bob)
    Schedule.objects.filter(pk=primary.pk).update(team=Team.objects.create(slug="payments", name="Payments"))

    text = see(f"{LOAD}?start=2026-03&months=1&of=team:payments")

    assert "March 2026, Payments" in text
    assert "7.5 h more than the team’s mean" in text
    assert "S0" not in text.split("How this is counted")[0].split("m-load-all")[1].split("m-double")[0]


def test_by_default_it_shows_the_last_three_months(see):
    assert "January to March 2026, all schedules" in see(LOAD)


def test_what_nobody_wrote_down_is_said(see):
    assert "3 h of the past nobody wrote down" in see(f"{LOAD}?start=2026-03&months=1")


def test_bars_are_drawings_without_inline_styles(see):
    text = see(f"{LOAD}?start=2026-03&months=1")

    assert '<rect class="m-load-past" width="' in text
    assert "style=" not in text


def test_pages_are_shown_to_who_may_see_them(see, client, alice):
    page(alice, day(9, 23))
    assert "1 at night" in see(f"{LOAD}?start=2026-03&months=1")

    client.force_login(may(person("ben"), "view_schedule"))

    assert "at night" not in see(f"{LOAD}?start=2026-03&months=1")


def test_clashes_of_the_next_thirty_days_are_shown_once_for_the_same_schedules(see, alice, bob):
    many(1, bob)
    absences.add(alice, start=day(15), end=day(16), by=alice, at=NOW)

    text = see(LOAD)

    assert "16 times, 360 h in all, first Thu 12 March 12:00 to Fri 13 March 09:00" in text
    assert 'Sun 15 March 09:00 to Mon 16 March 09:00. Instead: <b class="m-bad">nobody</b>' in text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("start=rubbish", "Write a month such as 2026-03."),
        ("start=2026-13", "Write a month such as 2026-03."),
        ("start=0001-01", "Choose a month of the years 1972 to 2197."),
        ("start=9999-12", "Choose a month of the years 1972 to 2197."),
        ("months=400", "Choose 1, 3, 6 or 12 months."),
        ("months=x&start=", "Choose 1, 3, 6 or 12 months."),
        ("of=team:none", "There is no such team or schedule."),
        ("of=%F0%9F%A6%86", "There is no such team or schedule."),
    ],
)
def test_rubbish_is_refused_with_a_sentence_and_the_page_still_shows(see, query, sentence):
    text = see(f"{LOAD}?{query}")

    assert sentence in text
    assert "January to March 2026" in text


@pytest.mark.parametrize("query", ["start=1972-01&months=12", "start=2197-12&months=12"])
def test_the_ends_of_the_calendar_are_shown(see, query):
    see(f"{LOAD}?{query}")


def test_a_portal_without_schedules_shows_nobody(client, db):
    client.force_login(may(person("rita"), "view_schedule"))

    assert "Nobody is on call in this time" in client.get(LOAD).content.decode()


def test_the_export_asks_the_api_for_the_same(see, client):
    text = see(f"{LOAD}?start=2026-03&months=1")
    query = text.split("/api/v1/on-call/load/?")[1].split('"')[0].replace("&amp;", "&")

    lines = b"".join(client.get(f"/api/v1/on-call/load/?{query}")).decode().splitlines()

    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["alice", "Alice", "2026-03"],
        ["bob", "Bob", "2026-03"],
    ]


def test_the_schedules_pages_lead_here(see, recorded):
    assert f'href="{LOAD}"' in see("/admin/oncall/schedule/")
    text = see(f"/admin/oncall/schedule/{recorded.pk}/change/")
    assert f"{LOAD}?of=schedule:primary" in text
    assert f"/admin/oncall/schedule/{recorded.pk}/log/" in text


# -- the log -----------------------------------------------------------------------------------------------
def log_of(schedule, query="") -> str:
    return reverse("admin:oncall_schedule_log", args=[schedule.pk]) + query


def test_the_log_page_shows_what_was_whatever_the_schedule_says_now(see, recorded, carol, clock):
    form = schedules.to_form(recorded)
    form["layers"][0]["slots"] = [["carol"]]
    schedules.replace(recorded, form, by=None, at=clock(day(12, 13)))
    duty_log.record(now=lambda: day(12, 13))

    text = see(log_of(recorded))

    people = [part.split("<")[0].strip() for part in text.split('<th scope="row">')[1:]]
    assert people == ["Carol", "Bob", "Bob", "Alice", "Bob", "Alice"]
    assert "since Monday 9 March 2026, 09:00 in UTC" in text
    assert "still so" in text


def test_what_was_filled_in_is_marked(see, recorded):
    text = see(log_of(recorded))

    assert text.count("Filled in later, Thu 12 Mar 12:00") == 1


def test_a_month_without_entries_and_one_that_is_none(see, recorded):
    assert "Nothing is written down for this month." in see(log_of(recorded, "?start=2020-01"))
    assert "Write a month such as 2026-03." in see(log_of(recorded, "?start=x"))


def test_a_schedule_that_nobody_has_written_down_yet(alice):
    [fresh] = many(1, alice)

    shown = LogPage(fresh, MonthForm({}), ZoneInfo("UTC"), NOW)

    assert (shown.begins, shown.lines) == ("", [])


def test_times_of_another_clock_are_shown_beside(see, client, recorded):
    assert "From, your time" not in see(log_of(recorded))

    client.force_login(may(person("nina", time_zone="Asia/Tokyo"), "view_schedule"))

    assert "Mon 9 Mar 18:00" in see(log_of(recorded))


# -- rights ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [LOAD, "log"])
def test_who_may_not_view_schedules_sees_neither_page(client, recorded, path):
    address = log_of(recorded) if path == "log" else path
    assert client.get(address).status_code == 302
    client.force_login(may(person("carl"), "view_page"))
    assert client.get(address).status_code == 403


def test_a_schedule_that_is_not_there_has_no_log(see):
    see("/admin/oncall/schedule/9999/log/", status=404)


# -- words -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hours", "words"),
    [(0, "0 h"), (0.2, "0 h"), (0.3, "0.5 h"), (9.4, "9.5 h"), (10.4, "10 h"), (1161.5, "1162 h")],
)
def test_hours_in_words(hours, words):
    assert load_words.hours(hours * HOUR) == words


@pytest.mark.parametrize(
    ("hours", "words", "brief"),
    [
        (12, "12 h more than the team’s mean", "12 h more"),
        (-3.5, "3.5 h less than the team’s mean", "3.5 h less"),
        (0.1, "as much as the team’s mean", "the mean"),
    ],
)
def test_a_difference_in_words(hours, words, brief):
    assert load_words.compared(hours * HOUR, "the team’s mean") == words
    assert load_words.briefly(hours * HOUR) == brief
