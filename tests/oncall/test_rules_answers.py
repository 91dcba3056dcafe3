"""field/oncall.md section 5, each rule by its number: acknowledge, give back, snooze, escalate, resolve."""

from datetime import timedelta

import pytest

from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import Page

pytestmark = pytest.mark.django_db

State = Page.State


def waiting(page) -> int:
    return Delivery.objects.filter(topic=page.topic, due_at__isnull=False).count()


def refused(verb, *args, **fields) -> str:
    with pytest.raises(DomainError) as refusal:
        verb(*args, **fields)
    return refusal.value.code


# -- 17: acknowledging -------------------------------------------------------------------------------------
def test_rule_17_acknowledging_stops_escalation_and_every_pending_rule(page, alice, bob, advance, told, at):
    for minutes in (0, 20):
        way = alice.contacts.create(
            name=f"{minutes}", medium="email", address=f"a{minutes}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency="high", contact=way, after=timedelta(minutes=minutes))
    advance("10:00")

    paging.acknowledge(page, by=alice, at=at("10:01"))

    assert waiting(page) == 0
    assert advance("10:30") == 0


def test_rule_17_an_answer_also_ends_the_direct_pages_to_her_about_the_same(
    page, make_page, make_policy, alice, bob, advance, at, fresh
):
    direct = make_page(user=alice, reference="INC-47")
    to_bob = make_page(user=bob, reference="INC-47")
    Page.objects.filter(pk=page.pk).update(reference="INC-47")
    advance("10:00")

    paging.acknowledge(page, by=alice, at=at("10:01"))

    assert [fresh(each).state for each in (page, direct, to_bob)] == [
        "acknowledged",
        "acknowledged",
        "active",
    ]
    assert waiting(direct) == 0


def test_rule_17_a_person_who_was_not_paged_may_acknowledge_and_it_is_recorded(page, carol, at):
    acknowledged = paging.acknowledge(page, by=carol, at=at("10:01"))

    assert acknowledged.acknowledged_by == carol
    assert page.events.get(kind="acknowledged").by == carol


@pytest.fixture
def all_of_them(make_policy, make_page, alice, bob, carol, advance) -> Page:
    """alice and bob were paged at 10:00 and must both acknowledge; carol is next at 10:05."""
    page = make_page(make_policy((0, [alice, bob], {"everyone": True}), (5, carol), repeat=1))
    advance("10:00")
    return page


def test_rule_17_where_everyone_must_acknowledge_one_answer_stops_only_the_answerers_messages(
    all_of_them, alice, advance, told, at, kinds
):
    answered = paging.acknowledge(all_of_them, by=alice, at=at("10:01"))
    advance("10:05")

    assert (answered.state, answered.next_step_at) == (State.ACTIVE, at("10:05"))
    assert told() == ["bob", "carol"]
    assert "Bob must as well" in all_of_them.events.get(kind="answered").text


def test_rule_17_where_everyone_must_acknowledge_the_last_answer_ends_it_and_the_first_owns_it(
    all_of_them, alice, bob, at, advance
):
    paging.acknowledge(all_of_them, by=bob, at=at("10:01"))
    done = paging.acknowledge(all_of_them, by=alice, at=at("10:02"))

    assert (done.state, done.acknowledged_by, done.acknowledged_at) == (State.ACKNOWLEDGED, bob, at("10:02"))
    assert waiting(all_of_them) == 0
    assert advance("10:05") == 0


def test_rule_17_where_everyone_must_acknowledge_nobody_answers_for_another(
    all_of_them, carol, alice, at, kinds
):
    for clock, who in [("10:01", carol), ("10:02", carol), ("10:03", None), ("10:04", alice)]:
        page = paging.acknowledge(all_of_them, by=who, at=at(clock))

    assert page.state == State.ACTIVE
    assert kinds(all_of_them).count("answered") == 3


def test_rule_17_who_has_answered_is_not_paged_again_in_the_next_pass(all_of_them, alice, advance, told, at):
    paging.acknowledge(all_of_them, by=alice, at=at("10:01"))

    for clock in ("10:05", "10:10"):
        advance(clock)

    assert told() == ["bob", "carol", "bob"]


def test_rule_17_a_deactivated_person_is_not_waited_for(all_of_them, alice, bob, at):
    bob.is_active = False
    bob.save()

    assert paging.acknowledge(all_of_them, by=alice, at=at("10:01")).state == State.ACKNOWLEDGED


# -- 18 ----------------------------------------------------------------------------------------------------
def test_rule_18_acknowledging_what_is_over_changes_nothing(page, alice, at, kinds):
    paging.resolve(page, by=alice, at=at("10:01"))

    after = paging.acknowledge(page, by=alice, at=at("10:02"))

    assert (after.state, after.acknowledged_by) == (State.RESOLVED, None)
    assert kinds(page)[-1] == "resolved"


def test_rule_18_a_second_persons_answer_is_recorded_and_the_first_stays_the_owner(
    page, alice, bob, at, kinds
):
    paging.acknowledge(page, by=alice, at=at("10:01"))
    for clock in ("10:02", "10:03"):
        after = paging.acknowledge(page, by=bob, at=at(clock))

    assert (after.acknowledged_by, after.acknowledged_at) == (alice, at("10:01"))
    assert kinds(page).count("also_acknowledged") == 1


# -- 19: an acknowledgement that runs out ------------------------------------------------------------------
@pytest.fixture
def left_lying(make_policy, make_page, alice, bob, advance, at) -> Page:
    """bob was paged; alice acknowledged at 10:01 for half an hour and has five minutes to answer the reminder."""
    page = make_page(make_policy((0, bob), (5, bob), ack_timeout=timedelta(minutes=30)))
    advance("10:00")
    return paging.acknowledge(page, by=alice, at=at("10:01"))


def test_rule_19_when_the_time_is_over_whoever_acknowledged_is_asked_first(
    left_lying, advance, told, fresh, at
):
    advance("10:31")

    assert told() == ["alice"]
    assert Delivery.objects.get(recipient="alice").message.subject.startswith("Still at work?")
    assert (fresh(left_lying).state, fresh(left_lying).unacknowledge_at) == ("acknowledged", at("10:36"))


def test_rule_19_without_a_confirmation_it_begins_again_with_her_and_whoever_is_on_duty(
    left_lying, advance, told, fresh
):
    for clock in ("10:31", "10:36", "10:36:10"):
        advance(clock)

    assert told() == ["bob", "alice"]
    assert (fresh(left_lying).cycle, fresh(left_lying).step) == (1, 1)
    assert not Delivery.objects.filter(message__subject__startswith="Still", due_at__isnull=False).exists()


def test_rule_19_confirming_gives_the_whole_time_anew_and_ends_the_reminder(
    left_lying, alice, advance, told, fresh, at
):
    advance("10:31")

    paging.acknowledge(left_lying, by=alice, at=at("10:33"))

    assert told() == []
    assert fresh(left_lying).unacknowledge_at == at("11:03")
    assert left_lying.events.get(kind="confirmed").by == alice
    assert advance("10:36") == 0


def test_rule_19_an_update_by_anybody_restarts_the_time(left_lying, bob, advance, fresh, at):
    paging.confirm(left_lying, by=bob, at=at("10:20"))

    advance("10:31")

    assert fresh(left_lying).unacknowledge_at == at("10:50")
    assert fresh(left_lying).acknowledged_by.username == "alice"


def test_rule_19_where_a_tool_acknowledged_nobody_can_be_asked(
    make_policy, make_page, bob, advance, told, at
):
    page = make_page(make_policy((0, bob), ack_timeout=timedelta(minutes=30)))
    paging.acknowledge(page, by=None, at=at("10:01"))

    for clock in ("10:31", "10:31:10"):
        advance(clock)

    assert told() == ["bob"]


def test_rule_19_it_is_off_unless_the_policy_says(page, alice, advance, at):
    paging.acknowledge(page, by=alice, at=at("10:01"))

    assert advance("23:59") == 0


# -- 20: snooze, resolve -----------------------------------------------------------------------------------
def test_rule_20_a_snooze_has_a_wake_time_and_waking_begins_at_the_first_step(
    page, alice, advance, told, at, fresh
):
    advance("10:00")
    advance("10:05")

    snoozed = paging.snooze(page, until=at("12:00"), by=alice, at=at("10:06"))
    advance("11:59")
    assert told() == []
    advance("12:00")

    assert (snoozed.state, snoozed.next_step_at) == (State.SNOOZED, at("12:00"))
    assert told() == ["alice"]
    assert (fresh(page).cycle, fresh(page).step) == (1, 1)


def test_rule_20_resolving_ends_everything(page, alice, advance, at, fresh):
    advance("10:00")

    paging.resolve(page, by=alice, at=at("10:01"))

    assert (waiting(page), advance("23:00"), fresh(page).state) == (0, 0, State.RESOLVED)


# -- 21: giving back ---------------------------------------------------------------------------------------
def test_rule_21_what_is_given_back_begins_again_after_a_short_grace(page, alice, advance, told, at, kinds):
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))

    paging.unacknowledge(page, by=alice, at=at("10:02"))
    advance("10:02:09")
    assert told() == []
    advance("10:02:10")

    assert told() == ["alice"]
    assert kinds(page).count("given_back") == 1


def test_rule_21_giving_back_and_acknowledging_within_the_grace_pages_nobody(
    page, alice, advance, told, at, fresh
):
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))

    for _ in range(2):
        paging.unacknowledge(page, by=alice, at=at("10:02"))
    paging.acknowledge(page, by=alice, at=at("10:02:05"))
    advance("10:02:10")

    assert told() == []
    assert fresh(page).state == State.ACKNOWLEDGED


def test_rule_21_what_is_over_cannot_be_given_back(page, alice, at):
    paging.resolve(page, by=alice, at=at("10:01"))

    assert refused(paging.unacknowledge, page, by=alice, at=at("10:02")) == "ended"


# -- 22: escalating by hand --------------------------------------------------------------------------------
def test_rule_22_escalating_pages_the_next_step_now_also_from_acknowledged(page, alice, advance, told, at):
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))

    after = paging.escalate_now(page, expected_step=1, by=alice, at=at("10:02"))

    assert (after.state, after.acknowledged_by) == (State.ACTIVE, None)
    assert told() == ["bob"]


def test_rule_22_of_a_double_click_the_second_is_refused_and_skips_nobody(page, alice, advance, told, at):
    advance("10:00")
    paging.escalate_now(page, expected_step=1, by=alice, at=at("10:01"))

    again = refused(paging.escalate_now, page, expected_step=1, by=alice, at=at("10:01:01"))

    assert again == "stale_step"
    assert told() == ["alice", "bob"]


def test_rule_22_a_policy_of_one_step_is_escalated_once_by_two_who_saw_the_same_pass(
    make_policy, make_page, alice, advance, told, at
):
    page = make_page(make_policy((0, alice), repeat=5))
    advance("10:00")
    seen = {"expected_step": 0, "expected_loop": 1}
    paging.escalate_now(page, **seen, by=alice, at=at("10:01"))

    assert refused(paging.escalate_now, page, **seen, by=None, at=at("10:01")) == "stale_step"
    assert told() == ["alice", "alice"]


def test_rule_19_whoever_let_it_lie_takes_no_turn_from_those_in_a_round_robin(
    make_policy, make_page, alice, bob, carol, advance, told, at
):
    page = make_page(make_policy((0, [bob, carol], {"round_robin": True}), ack_timeout=timedelta(minutes=30)))
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))

    for clock in ("10:31", "10:36", "10:36:10"):
        advance(clock)

    assert told() == ["carol", "alice"]
