import io
import threading
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from config import engine as engines
from config import pulse
from config.models import PulseLine
from oncall.messaging import doorbell

HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(monkeypatch):
    """Start an engine on lines; it is stopped at the end."""
    started = []

    def start(*lines):
        monkeypatch.setattr(pulse, "LINES", list(lines))
        monkeypatch.setattr(pulse, "_tallies", {})
        engine = engines.Engine(lines)
        thread = threading.Thread(target=engine.run)
        started.append((engine, thread))
        thread.start()
        return engine

    yield start
    for engine, thread in started:
        engine.stop()
        thread.join(10)
        assert not thread.is_alive()


class Counted:
    """A line's function that counts its runs and can be waited for."""

    def __init__(self, act=lambda run: 0):
        self.runs = 0
        self.act = act
        self.ran = threading.Condition()

    def __call__(self, *, now):
        with self.ran:
            self.runs += 1
            self.ran.notify_all()
        return self.act(self.runs)

    def has_run(self, times, within_s=5.0):
        with self.ran:
            return self.ran.wait_for(lambda: self.runs >= times, within_s)


def urgent(function, lane="pages"):
    return pulse.Line(f"test.{lane}", pulse.SECOND, function, "Tests.", lane)


def slow(function):
    return pulse.Line("test.slow", HOUR, function, "Tests.")


def test_runs_urgent_lines_again_and_again(running, settings):
    settings.ENGINE_PERIOD = 0.05
    work = Counted()

    running(urgent(work))

    assert work.has_run(times=3)


def test_who_judges_the_others_lets_them_have_a_turn_first(running, settings):
    settings.ENGINE_PERIOD = 0.05
    work, judge = Counted(), Counted()

    running(urgent(work), pulse.Line("test.judge", HOUR, judge, "Tests.", "audit", first_after=HOUR))

    assert work.has_run(times=3)
    assert judge.runs == 0


def test_the_doorbell_saves_the_wait(running, settings):
    settings.ENGINE_PERIOD = 60
    work = Counted()
    running(urgent(work))
    assert work.has_run(times=1)

    deadline = time.monotonic() + 10
    while not work.has_run(times=2, within_s=0.1) and time.monotonic() < deadline:
        doorbell.ring()

    assert work.runs >= 2


def test_a_change_of_what_is_public_wakes_the_lane_that_renders_it_and_no_other(running, settings):
    settings.ENGINE_PERIOD = 60
    rendering, paging = Counted(), Counted()
    running(urgent(rendering, "status page"), urgent(paging, "pages"))
    assert rendering.has_run(times=1) and paging.has_run(times=1)

    deadline = time.monotonic() + 10
    while not rendering.has_run(times=6, within_s=0.1) and time.monotonic() < deadline:
        doorbell.ring(doorbell.PUBLIC)

    assert rendering.runs >= 6
    assert paging.runs <= 2  # once more when the engine begins to listen


def test_work_in_one_lane_wakes_the_others(running, settings):
    settings.ENGINE_PERIOD = 60
    alert = threading.Event()
    intake = Counted(act=lambda run: alert.wait(5) if run == 1 else 0)
    delivery = Counted()

    running(urgent(intake, "pages"), urgent(delivery, "messages"))
    assert delivery.has_run(times=1)
    alert.set()

    assert delivery.has_run(times=2)


def test_a_lane_that_hangs_holds_up_no_other(running, settings):
    settings.ENGINE_PERIOD = 0.05
    relay = threading.Event()
    hanging, paging = Counted(act=lambda run: relay.wait(20) and 0), Counted()

    running(urgent(hanging, "messages"), urgent(paging, "pages"))

    assert paging.has_run(times=3)
    relay.set()


def test_a_line_that_fails_stops_no_neighbour(running, settings):
    settings.ENGINE_PERIOD = 0.05
    broken, sound = Counted(act=lambda run: 1 / 0), Counted()

    running(pulse.Line("test.broken", pulse.SECOND, broken, "Tests.", "pages"), urgent(sound))

    assert sound.has_run(times=3)


def test_a_slow_line_runs_once_for_two_engines(running, settings):
    settings.ENGINE_PERIOD = 0.05
    once, often = Counted(), Counted()

    running(slow(once), urgent(often))
    running(slow(once), urgent(often))

    assert often.has_run(times=8)
    assert once.runs == 1


def test_goes_on_by_itself_when_the_database_comes_back(running, settings):
    settings.ENGINE_PERIOD = 0.02

    def away_at_first(run):
        if run < 3:
            raise OperationalError("server closed the connection unexpectedly")
        return PulseLine.objects.count()

    work = Counted(act=away_at_first)
    running(urgent(work))

    assert work.has_run(times=5)


def test_once_runs_every_line_and_says_how_it_went(monkeypatch):
    monkeypatch.setattr(pulse, "LINES", [urgent(lambda *, now: 2), slow(lambda *, now: 0)])
    out = io.StringIO()

    call_command("engine", "--once", stdout=out)

    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["test.pages", "2", "rows"],
        ["test.slow", "0", "rows"],
    ]


def test_once_ends_with_an_error_if_a_line_failed(monkeypatch):
    work = Counted()
    monkeypatch.setattr(pulse, "LINES", [urgent(lambda *, now: 1 / 0), slow(work)])

    with pytest.raises(CommandError, match="test.pages"):
        call_command("engine", "--once", stdout=io.StringIO())
    assert work.runs == 1


def test_an_idle_round_takes_no_write_lock(django_assert_max_num_queries):
    for line in filter(lambda line: line.is_urgent, pulse.LINES):
        pulse.run(line)

    with django_assert_max_num_queries(len(pulse.LINES)) as asked:
        for line in filter(lambda line: line.is_urgent, pulse.LINES):
            pulse.run(line)

    assert all(query["sql"].startswith("SELECT") for query in asked.captured_queries), connection.vendor
