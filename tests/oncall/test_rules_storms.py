"""The rules of field/oncall.md section 5 on the clock (1 to 5), storms (28 to 30), heartbeats (33), one by one."""

from datetime import timedelta

import pytest
from django.db import DatabaseError

from incidents import heartbeats, sources
from incidents.intake import ingest
from incidents.models import Alert, Heartbeat, Incident
from oncall import audit, escalation, messages, paging, steps
from oncall.admin import page_story
from oncall.messaging import outbox
from oncall.messaging.models import Delivery
from oncall.models import Page, Service

pytestmark = pytest.mark.django_db


@pytest.fixture
def deliver(at):
    return lambda clock: outbox.deliver_due(now=lambda: at(clock))


def sent():
    return list(Delivery.objects.filter(state="kept").order_by("finished_at", "pk"))


# -- the clock ---------------------------------------------------------------------------------------------
def test_rule_1_the_oldest_due_page_is_taken_first_and_a_batch_has_an_end(
    policy, make_page, advance, monkeypatch, at
):
    monkeypatch.setattr(escalation, "BATCH", 2)
    later, first, second = (make_page(policy, at=at(clock)) for clock in ("10:02", "10:00", "10:01"))

    worked = advance("10:03")

    assert worked == 2
    assert set(Page.objects.filter(step__gt=0)) == {first, second}
    assert not later.notified.exists()


def test_rule_1_state_and_messages_are_written_together_or_not_at_all(page, advance, monkeypatch):
    def fails(*args, **kwargs):
        raise DatabaseError("the outbox is full")

    monkeypatch.setattr(messages, "to_people", fails)
    monkeypatch.setattr(steps.messages, "to_people", fails)

    advance("10:00")
    page.refresh_from_db()

    assert (page.step, page.notified.count(), Delivery.objects.count()) == (0, 0, 0)


def test_rule_1_of_two_who_claim_one_page_one_works_it(page, advance):
    assert [advance("10:00"), advance("10:00")] == [1, 0]
    assert page.notified.count() == 1


def test_rule_2_who_comes_late_finds_the_page_answered_and_does_nothing(page, alice, at):
    due = list(Page.objects.due(at("10:00")).values_list("pk", flat=True))
    paging.acknowledge(page, by=alice, at=at("10:00"))

    assert escalation._advance(due[0], at("10:05")) is False
    assert not page.notified.exists()


def test_rule_3_after_a_long_stop_one_step_is_taken_and_the_next_counts_from_now(page, alice, advance, at):
    advance("12:00")
    page.refresh_from_db()

    assert [notified.user for notified in page.notified.all()] == [alice]
    assert page.next_step_at == at("12:05")


def test_rule_4_the_same_step_taken_again_leaves_no_second_message(page, alice, advance, at):
    advance("10:00")
    Page.objects.filter(pk=page.pk).update(step=0, next_step_at=at("10:00"))
    page.notified.all().delete()

    advance("10:01")

    assert Delivery.objects.filter(recipient="alice").count() == 1


def test_rule_5_the_auditor_tells_the_administrators_of_pages_that_stand_still(page, root, at):
    assert audit.report_overdue(now=lambda: at("10:05")) == 1
    assert Delivery.objects.get().recipient == "root"


# -- storms ------------------------------------------------------------------------------------------------
@pytest.fixture
def checkout(policy):
    return Service.objects.create(slug="checkout", name="Checkout", policy=policy)


@pytest.fixture
def say(checkout, client, at, monkeypatch):
    """``say("10:00", "disk")``: an alert with that key comes in, and is taken in at that time."""
    _, key = sources.create(
        slug="s", name="Scripts", dialect="json", service=checkout, by=None, at=at("09:00")
    )

    def send(clock, dedup_key, **more):
        monkeypatch.setattr("oncall.clock.now", lambda: at(clock))
        body = {"dedup_key": dedup_key, "summary": f"{dedup_key} full", **more}
        assert client.post(f"/in/json/{key}", body, "application/json").status_code == 202
        ingest.take_in(now=lambda: at(clock))

    return send


def test_rule_28_the_same_key_joins_the_open_incident_and_pages_nobody_again(say):
    for clock in ("10:00", "10:01", "10:30"):
        say(clock, "disk")

    assert (Alert.objects.get().count, Incident.objects.count(), Page.objects.count()) == (3, 1, 1)


def test_rule_28_a_recovered_alert_that_fires_again_rejoins_the_incident(say):
    say("10:00", "disk")
    say("10:01", "disk", status="resolved")
    say("10:02", "disk")

    assert (Alert.objects.count(), Incident.objects.count(), Page.objects.count()) == (2, 1, 1)


def test_rule_29_pages_of_one_moment_are_one_message_to_each_person(say, advance, deliver):
    for key in ("disk", "memory", "network"):
        say("10:00", key)
    advance("10:00")

    deliver("10:00")

    first, *others = sent()
    assert [delivery.bundled_into for delivery in others] == [first, first]
    assert all(delivery.attempts.get().outcome == "kept" for delivery in sent())


def test_rule_29_the_first_page_for_somebody_goes_before_repeats(
    make_policy, alice, make_page, advance, deliver
):
    old = make_page(make_policy((0, alice), repeat=3))
    advance("10:00")
    deliver("10:00")
    new = make_page(make_policy((0, alice), slug="other"), title="Something new")
    advance("10:05")

    deliver("10:05")

    leader = Delivery.objects.get(bundled__isnull=False)
    assert leader.topic == new.topic
    assert leader.bundled.get().topic == old.topic


def test_rule_29_low_urgency_never_delays_high(checkout, make_page, policy, advance, deliver):
    make_page(policy, service=checkout, urgency="low")
    advance("10:00")
    deliver("10:00")
    loud = make_page(policy, service=checkout)
    advance("10:00:05")

    deliver("10:00:05")

    assert Delivery.objects.get(topic=loud.topic).state == "kept"


def test_rule_30_the_story_of_a_page_says_until_when_a_limit_holds_it(
    checkout, make_page, policy, advance, deliver
):
    make_page(policy, service=checkout)
    advance("10:00")
    deliver("10:00")
    second = make_page(policy, service=checkout)
    advance("10:00:10")

    deliver("10:00:10")

    told = [row.outcome.words for row in page_story.story(second, with_links=False) if row.outcome]
    assert told == ["Held by the limit until 10:00:30, then sent with others"]


def test_rule_30_what_was_held_is_never_dropped(checkout, make_page, policy, advance, deliver):
    for n in range(20):
        make_page(policy, service=checkout)
        advance(f"10:00:{n:02}")
        deliver(f"10:00:{n:02}")

    deliver("10:00:30")

    assert len(sent()) == 20
    assert Delivery.objects.filter(state="kept", bundled_into=None).count() == 2


# -- heartbeats --------------------------------------------------------------------------------------------
def test_rule_33_two_ticks_cannot_open_an_incident_twice(checkout, at):
    beat = Heartbeat.objects.create(
        slug="backup",
        name="Backup",
        service=checkout,
        interval=timedelta(minutes=5),
        grace=timedelta(minutes=1),
    )
    heartbeats.record(beat, at=at("10:00"))

    noticed = [heartbeats.notice_silence(now=lambda: at("10:06")) for _ in range(2)]
    ingest.take_in(now=lambda: at("10:06"))

    assert noticed == [1, 0]
    assert Alert.objects.get().dedup_key == f"heartbeat:{beat.pk}"
    assert Incident.objects.count() == Page.objects.count() == 1
