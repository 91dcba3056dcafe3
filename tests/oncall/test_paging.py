"""What people do to a page: acknowledge, resolve, snooze, escalate, begin again."""

from datetime import timedelta

import pytest

from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import Page, PageEvent, Service
from oncall.signals import page_changed

pytestmark = pytest.mark.django_db

State = Page.State


def waiting(page):
    return Delivery.objects.filter(topic=page.topic, due_at__isnull=False).count()


# -- beginning ---------------------------------------------------------------------------------------------
def test_a_page_is_due_at_once_and_frozen(page, policy, alice, at):
    assert (page.state, page.step, page.next_step_at) == (State.ACTIVE, 0, at("10:00"))
    assert page.plan["steps"][0]["targets"] == [{"kind": "user", "name": "Alice", "id": alice.pk, "url": ""}]


def test_a_person_and_a_team_can_be_paged_directly(make_page, carol, team, advance, told):
    make_page(user=carol)
    make_page(team=team)

    advance("10:00")

    assert told() == ["carol", "alice", "bob"]


def test_a_service_is_paged_by_its_policy(make_page, policy, team, advance, told):
    service = Service.objects.create(slug="checkout", name="Checkout", team=team, policy=policy)
    page = make_page(service=service)

    advance("10:00")

    assert told() == ["alice"]
    assert (page.policy, page.team) == (policy, team)


def test_a_title_that_breaks_lines_becomes_one_line(make_page, alice):
    page = make_page(user=alice, title="Down\r\nBcc: everybody@example.com\x00")

    assert page.title == "Down Bcc: everybody@example.com"


# -- acknowledging -----------------------------------------------------------------------------------------
def test_acknowledging_stops_the_second_step(page, bob, advance, told, at):
    advance("10:00")
    paging.acknowledge(page, by=bob, at=at("10:03"))

    advance("10:15")

    assert told() == []


def test_acknowledging_cancels_what_waits_in_the_same_transaction(page, alice, advance, at):
    advance("10:00")

    acknowledged = paging.acknowledge(page, by=alice, at=at("10:01"))

    assert waiting(page) == 0
    assert (acknowledged.state, acknowledged.acknowledged_by) == (State.ACKNOWLEDGED, alice)


def test_acknowledging_again_changes_nothing(page, alice, at, kinds):
    first = paging.acknowledge(page, by=alice, at=at("10:01"))
    again = paging.acknowledge(page, by=alice, at=at("10:02"))

    assert (again.acknowledged_at, again.generation) == (at("10:01"), first.generation)
    assert kinds(page).count("acknowledged") == 1


def test_a_second_person_is_noted_and_the_first_stays_the_owner(page, alice, bob, at, kinds):
    paging.acknowledge(page, by=alice, at=at("10:01"))
    again = [paging.acknowledge(page, by=bob, at=at("10:02")) for _ in range(2)]

    assert again[1].acknowledged_by == alice
    assert kinds(page).count("also_acknowledged") == 1


def test_acknowledging_after_the_end_changes_nothing(page, alice, at):
    paging.resolve(page, by=alice, at=at("10:01"))

    after = paging.acknowledge(page, by=alice, at=at("10:02"))

    assert (after.state, after.acknowledged_at) == (State.RESOLVED, None)


def test_somebody_who_was_not_paged_may_acknowledge(page, carol, at):
    assert paging.acknowledge(page, by=carol, at=at("10:01")).acknowledged_by == carol


def test_an_exhausted_page_can_still_be_acknowledged(make_page, carol, advance, at):
    page = make_page(None)
    advance("10:00")

    assert paging.acknowledge(page, by=carol, at=at("10:01")).state == State.ACKNOWLEDGED


def test_may_answer_who_was_paged_or_has_the_right(page, alice, carol, root, advance):
    advance("10:00")

    assert [paging.may_answer(page, person) for person in (alice, carol, root)] == [True, False, True]


# -- an acknowledgement that runs out ----------------------------------------------------------------------
@pytest.fixture
def left_lying(make_policy, make_page, alice, bob, carol, advance, at):
    """Paged bob, acknowledged by alice for half an hour, which is over at 10:31."""
    page = make_page(make_policy((0, bob), (5, carol), ack_timeout=timedelta(minutes=30)))
    advance("10:00")
    return paging.acknowledge(page, by=alice, at=at("10:01"))


def test_an_acknowledgement_that_runs_out_pages_its_owner_and_whoever_is_on_call(left_lying, advance, told):
    for clock in ("10:31", "10:36"):
        advance(clock)
    assert told() == []

    advance("10:36:10")

    assert told() == ["bob", "alice"]


def test_an_acknowledgement_within_the_grace_pages_nobody(left_lying, alice, advance, told, at):
    for clock in ("10:31", "10:36"):
        advance(clock)
    paging.acknowledge(left_lying, by=alice, at=at("10:36:05"))

    advance("10:36:10")

    assert told() == []


def test_confirming_gives_the_whole_time_anew(left_lying, alice, advance, at):
    paging.acknowledge(left_lying, by=alice, at=at("10:20"))

    advance("10:31")

    fresh = Page.objects.get(pk=left_lying.pk)
    assert (fresh.state, fresh.unacknowledge_at) == (State.ACKNOWLEDGED, at("10:50"))


def test_without_a_timeout_an_acknowledgement_stays(page, alice, advance, at):
    paging.acknowledge(page, by=alice, at=at("10:01"))

    assert advance("23:59") == 0


# -- the end -----------------------------------------------------------------------------------------------
def test_resolving_ends_everything_once(page, alice, advance, at, kinds):
    advance("10:00")
    for clock in ("10:02", "10:03"):
        over = paging.resolve(page, by=alice, at=at(clock), reason="rolled back")

    assert (over.state, over.ended_at, waiting(page)) == (State.RESOLVED, at("10:02"), 0)
    assert advance("11:00") == 0
    assert kinds(page).count("resolved") == 1


# -- snoozing ----------------------------------------------------------------------------------------------
def test_a_snoozed_page_is_quiet_and_wakes_at_the_first_step(page, alice, advance, told, at):
    advance("10:00")
    advance("10:05")
    paging.snooze(page, until=at("12:00"), by=alice, at=at("10:06"))

    advance("11:59")
    assert told() == []
    advance("12:00")

    assert told() == ["alice"]
    assert Page.objects.get().cycle == 1


@pytest.mark.parametrize("hours", [-1, 0, 24 * 8])
def test_a_snooze_needs_a_time_in_the_coming_week(page, alice, at, hours):
    with pytest.raises(DomainError) as refusal:
        paging.snooze(page, until=at("10:00") + timedelta(hours=hours), by=alice, at=at("10:00"))

    assert refusal.value.code == "bad_time"


def test_a_page_that_is_over_cannot_be_snoozed(page, alice, at):
    paging.resolve(page, by=alice, at=at("10:01"))

    with pytest.raises(DomainError, match="over"):
        paging.snooze(page, until=at("12:00"), by=alice, at=at("10:02"))


# -- escalating by hand ------------------------------------------------------------------------------------
def test_escalating_pages_the_next_step_now(page, alice, advance, told, at):
    advance("10:00")

    after = paging.escalate_now(page, expected_step=1, by=alice, at=at("10:01"))

    assert told() == ["alice", "bob"]
    assert (after.step, after.next_step_at) == (2, at("10:06"))


def test_a_double_click_skips_nobody(page, alice, advance, told, at):
    advance("10:00")
    paging.escalate_now(page, expected_step=1, by=alice, at=at("10:01"))

    with pytest.raises(DomainError) as refusal:
        paging.escalate_now(page, expected_step=1, by=alice, at=at("10:01:01"))

    assert refusal.value.code == "stale_step"
    assert told() == ["alice", "bob"]


def test_escalating_where_nobody_new_is_left_goes_to_the_last_resort_at_once(
    make_policy, make_page, alice, root, advance, told, at
):
    page = make_page(make_policy((0, alice), (5, alice)))
    advance("10:00")

    paging.escalate_now(page, expected_step=1, by=alice, at=at("10:01"))

    assert told() == ["alice", "root"]


def test_escalating_an_acknowledged_page_makes_it_wait_for_an_answer_again(page, alice, advance, told, at):
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))

    after = paging.escalate_now(page, expected_step=1, by=alice, at=at("10:02"))

    assert (after.state, after.acknowledged_by) == (State.ACTIVE, None)
    assert told() == ["bob"]


# -- more urgent -------------------------------------------------------------------------------------------
def test_raising_the_urgency_begins_again_by_the_loud_rules(make_page, alice, advance, at):
    for urgency in ("low", "high"):
        contact = alice.contacts.create(
            name=urgency, medium="email", address=f"{urgency}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency=urgency, after=timedelta(), contact=contact)
    page = make_page(user=alice, urgency="low")
    advance("10:00")

    for _ in range(2):
        paging.raise_urgency(page, by=None, at=at("10:03"))
    advance("10:03")

    told = Delivery.objects.order_by("pk").values_list("address", "state")
    assert list(told) == [("low@example.com", "cancelled"), ("high@example.com", "pending")]


def test_raising_the_urgency_of_an_acknowledged_page_tells_nobody(make_page, alice, advance, told, at):
    page = make_page(user=alice, urgency="low")
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))

    assert paging.raise_urgency(page, by=None, at=at("10:03")).urgency == "high"
    assert told() == []


# -- a policy that changed ---------------------------------------------------------------------------------
def test_a_running_page_keeps_the_policy_it_began_with(page, policy, carol, advance, told):
    policy.steps.get(position=1).targets.update(user=carol)

    advance("10:00")
    advance("10:05")

    assert told() == ["alice", "bob"]
    assert paging.policy_changed_since(page)


def test_restarting_takes_the_policy_as_it_is_now(page, policy, alice, carol, advance, told, at):
    advance("10:00")
    policy.steps.get(position=0).targets.update(user=carol)

    restarted = paging.restart_with_current_policy(page, by=alice, at=at("10:02"))
    advance("10:02")

    assert told() == ["carol"]
    assert not paging.policy_changed_since(restarted)


def test_a_new_name_is_no_change_of_policy(page, policy):
    policy.name = "Payments, day and night"
    policy.save()

    assert not paging.policy_changed_since(page)


# -- telling the floor above -------------------------------------------------------------------------------
@pytest.fixture
def heard():
    """Every ``page_changed`` while the test runs."""
    news = []

    def listen(sender, **told):
        news.append(told)

    page_changed.connect(listen)
    yield news
    page_changed.disconnect(listen)


def test_every_event_is_told_with_who_when_and_what(heard, page, alice, at):
    paging.acknowledge(page, by=alice, at=at("10:01"))

    assert [one["change"] for one in heard] == ["opened", "acknowledged"]
    assert heard[1]["data"]["text"] == "Alice acknowledged"
    assert (heard[1]["by"], heard[1]["at"]) == (alice, at("10:01"))
    assert heard[1]["page"].state == State.ACKNOWLEDGED


def test_a_receiver_that_fails_undoes_the_change(page, alice, at):
    def refuse(**told):
        raise RuntimeError("the floor above is broken")

    page_changed.connect(refuse)
    try:
        with pytest.raises(RuntimeError):
            paging.acknowledge(page, by=alice, at=at("10:01"))
    finally:
        page_changed.disconnect(refuse)

    assert Page.objects.get().state == State.ACTIVE
    assert not PageEvent.objects.filter(kind="acknowledged").exists()


def test_a_private_page_is_seen_by_those_who_have_a_part_in_it(page, alice, carol, root, advance):
    advance("10:00")
    paging.describe(page, {"private": True})

    seen = [Page.objects.visible_to(person).count() for person in (alice, carol, root)]

    assert seen == [1, 0, 1]


def test_what_the_floor_above_says_is_shown_from_then_on(page):
    paging.describe(page, {"severity_label": "Major"})

    assert Page.objects.get().facts == {"severity_label": "Major"}
