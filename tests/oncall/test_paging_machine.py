"""Whatever happens to a page, in whatever order, design.md's promises 3, 5, 6 and 10 hold."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import Count
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oncall import maintenance, paging, policies
from oncall.messaging import claims, outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Attempt, Delivery
from oncall.models import EscalationPolicy, Page, Schedule, Service, User
from oncall.policies import StepForm
from oncall.signals import page_changed

MONDAY = datetime(2026, 3, 9, 10, tzinfo=UTC)
State = Page.State
REST = (State.ACKNOWLEDGED, State.SNOOZED, State.RESOLVED)
OFFICE = [{"type": "daily", "from": "09:00", "to": "17:00"}]


class OnePage(RuleBasedStateMachine):
    """A page of a service whose policy has turns, hours, a step for everyone, repeats, and acks that run out."""

    def __init__(self):
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()

    def teardown(self):
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    @initialize(repeat=st.integers(0, 2), urgency=st.sampled_from(["high", "low"]))
    def begin(self, repeat, urgency):
        self.now = MONDAY
        self.people = [
            User.objects.create(username=name, email=f"{name}@example.com")
            for name in ("alice", "bob", "eve")
        ]
        self.schedule = Schedule.objects.create(slug="s", name="S")
        layer = self.schedule.layers.create(name="days", unit="day", anchor=datetime(2026, 3, 9, 9))
        for position, user in enumerate(self.people):
            layer.slots.create(position=position).users.add(user)
        fields = {"repeat": repeat, "ack_timeout": timedelta(minutes=30), "wait_for_duty": True}
        self.policy, self.other = (
            EscalationPolicy.objects.create(slug=slug, name=slug, **fields) for slug in ("p", "q")
        )
        for policy in (self.policy, self.other):
            self.edit(policy, [0, 1, 2])
        self.service = Service.objects.create(slug="x", name="X", policy=self.policy)
        self.page = paging.page(title="Down", urgency=urgency, service=self.service, by=None, at=self.now)
        self.seen = self.standing()

    def edit(self, policy, order):
        alice, bob, eve = self.people
        forms = [
            StepForm(timedelta(), [{"schedule": self.schedule}]),
            StepForm(timedelta(minutes=5), [{"user": alice}, {"user": bob}], everyone=True),
            StepForm(
                timedelta(minutes=5), [{"user": bob}, {"user": eve}], round_robin=True, hours=OFFICE,
                outside_hours="hold",
            ),
        ]  # fmt: skip
        policies.set_steps(policy, [forms[place] for place in order])

    def current(self):
        return Page.objects.get(pk=self.page.pk)

    def standing(self):
        page = self.current()
        return (page.state, page.cycle, page.loop, page.step, page.policy_id), page.events.count()

    # -- time ----------------------------------------------------------------------------------------------
    @rule(seconds=st.sampled_from([1, 10, 60, 300, 1800, 86400]))
    def tick(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.run()

    def run(self):
        paging.advance_due(now=lambda: self.now)
        paging.expire_acknowledgements(now=lambda: self.now)
        outbox.deliver_due(now=lambda: self.now)

    @rule(after=st.integers(0, 3))
    def die_half_way(self, after):
        """The floor above fails on a later event of the same tick: all of it is undone, and tried again."""
        heard = []

        def fail(change, **told):
            heard.append(change)
            if len(heard) > after and change != "failed":
                raise RuntimeError("the floor above is broken")

        page_changed.connect(fail)
        try:
            self.tick(seconds=60)
        finally:
            page_changed.disconnect(fail)

    @rule()
    def a_sender_dies(self):
        """It has claimed what is due, began to send it, and is never heard of again."""
        for delivery in claims.claim("email", limit=5, at=self.now):
            claims.begin(delivery, at=self.now)

    # -- people --------------------------------------------------------------------------------------------
    @rule(who=st.integers(0, 2))
    def acknowledge(self, who):
        before, by = self.current(), self.people[who]
        after = paging.acknowledge(self.page, by=by, at=self.now)
        assert (after.state == State.RESOLVED) == (before.state == State.RESOLVED)
        mine = Delivery.objects.filter(topic=self.page.topic, recipient=by.username)
        if before.state not in (State.RESOLVED, State.ACKNOWLEDGED):
            assert not mine.filter(due_at__isnull=False).exists()

    @rule()
    def give_back(self):
        self.unless_refused(paging.unacknowledge)

    @rule(minutes=st.integers(1, 120))
    def snooze(self, minutes):
        self.unless_refused(paging.snooze, until=self.now + timedelta(minutes=minutes))

    @rule(stale=st.booleans())
    def escalate(self, stale):
        page = self.current()
        seen = {"expected_step": page.step, "expected_loop": page.loop + stale}
        self.unless_refused(paging.escalate_now, **seen)

    @rule()
    def restart(self):
        self.unless_refused(paging.restart_with_current_policy)

    @precondition(lambda self: self.now > MONDAY + timedelta(hours=1))
    @rule()
    def resolve(self):
        paging.resolve(self.page, by=self.people[1], at=self.now)

    # -- changes mid-flight --------------------------------------------------------------------------------
    @rule(order=st.lists(st.integers(0, 2), min_size=1, max_size=4))
    def edit_the_policy(self, order):
        self.edit(self.policy, order)

    @rule(who=st.integers(0, 2), by=st.integers(0, 2))
    def swap_a_shift(self, who, by):
        times = {"start": self.now, "end": self.now + timedelta(hours=3)}
        self.schedule.exceptions.create(kind="replace", user=self.people[who], by=self.people[by], **times)

    @rule()
    def clear_the_schedule(self):
        self.schedule.exceptions.create(kind="set", start=self.now, end=self.now + timedelta(hours=3))

    @rule(louder=st.booleans())
    def change_the_urgency(self, louder):
        verb = paging.raise_urgency if louder else paging.lower_urgency
        verb(self.page, by=None, at=self.now)

    @rule()
    def give_the_service_another_policy(self):
        self.service.policy = self.other if self.service.policy == self.policy else self.policy
        self.service.save()
        paging.follow_service(self.service, by=None, at=self.now)

    @rule(minutes=st.sampled_from([10, 600]))
    def begin_a_maintenance(self, minutes):
        until = self.now + timedelta(minutes=minutes)
        maintenance.begin(self.service, end=until, reason="Works", by=None, at=self.now)

    @rule()
    def end_the_maintenance(self):
        for row in self.service.maintenances.all():
            maintenance.finish(row, by=None, at=self.now)

    def unless_refused(self, verb, **fields):
        before = self.current()
        try:
            verb(self.page, by=self.people[0], at=self.now, **fields)
        except DomainError:
            assert self.current().generation == before.generation

    # -- what holds ----------------------------------------------------------------------------------------
    @invariant()
    def an_unanswered_page_has_one_step_ahead_or_stands_as_exhausted(self):
        page = self.current()
        assert (page.state in (State.ACTIVE, State.HELD, State.SNOOZED)) == (page.next_step_at is not None)
        assert (page.state == State.HELD) == bool(page.held_for)
        assert (page.unacknowledge_at is not None) == (page.state == State.ACKNOWLEDGED)
        assert page.reminded_at is None or page.state == State.ACKNOWLEDGED

    @invariant()
    def nothing_is_due_after_an_answer_but_the_question_whether_she_is_still_at_work(self):
        page = self.current()
        due = Delivery.objects.filter(topic=self.page.topic, due_at__isnull=False)
        if page.state in REST:
            assert page.reminded_at or not due.exists()
            assert not due.exclude(idempotency_key__contains=":reminder:").exists()

    @invariant()
    def no_attempt_starts_after_an_answer(self):
        page = self.current()
        if page.state == State.ACKNOWLEDGED:
            started = Attempt.objects.filter(delivery__topic=page.topic, started_at__gt=page.acknowledged_at)
            assert not started.exclude(delivery__idempotency_key__contains=":reminder:").exists()

    @invariant()
    def nobody_is_paged_twice_in_a_pass(self):
        keys = self.page.notified.values("user", "cycle", "loop").annotate(n=Count("pk"))
        assert all(row["n"] == 1 for row in keys)
        messages = Delivery.objects.filter(topic=self.page.topic).exclude(
            idempotency_key__regex=":(reminder|high|low):"
        )
        assert self.page.notified.count() == messages.count()

    @invariant()
    def no_state_changes_without_an_event(self):
        (before, events), (now, more) = self.seen, self.standing()
        assert before == now or more > events
        self.seen = now, more


@pytest.mark.django_db
def test_whatever_happens_to_a_page_the_promises_hold():
    run_state_machine_as_test(
        OnePage,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
