"""Whatever happens to a schedule, in whatever order, its log says who was on call at every moment."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from oncall import absences, duty_log, schedules
from oncall.models import DutyLog, Schedule, User
from tests.oncall.test_swaps import day

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PEOPLE = ["alice", "bob", "carol"]
person = st.sampled_from(PEOPLE)
hours = st.integers(1, 40)


class OneSchedule(RuleBasedStateMachine):
    """Turns of six hours, read, edited and left alone. ``seen`` is who was on call whenever we looked."""

    def __init__(self):
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.clock = time_machine.travel(day(9), tick=False)
        self.traveller = self.clock.start()

    def teardown(self):
        self.clock.stop()
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    @initialize()
    def begin(self):
        self.now, self.seen = day(9), {}
        self.people = {name: User.objects.create(username=name) for name in PEOPLE}
        self.pk = Schedule.objects.create(slug="s", name="S").pk
        self.edit([["alice"], ["bob"]])

    def edit(self, slots):
        turns = {"unit": "hour", "length": 6, "anchor": "2026-03-09T00:00"}
        form = schedules.to_form(self.schedule()) | {
            "layers": [{"name": "a", "rotation": turns, "slots": slots}]
        }
        schedules.replace(self.schedule(), form, by=None, at=self.now)
        self.look()

    def schedule(self):
        return Schedule.objects.get(pk=self.pk)

    def go(self, by: timedelta) -> datetime:
        self.now += by
        self.traveller.move_to(self.now, tick=False)
        return self.now

    def look(self):
        """A change is noted by the pulse some seconds later; the truth is what the schedule said at once."""
        self.seen[self.now] = {user.username for user in schedules.on_call(self.schedule(), self.now).users}
        duty_log.record(now=lambda: self.go(timedelta(seconds=5)))

    @rule(hours=hours)
    def wait(self, hours):
        """The engine stands still meanwhile."""
        self.go(hours * HOUR)
        self.look()

    @rule()
    def read(self):
        schedules.on_call_now([self.schedule()], self.go(MINUTE))

    @rule(one=person, other=person)
    def change_people(self, one, other):
        self.go(MINUTE)
        self.edit([[one], [other]])

    @rule(one=person, first=st.integers(-10, 10), length=hours)
    def replace(self, one, first, length):
        start = self.go(MINUTE) + first * HOUR
        said = {"kind": "set", "users": (self.people[one],), "start": start, "end": start + length * HOUR}
        schedules.add_exception(self.schedule(), **said, by=None, at=self.now)
        self.look()

    @rule(one=person, length=hours)
    def be_absent(self, one, length):
        start = self.go(MINUTE)
        absences.add(self.people[one], start=start, end=start + length * HOUR, by=None, at=start)
        self.look()

    @rule(one=person)
    def take_another_name(self, one):
        user = self.people[one]
        user.first_name += "x"
        user.save()

    @invariant()
    def the_log_has_neither_gaps_nor_overlaps(self):
        rows = list(DutyLog.objects.filter(schedule=self.pk).order_by("from_at"))

        assert all(one.until_at == other.from_at for one, other in pairwise(rows))
        assert [row.until_at is None for row in rows] == [False] * (len(rows) - 1) + [True]

    @invariant()
    def the_log_says_what_was(self):
        for at, people in list(self.seen.items())[1:]:  # the log begins just after the first look
            row = DutyLog.objects.between(at, at + timedelta.resolution).get()
            assert {p.username for p in row.people.all()} == people, at


@pytest.mark.django_db
def test_whatever_happens_the_log_is_whole_and_true():
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        OneSchedule,
        settings=settings(max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=slow),
    )
