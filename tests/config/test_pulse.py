from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

from config import pulse
from config.models import PulseLine

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def line(name="test.line", period=MINUTE, function=lambda *, now: 3, **changes) -> pulse.Line:
    return pulse.Line(name, period, function, "Tests.", **changes)


def fail(*, now):
    raise ValueError("a bug\x00")


@pytest.fixture
def listed(monkeypatch):
    """Put lines into the list, with no memory of earlier runs."""

    def put(*lines):
        monkeypatch.setattr(pulse, "LINES", list(lines))
        monkeypatch.setattr(pulse, "_tallies", {})
        return lines[0]

    return put


@pytest.fixture
def at(monkeypatch):
    """Set the pulse's clock."""

    def turn_to(instant):
        monkeypatch.setattr(pulse.clock, "now", lambda: instant)

    turn_to(NOON)
    return turn_to


def row(of: pulse.Line) -> PulseLine:
    return PulseLine.objects.get(name=of.name)


@pytest.mark.django_db
def test_a_slow_line_runs_once_in_its_period(listed, at):
    slow = listed(line())

    first = pulse.turn(slow)
    at(NOON + MINUTE / 2)
    second = pulse.turn(slow)
    at(NOON + MINUTE)
    third = pulse.turn(slow)

    assert (first, second, third) == (pulse.Run(3), None, pulse.Run(3))


@pytest.mark.django_db
def test_a_tick_that_comes_a_little_early_is_not_missed(listed, at):
    slow = listed(line())
    pulse.turn(slow)

    at(NOON + MINUTE - timedelta(seconds=1))

    assert pulse.turn(slow)


@pytest.mark.django_db
def test_one_of_two_claims_wins(listed, at):
    slow = listed(line())

    assert [pulse.claim(slow, at=NOON), pulse.claim(slow, at=NOON)] == [True, False]


@pytest.mark.django_db
def test_who_claims_and_dies_is_replaced_after_the_lease(listed, at):
    daily = listed(line(period=timedelta(days=1)))
    pulse.claim(daily, at=NOON)

    at(NOON + pulse.LEASE)

    assert pulse.turn(daily)


@pytest.mark.django_db
def test_a_clock_set_back_does_not_silence_a_slow_line(listed, at):
    slow = listed(line())
    pulse.turn(slow)

    at(NOON - timedelta(hours=1))

    assert pulse.turn(slow)


@pytest.mark.django_db
def test_an_urgent_line_runs_each_time_it_is_asked(listed, at):
    urgent = listed(line(period=pulse.SECOND))

    assert [pulse.turn(urgent), pulse.turn(urgent)] == [pulse.Run(3), pulse.Run(3)]


@pytest.mark.django_db
def test_an_urgent_line_writes_down_every_few_seconds_only(listed, at, django_assert_num_queries):
    urgent = listed(line(period=pulse.SECOND))
    pulse.turn(urgent)

    with django_assert_num_queries(0):
        pulse.turn(urgent)


@pytest.mark.django_db
def test_the_rows_of_all_runs_are_counted(listed, at, monkeypatch):
    urgent = listed(line(period=pulse.SECOND))
    pulse.turn(urgent)
    pulse.turn(urgent)

    monkeypatch.setattr(pulse, "NOTE_EVERY_S", 0)
    pulse.turn(urgent)

    assert row(urgent).rows == 9


@pytest.mark.django_db
def test_a_failing_line_is_recorded_and_raises_nothing(listed, at):
    broken = listed(line(function=fail))

    done = pulse.turn(broken)

    assert done.error == row(broken).error == "ValueError: a bug"
    assert row(broken).failing_since == NOON
    assert row(broken).ok_at is None


@pytest.mark.django_db
def test_a_failing_urgent_line_is_recorded_at_once(listed, at):
    calls = iter([lambda: 1, lambda: 1 / 0])
    urgent = listed(line(period=pulse.SECOND, function=lambda *, now: next(calls)()))
    pulse.turn(urgent)

    pulse.turn(urgent)

    assert row(urgent).error == "ZeroDivisionError: division by zero"


@pytest.mark.django_db
def test_success_ends_the_failing(listed, at):
    calls = iter([lambda: 1 / 0, lambda: 1])
    slow = listed(line(function=lambda *, now: next(calls)()))
    pulse.turn(slow)

    at(NOON + MINUTE)
    pulse.turn(slow)

    assert (row(slow).error, row(slow).failing_since) == ("", None)


@pytest.mark.django_db
def test_a_failed_slow_line_tries_again_before_its_period_ends(listed, at):
    daily = listed(line(period=timedelta(days=1), function=fail))
    pulse.turn(daily)

    assert row(daily).due_at == NOON + pulse.RETRY


@pytest.mark.django_db
def test_failing_since_keeps_the_first_failure(listed, at):
    broken = listed(line(function=fail))
    pulse.turn(broken)

    at(NOON + MINUTE)
    pulse.turn(broken)

    assert row(broken).failing_since == NOON


@pytest.mark.django_db
def test_a_failure_is_logged_once_not_each_second(listed, at, caplog):
    urgent = listed(line(period=pulse.SECOND, function=fail))

    pulse.turn(urgent)
    pulse.turn(urgent)

    assert len(caplog.records) == 1


@pytest.mark.django_db
def test_a_database_that_is_away_is_told_apart_from_a_bug(listed, at, monkeypatch):
    def lost(*, now):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(pulse.connection, "close", lambda: None)

    assert pulse.turn(listed(line(function=lost))).no_database


@pytest.mark.django_db
def test_lines_that_left_the_list_leave_the_table(listed, at):
    PulseLine.objects.create(name="gone.line", due_at=NOON)
    stays = listed(line())

    pulse.ensure_rows()

    assert list(PulseLine.objects.values_list("name", flat=True)) == [stays.name]


def test_names_are_unique_and_periods_positive():
    names = [listed.name for listed in pulse.LINES]

    assert len(set(names)) == len(names)
    assert all(listed.period >= pulse.SECOND for listed in pulse.LINES)
