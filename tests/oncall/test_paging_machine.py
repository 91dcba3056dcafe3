"""Whatever happens to a page, in whatever order, three things hold."""

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

from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import EscalationPolicy, Page, User

MONDAY = datetime(2026, 3, 9, 10, tzinfo=UTC)
State = Page.State


class OnePage(RuleBasedStateMachine):
    """A page of a policy with an acknowledgement that runs out, a repeat, and a person who is in two steps."""

    def __init__(self):
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()

    def teardown(self):
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    @initialize(repeat=st.integers(0, 2))
    def begin(self, repeat):
        self.now = MONDAY
        self.alice, self.bob = (
            User.objects.create(username=name, email=f"{name}@example.com") for name in ("alice", "bob")
        )
        policy = EscalationPolicy.objects.create(
            slug="p", name="P", repeat=repeat, ack_timeout=timedelta(minutes=30)
        )
        for position, (minutes, user) in enumerate([(0, self.alice), (5, self.bob), (5, self.alice)]):
            step = policy.steps.create(position=position, after=timedelta(minutes=minutes))
            step.targets.create(user=user)
        self.page = paging.page(title="Down", urgency="high", policy=policy, by=None, at=self.now)

    def current(self):
        return Page.objects.get(pk=self.page.pk)

    @rule(seconds=st.sampled_from([1, 10, 60, 300, 1800, 86400]))
    def tick(self, seconds):
        self.now += timedelta(seconds=seconds)
        paging.advance_due(now=lambda: self.now)
        paging.expire_acknowledgements(now=lambda: self.now)

    @rule(who=st.sampled_from(["alice", "bob"]))
    def acknowledge(self, who):
        before = self.current()
        after = paging.acknowledge(self.page, by=getattr(self, who), at=self.now)
        assert after.state == (State.RESOLVED if before.state == State.RESOLVED else State.ACKNOWLEDGED)

    @rule(minutes=st.integers(1, 120))
    def snooze(self, minutes):
        self.unless_refused(paging.snooze, until=self.now + timedelta(minutes=minutes))

    @rule(stale=st.booleans())
    def escalate(self, stale):
        self.unless_refused(paging.escalate_now, expected_step=self.current().step + stale)

    @rule()
    def restart(self):
        self.unless_refused(paging.restart_with_current_policy)

    @precondition(lambda self: self.now > MONDAY + timedelta(hours=1))
    @rule()
    def resolve(self):
        paging.resolve(self.page, by=self.bob, at=self.now)

    def unless_refused(self, verb, **fields):
        before = self.current()
        try:
            verb(self.page, by=self.alice, at=self.now, **fields)
        except DomainError:
            assert self.current().generation == before.generation

    @invariant()
    def an_active_page_has_one_step_ahead_and_others_have_none(self):
        page = self.current()
        waits = page.state in (State.ACTIVE, State.SNOOZED)
        assert waits == (page.next_step_at is not None)
        assert (page.unacknowledge_at is not None) == (page.state == State.ACKNOWLEDGED)

    @invariant()
    def nothing_is_due_after_an_answer(self):
        if self.current().state in (State.ACKNOWLEDGED, State.SNOOZED, State.RESOLVED):
            assert not Delivery.objects.filter(topic=self.page.topic, due_at__isnull=False).exists()

    @invariant()
    def nobody_is_paged_twice_in_a_pass(self):
        keys = self.page.notified.values("user", "cycle", "loop").annotate(n=Count("pk"))
        assert all(row["n"] == 1 for row in keys)
        assert self.page.notified.count() == Delivery.objects.filter(topic=self.page.topic).count()


@pytest.mark.django_db
def test_whatever_happens_to_a_page_the_invariants_hold():
    run_state_machine_as_test(
        OnePage,
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
