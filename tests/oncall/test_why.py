"""Why these people: at any instant, layer by layer, with windows and exceptions, and the result."""

from datetime import timedelta

import pytest

from oncall import absences
from oncall.models import HolidayCalendar
from tests.oncall.console import NOW, layer, make_schedule, page_of, words

pytestmark = pytest.mark.django_db
OFFICE = {"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR"], "from": "08:00", "to": "20:00"}


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def layered(people):
    days = layer("Days", priority=2, slots=[["carol"]], restrictions=[OFFICE], end="2026-06-01T09:00")
    swap = {"kind": "replace", "user": "bob", "by": "alice", "reason": "Dentist"}
    span = {"start": "2026-03-12T20:00", "end": "2026-03-13T08:00"}
    return make_schedule(layers=[layer("Nights"), days], exceptions=[swap | span])


def why(client, schedule, at):
    return client.get(page_of(schedule), {"at": at} if at else {}).context["page"].why


def lines(client, schedule, at):
    return {line.name: line.says for line in why(client, schedule, at).lines}


def test_for_now_the_winning_layer_stands_above_the_hidden_one(client, staff, layered):
    page = client.get(page_of(layered), {"why": "1"})

    said = words(page)
    assert "Wed 11 March 2026 09:00 in New York, 14:00 your time" in said
    assert "Nights priority 1, weekly, Mon 09:00 turn 2, Bob Doe: hidden" in said
    assert lines(client, layered, "") == {
        "Days": "turn 2, Carol Doe: is on call",
        "Nights": "turn 2, Bob Doe: hidden",
    }
    assert "On call Carol Doe: Days, turn 2" in said


def test_a_time_is_asked_on_the_viewers_clock(client, staff, layered):
    assert why(client, layered, "2026-03-13T02:00").at.isoformat() == "2026-03-13T01:00:00+00:00"


def test_an_exception_is_told_where_it_acts(client, staff, layered):
    found = lines(client, layered, "2026-03-13T03:00")

    assert found["Nights"] == "turn 2, Bob Doe; after exceptions Alice Doe: is on call"
    assert found["Exception"].startswith("Bob → Alice, Thu 12 March 20:00 to Fri 13 March 08:00: Dentist")
    assert why(client, layered, "2026-03-13T03:00").because == ["Alice Doe: Nights, turn 2, Bob → Alice"]


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("2026-03-15T12:00", "does not cover this time: outside of its windows"),
        ("2026-02-01T12:00", "begins Mon 2 March 2026 09:00"),
        ("2026-07-01T15:00", "ended Mon 1 June 2026 09:00"),
        ("2026-03-17T15:00", "leaves out 17 March, as a holiday or an excluded date"),
    ],
)
def test_a_layer_that_does_not_cover_says_why(client, staff, layered, at, says):
    calendar = HolidayCalendar.objects.create(name="Feasts", days=["2026-03-17"])
    calendar.layers.set(layered.layers.filter(name="Days"))

    assert lines(client, layered, at)["Days"] == says


def test_who_is_away_is_told(client, staff, schedule, people):
    absences.add(people["bob"], start=NOW, end=NOW + timedelta(days=1), by=None, at=NOW)

    found = why(client, schedule, "2026-03-11T20:00")

    assert found.who == "nobody"
    assert found.because == ["Nobody: primary, turn 2, Bob away"]
    assert [line.name for line in found.lines] == ["primary", "Absence"]


def test_before_every_layer_nobody_is_on_call(client, staff, layered):
    assert why(client, layered, "2026-02-01T12:00").because == ["No layer covers this time."]


def test_every_line_of_the_table_asks_for_its_own_time(client, staff, layered):
    page = client.get(page_of(layered)).context["page"]

    asked = page.table[-1].ask.removesuffix("#why")
    assert client.get(page_of(layered) + asked).context["page"].why.who == page.table[-1].who


@pytest.mark.parametrize(
    "at",
    ["yesterday", "2026-13-45T00:00", "0001-01-01T00:00", "9999-12-31T23:59", "²", "' OR 1"],
)
def test_a_time_that_is_none_shows_now_and_says_so(client, staff, layered, at):
    page = client.get(page_of(layered), {"at": at})

    assert page.status_code == 200
    assert "is no date and time. This is for now." in words(page)
    assert page.context["page"].why.at == NOW


@pytest.mark.parametrize(
    "at", ["1900-01-01T00:00", "8999-12-31T23:59", "2026-03-29T02:30", "2026-10-25T02:30"]
)
def test_far_times_and_hours_that_a_clock_skips_or_repeats_are_answered(client, staff, layered, at):
    assert not why(client, layered, at).fault


def test_a_schedule_without_layers_says_so(client, staff):
    schedule = make_schedule("new", layers=[])

    assert "No layers Nobody can be on call until there is one." in words(
        client.get(page_of(schedule), {"at": "x"})
    )
