"""Fair load: the past as recorded, the rest as planned, and how far everybody is from the mean."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oncall import absences, duty_log, holidays, load, paging, schedules, swaps
from oncall.models import DutyLog, HolidayCalendar, Page, Schedule, Team, User
from tests.oncall.conftest import person
from tests.oncall.test_duty_log import many
from tests.oncall.test_swaps import day, may

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
UTC = ZoneInfo("UTC")
START = day(9)  # when alice's first turn on ``primary`` begins; bob's begins a day later, and so on


@pytest.fixture(autouse=True)
def clock(time_machine):
    def turn_to(at):
        time_machine.move_to(at, tick=False)
        return at

    turn_to(START)
    return turn_to


@pytest.fixture
def pulse(clock):
    """The pulse writes down who is on call at these times."""

    def run(*times):
        for at in times:
            duty_log.record(now=lambda at=at: clock(at))

    return run


@pytest.fixture
def reader(db) -> User:
    return may(person("rita"), "view_schedule", "view_page")


@pytest.fixture
def ask(reader):
    """``ask(day(9), day(13), at=day(11))``: {username: row}."""

    def report(start, end, *, at, scope=None, zone=UTC, reader=reader):
        found = load.report(scope or load.Scope(), start, end, zone=zone, reader=reader, at=at)
        report.last = found
        return {row.person.username: row for row in found.rows}

    return report


def hours(row, name="on_call") -> float:
    return getattr(row.total, name) / HOUR


# -- where it comes from -----------------------------------------------------------------------------------
def test_the_past_is_what_was_recorded_whatever_the_schedule_says_now(primary, carol, pulse, clock, ask):
    pulse(START, day(10))
    form = schedules.to_form(primary)
    form["layers"][0]["slots"] = [["carol"]]
    schedules.replace(primary, form, by=None, at=clock(day(11)))
    pulse(day(11))

    found = ask(START, day(13), at=day(12))

    assert {name: (hours(row), hours(row, "ahead")) for name, row in found.items()} == {
        "alice": (24, 0),
        "bob": (24, 0),
        "carol": (48, 24),
    }
    assert hours(found["carol"], "computed") == 0


def test_what_nobody_wrote_down_is_computed_and_said_so(primary, pulse, ask):
    pulse(START, day(12))

    found = ask(START, day(13), at=day(12))

    assert (hours(found["alice"]), hours(found["alice"], "computed")) == (48, 24)
    assert hours(found["bob"], "computed") == 24


def test_before_the_log_the_schedule_answers_but_not_for_a_time_before_it_was_made(primary, pulse, ask):
    pulse(day(11))

    found = ask(day(2), day(13), at=day(12))

    assert hours(found["alice"]) == hours(found["bob"]) == 48  # its anchor is the 9th, and so is its making
    Schedule.history.update(history_date=day(10))
    found = ask(day(2), day(13), at=day(12))
    assert (hours(found["alice"]), hours(found["bob"])) == (24, 48)


def test_a_hand_over_that_the_pulse_has_not_noted_yet_is_computed(primary, pulse, ask):
    pulse(START)

    found = ask(START, day(11), at=day(10, 10))

    assert (hours(found["alice"]), hours(found["bob"])) == (24, 24)
    assert (hours(found["bob"], "computed"), hours(found["bob"], "ahead")) == (1, 23)


def test_a_schedule_that_is_gone_still_counts(primary, pulse, clock, ask):
    pulse(START, day(10))
    clock(day(11))
    primary.delete()
    pulse(day(11))

    found = ask(START, day(20), at=day(12))

    assert {name: hours(row) for name, row in found.items()} == {"alice": 24, "bob": 24}
    [(named, _)] = found["bob"].schedules
    assert (named.slug, named.is_here) == ("primary", False)


def test_a_person_who_is_gone_still_counts_on_her_own_clock(primary, bob, pulse, ask):
    pulse(START, day(10), day(11))
    bob.delete()

    found = ask(START, day(11), at=day(11))

    assert (hours(found["bob"]), hours(found["bob"], "night")) == (24, 10)
    assert (found["bob"].person.time_zone, found["bob"].person.is_here) == ("America/New_York", False)


def test_a_person_renamed_is_one_person(primary, alice, pulse, ask):
    pulse(START, day(10), day(11))
    User.objects.filter(pk=alice.pk).update(username="alicia")
    pulse(day(12), day(13))

    found = ask(START, day(14), at=day(13))

    assert hours(found["alicia"]) == 72
    assert "alice" not in found


# -- who is in it ------------------------------------------------------------------------------------------
def test_who_stood_on_a_roster_without_a_turn_has_carried_nothing(primary, pulse, ask):
    found = ask(START, day(10), at=START)

    assert hours(found["bob"]) == 0
    assert (found["alice"].difference, found["bob"].difference) == (12 * HOUR, -12 * HOUR)


def test_the_mean_is_told_for_each_month(primary, ask):
    found = ask(day(30), day(30) + timedelta(days=4), at=START)

    assert [month.key for month in ask.last.months] == ["2026-03", "2026-04"]
    assert [mean / HOUR for mean in ask.last.means] == [19.5, 28.5]
    assert [difference / HOUR for difference in found["alice"].differences] == [-4.5, 4.5]


def test_a_scope_counts_a_teams_schedules_or_one(primary, bob, ask):
    [other] = many(1, bob)
    other.team = Team.objects.create(slug="ledger", name="Ledger")
    other.save()
    both, teams = ask(START, day(11), at=START), ask(START, day(11), at=START, scope=load.Scope(other.team))

    assert (hours(both["bob"]), hours(both["bob"], "twice")) == (48, 24)
    assert [(named.slug, length / HOUR) for named, length in both["bob"].schedules] == [
        ("primary", 24),
        ("s0", 48),
    ]
    assert {name: hours(row) for name, row in teams.items()} == {"bob": 48}
    alone = ask(START, day(11), at=START, scope=load.Scope(schedule=primary))
    assert {name: hours(row) for name, row in alone.items()} == {"alice": 24, "bob": 24}


def test_a_deleted_schedule_counts_for_the_team_that_owned_it_last(primary, pulse, clock, ask):
    primary.team = Team.objects.create(slug="payments", name="Payments")
    primary.save()
    pulse(START, day(10))
    clock(day(10, 12))
    primary.delete()
    pulse(day(10, 12))

    found = ask(START, day(11), at=day(11), scope=load.Scope(Team.objects.get()))
    others = ask(START, day(11), at=day(11), scope=load.Scope(Team.objects.create(slug="x", name="X")))

    assert {name: hours(row) for name, row in found.items()} == {"alice": 24, "bob": 3}
    assert others == {}


# -- what else is counted ----------------------------------------------------------------------------------
def holiday(*layers) -> None:
    """The 10th is one, on these layers."""
    calendar = HolidayCalendar.objects.first() or HolidayCalendar(name="All")
    holidays.write(calendar, days={"2026-03-10": "Founders’ Day"}, layers=layers, by=None, at=START)


def test_a_calendar_on_a_layer_counts_for_whoever_is_on_call_there_instead(primary, bob, carol, ask):
    many(1, bob)
    instead = primary.layers.create(name="instead", priority=0, anchor=START.replace(tzinfo=None))
    instead.slots.create(position=0).users.add(carol)

    holiday(primary.layers.get(name="days"))

    found = ask(START, day(12), at=START)
    assert {name: hours(row, "holiday") for name, row in found.items()} == {"alice": 0, "bob": 0, "carol": 24}


def test_a_calendar_on_no_layer_counts_everywhere(primary, bob, ask):
    many(1, bob)

    holiday()

    found = ask(START, day(12), at=START)
    assert {name: hours(row, "holiday") for name, row in found.items()} == {"alice": 9, "bob": 24}


def page(user, at) -> Page:
    """Somebody is paged."""
    made = paging.page(title="Down", user=user, urgency="high", by=None, at=at)
    paging.advance_due(now=lambda: at)
    return made


def test_pages_count_with_those_at_night(primary, alice, bob, ask):
    page(alice, day(9, 12))  # 13:00 in Berlin
    page(alice, day(9, 23))
    page(bob, day(9, 12))  # who is not on call then

    found = ask(START, day(11), at=START)
    narrow = ask(START, day(11), at=START, scope=load.Scope(schedule=primary))

    assert (found["alice"].total.pages, found["alice"].total.night_pages) == (2, 1)
    assert (found["bob"].total.pages, narrow["bob"].total.pages) == (1, 0)
    assert narrow["alice"].total.pages == 2


def test_a_page_that_the_reader_may_not_see_is_not_counted(primary, alice, ask):
    private = page(alice, day(9, 12))
    Page.objects.filter(pk=private.pk).update(private=True)
    seer = may(person("sue"), "view_page", "view_private_page")
    blind = may(person("ben"), "view_schedule")

    assert ask(START, day(11), at=START)["alice"].total.pages == 0
    assert ask(START, day(11), at=START, reader=seer)["alice"].total.pages == 1
    assert ask(START, day(11), at=START, reader=blind)["alice"].total.pages == 0
    assert not ask.last.tells_pages


def test_swaps_count_for_both(primary, alice, bob, ask):
    swaps.take_at_once(primary, requester=alice, start=day(11), end=day(12), taker=bob, by=None, at=START)
    swaps.ask(primary, requester=bob, start=day(12), end=day(13), by=bob, at=START)

    found = ask(START, day(14), at=START)

    assert (found["alice"].total.given, found["alice"].total.taken) == (1, 0)
    assert (found["bob"].total.given, found["bob"].total.taken) == (0, 1)


# -- conflicts ---------------------------------------------------------------------------------------------
def test_who_is_on_call_twice_at_once_is_told_by_person(primary, bob, ask):
    many(2, bob)

    [found] = load.conflicts(load.Scope(), START, day(11), at=START)

    assert found.person.username == "bob"
    assert [(each.start, each.end, [s.slug for s in each.schedules]) for each in found.double] == [
        (START, day(10), ["s0", "s1"]),
        (day(10), day(11), ["primary", "s0", "s1"]),
    ]


def test_a_scope_shows_double_bookings_with_any_of_its_schedules(primary, bob):
    many(2, bob)

    [found] = load.conflicts(load.Scope(schedule=primary), START, day(11), at=START)

    assert [(each.start, len(each.schedules)) for each in found.double] == [(day(10), 3)]


def test_past_double_bookings_are_those_of_the_log(primary, alice, bob, pulse, clock):
    [other] = many(1, bob)
    pulse(START, day(10), day(11))
    clock(day(11))
    other.delete()
    pulse(day(11))

    [found] = load.conflicts(load.Scope(), START, day(20), at=day(11))

    assert [(each.start, each.end) for each in found.double] == [(day(10), day(11))]


def test_a_shift_of_somebody_who_is_away_is_told_from_now_on(primary, alice, bob, clock):
    away = absences.add(alice, start=START, end=day(14), by=alice, at=START)
    at = clock(day(11, 12))

    [found] = load.conflicts(load.Scope(), START, day(20), at=at)

    [(start, end), (later, _)] = [(each.conflict.start, each.conflict.end) for each in found.missed]
    assert (start, end, later) == (at, day(12), day(13))
    assert found.missed[0].absence == away
    assert (found.missed[0].conflict.uncovered, found.missed[0].conflict.instead) == (True, ())


def test_without_conflicts_nobody_is_told_of(primary):
    assert load.conflicts(load.Scope(), START, day(20), at=START) == []


# -- a whole company ---------------------------------------------------------------------------------------
def queries(work) -> int:
    with CaptureQueriesContext(connection) as made:
        work()
    return len(made)


@pytest.fixture
def company(clock, pulse):
    """Fifty people on twenty schedules, half a year of it written down."""
    people = [person(f"p{n}", time_zone="America/New_York" if n % 2 else "Europe/Berlin") for n in range(50)]
    for n in range(20):
        schedule = Schedule.objects.create(slug=f"s{n}", name=f"S{n}")
        layer = schedule.layers.create(name="days", unit="day", anchor=day(9).replace(tzinfo=None))
        for position in range(10):
            layer.slots.create(position=position).users.add(people[(5 * n + position) % 50])
    pulse(START, START + timedelta(days=182))


def test_a_year_of_a_company_takes_as_many_queries_as_a_day_of_one_schedule(company, ask, reader):
    year, now = START + timedelta(days=365), START + timedelta(days=182)
    small = load.Scope(schedule=Schedule.objects.first())

    whole = queries(lambda: ask(START, year, at=now, reader=User.objects.get(pk=reader.pk)))
    one = queries(lambda: ask(START, day(10), at=now, scope=small, reader=User.objects.get(pk=reader.pk)))

    assert len(ask(START, year, at=now)) == 50
    assert DutyLog.objects.count() > 20 * 180
    assert whole == one <= 20


def test_conflicts_of_a_year_take_as_many_queries_as_those_of_a_day(company):
    year, now = START + timedelta(days=365), START + timedelta(days=182)

    whole = queries(lambda: load.conflicts(load.Scope(), START, year, at=now))
    one = queries(lambda: load.conflicts(load.Scope(), now, now + HOUR, at=now))

    assert whole == one <= 16
