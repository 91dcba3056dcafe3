"""From alert to answer, whatever happens in between: design.md's promises 2, 3, 6 and 10."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
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

from incidents import lifecycle, sources, timeline
from incidents.intake import ingest
from incidents.models import Alert, Incident, StoredEvent
from oncall import paging, policies
from oncall.messaging import claims, outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Attempt, Delivery
from oncall.models import EscalationPolicy, Page, PageEvent, Schedule, Service, User
from oncall.policies import StepForm
from oncall.signals import page_changed

MONDAY = datetime(2026, 3, 9, 10, tzinfo=UTC)
KEYS = ["db", "web"]
State = Page.State


class OneService(RuleBasedStateMachine):
    """A monitored service, two people on call by the day, and a crash at any moment."""

    def __init__(self):
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()

    def teardown(self):
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    @initialize()
    def begin(self):
        self.now = MONDAY
        self.people = [
            User.objects.create(username=name, email=f"{name}@example.com", is_superuser=True)
            for name in ("alice", "bob")
        ]
        self.schedule = Schedule.objects.create(slug="s", name="S")
        layer = self.schedule.layers.create(name="days", unit="day", anchor=datetime(2026, 3, 9, 9))
        for position, user in enumerate(self.people):
            layer.slots.create(position=position).users.add(user)
        self.policy = EscalationPolicy.objects.create(slug="p", name="P", ack_timeout=timedelta(minutes=30))
        self.edit_the_policy(order=[0, 1])
        service = Service.objects.create(slug="checkout", name="Checkout", policy=self.policy)
        self.source, _ = sources.create(
            slug="x", name="X", dialect="json", service=service, by=None, at=self.now
        )

    # -- what comes in -------------------------------------------------------------------------------------
    def say(self, key, status):
        told = {"summary": f"{key} down", "dedup_key": key, "status": status, "severity": "critical"}
        StoredEvent.objects.create(
            source=self.source, dialect="json", received_at=self.now, due_at=self.now,
            body=json.dumps(told).encode(), sha256="x",
        )  # fmt: skip
        ingest.take_in(now=lambda: self.now)

    @rule(key=st.sampled_from(KEYS), times=st.integers(1, 3))
    def alert(self, key, times):
        for _ in range(times):
            self.say(key, "firing")
        open_ = Alert.objects.open().filter(dedup_key=key)
        assert open_.count() == 1
        before = Page.objects.count()
        self.say(key, "firing")
        assert Page.objects.count() == before  # a duplicate never pages again

    @rule(key=st.sampled_from(KEYS))
    def recover(self, key):
        self.say(key, "resolved")

    # -- time, and what breaks -----------------------------------------------------------------------------
    @rule(seconds=st.sampled_from([1, 10, 300, 1800, 86400]))
    def tick(self, seconds):
        self.now += timedelta(seconds=seconds)
        paging.advance_due(now=lambda: self.now)
        paging.expire_acknowledgements(now=lambda: self.now)
        outbox.deliver_due(now=lambda: self.now)

    @rule(after=st.integers(0, 2))
    def die_half_way(self, after):
        heard = []

        def fail(change, **told):
            heard.append(change)
            if len(heard) > after and change != "failed":
                raise RuntimeError("the process dies")

        page_changed.connect(fail)
        try:
            self.tick(seconds=60)
        finally:
            page_changed.disconnect(fail)

    @rule()
    def a_sender_dies(self):
        for delivery in claims.claim("email", limit=5, at=self.now):
            claims.begin(delivery, at=self.now)

    # -- people --------------------------------------------------------------------------------------------
    def a_page(self):
        return Page.objects.open().order_by("-pk").first()

    @precondition(lambda self: Page.objects.open().exists())
    @rule(who=st.integers(0, 1))
    def acknowledge(self, who):
        paging.acknowledge(self.a_page(), by=self.people[who], at=self.now)

    @precondition(lambda self: Page.objects.open().exists())
    @rule()
    def give_back(self):
        paging.unacknowledge(self.a_page(), by=self.people[0], at=self.now)

    @precondition(lambda self: Page.objects.open().exists())
    @rule()
    def snooze(self):
        until = self.now + timedelta(minutes=20)
        paging.snooze(self.a_page(), until=until, by=self.people[0], at=self.now)

    @precondition(lambda self: Incident.objects.open().exists())
    @rule(verb=st.sampled_from(["cancel", "acknowledge", "note"]))
    def end_or_answer_the_incident(self, verb):
        incident, who = Incident.objects.open().first(), {"by": self.people[1], "at": self.now}
        try:
            if verb == "note":
                timeline.note(incident, text=f"Seen at {self.now}", **who)
            else:
                getattr(lifecycle, verb)(incident, **who, **({"reason": "x"} if verb == "cancel" else {}))
        except DomainError:
            pass

    @rule(order=st.lists(st.integers(0, 1), min_size=1, max_size=3))
    def edit_the_policy(self, order):
        steps = [
            StepForm(timedelta(), [{"schedule": self.schedule}]),
            StepForm(timedelta(minutes=5), [{"user": user} for user in self.people]),
        ]
        policies.set_steps(self.policy, [steps[place] for place in order])

    @rule(who=st.integers(0, 1))
    def swap_a_shift(self, who):
        times = {"start": self.now, "end": self.now + timedelta(hours=3)}
        self.schedule.exceptions.create(
            kind="replace", user=self.people[who], by=self.people[1 - who], **times
        )

    # -- what holds ----------------------------------------------------------------------------------------
    @invariant()
    def the_same_key_is_one_open_alert_and_one_open_page(self):
        for key in KEYS:
            assert Alert.objects.open().filter(dedup_key=key).count() <= 1
        for incident in Incident.objects.open():
            pages = Page.objects.open().filter(engagement__incident=incident, service__isnull=False)
            assert pages.count() <= 1

    @invariant()
    def every_unanswered_page_has_one_step_ahead_or_stands_as_exhausted(self):
        for page in Page.objects.open():
            waits = page.state in (State.ACTIVE, State.HELD, State.SNOOZED)
            assert waits == (page.next_step_at is not None)

    @invariant()
    def nothing_starts_after_an_answer(self):
        for page in Page.objects.filter(state__in=[State.ACKNOWLEDGED, State.RESOLVED]):
            answered = page.ended_at if page.state == State.RESOLVED else page.acknowledged_at
            tried = Attempt.objects.filter(delivery__topic=page.topic, started_at__gt=answered)
            waiting = Delivery.objects.filter(topic=page.topic, due_at__isnull=False)
            assert not tried.exclude(delivery__idempotency_key__contains=":reminder:").exists()
            assert page.reminded_at or not waiting.exists()

    @invariant()
    def every_change_stands_on_the_timeline_and_the_chain_is_whole(self):
        assert list(timeline.verify()) == []
        told = PageEvent.objects.exclude(kind="opened").filter(page__engagement__isnull=False).count()
        written = sum("change" in entry.data for entry in timeline.TimelineEntry.objects.all())
        assert written == told


@pytest.mark.django_db
def test_from_alert_to_answer_the_promises_hold():
    run_state_machine_as_test(
        OneService,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
