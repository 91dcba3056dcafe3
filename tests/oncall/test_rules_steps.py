"""field/oncall.md section 5, each rule by its number: steps, and what happens where nobody is there."""

from datetime import timedelta

import pytest

from oncall import contacts, policies
from oncall.messaging.models import Delivery
from oncall.models import Page, PortalSettings, Schedule, Team
from oncall.undelivered import note_undelivered

pytestmark = pytest.mark.django_db


@pytest.fixture
def nobody(db) -> Team:
    """A team without members or admins."""
    return Team.objects.create(slug="empty", name="Empty")


# -- steps -------------------------------------------------------------------------------------------------
def test_rule_6_step_one_fires_at_once_and_each_wait_counts_from_the_step_before(
    make_policy, make_page, alice, bob, carol, advance, told, fresh, at
):
    page = make_page(make_policy((0, alice), (5, bob), (10, carol)))

    advance("10:00")
    advance("10:07")  # two minutes late

    assert told() == ["alice", "bob"]
    assert fresh(page).next_step_at == at("10:17")


def test_rule_7_people_are_looked_up_when_the_step_fires(
    make_policy, make_page, team, carol, alice, advance, told
):
    make_page(make_policy((0, alice), (5, team)))
    advance("10:00")
    team.members.set([carol])

    advance("10:05")

    assert told() == ["alice", "carol"]


def test_rule_8_a_person_reached_by_two_targets_of_one_step_is_paged_once(
    make_policy, make_page, alice, team, advance, told
):
    make_page(make_policy((0, [alice, team, alice])))

    advance("10:00")

    assert told() == ["alice", "bob"]


def test_rule_8_a_person_who_is_being_paged_already_starts_no_second_time(
    make_policy, make_page, alice, team, advance, told, kinds
):
    page = make_page(make_policy((0, alice), (5, team)))

    advance("10:00")
    advance("10:05")

    assert told() == ["alice", "bob"]
    assert "already_paged" in kinds(page)


def test_rule_9_a_new_step_leaves_the_rules_of_earlier_ones_running(page, alice, advance, at):
    for minutes in (0, 20):
        way = alice.contacts.create(
            name=f"{minutes}", medium="email", address=f"a{minutes}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency="high", contact=way, after=timedelta(minutes=minutes))

    advance("10:00")
    advance("10:05")

    later = Delivery.objects.get(address="a20@example.com")
    assert (later.state, later.due_at) == ("pending", at("10:20"))


def test_rule_10_repeat_is_how_many_more_passes_there_are_then_the_catch_all_is_told_once(
    make_policy, make_page, alice, root, advance, told, kinds, fresh
):
    page = make_page(make_policy((0, alice), repeat=2))

    for minute in range(0, 40, 5):
        advance(f"10:{minute:02}")

    assert told() == ["alice", "alice", "alice", "root"]
    assert (fresh(page).state, fresh(page).loop) == (Page.State.EXHAUSTED, 2)
    assert kinds(page).count("repeated") == 2


@pytest.fixture
def in_turn(make_policy, alice, bob, carol):
    """alice, bob and carol take turns at being paged first."""
    return make_policy((0, [alice, bob, carol], {"round_robin": True}), (5, [alice, bob, carol]))


def test_rule_11_a_round_robin_pages_one_of_its_people_in_turn(in_turn, make_page, advance, told):
    for _ in range(4):
        make_page(in_turn)
        advance("10:00")

    assert told() == ["alice", "bob", "carol", "alice"]


def test_rule_11_the_turn_stays_with_the_step_when_the_policy_is_edited(
    in_turn, make_page, advance, told, alice, bob, carol
):
    make_page(in_turn)
    advance("10:00")
    first, second = policies.current(in_turn)
    policies.set_steps(in_turn, [first, policies.StepForm(timedelta(minutes=9), second.targets)])

    make_page(in_turn)
    advance("10:01")

    assert told() == ["alice", "bob"]


def test_rule_11_who_is_inactive_or_cannot_be_reached_is_skipped_and_keeps_her_turn(
    in_turn, make_page, advance, told, alice, bob
):
    alice.is_active = False
    alice.save()
    bob.email = ""
    bob.save()

    make_page(in_turn)
    advance("10:00")
    alice.is_active = True
    alice.save()
    make_page(in_turn)
    advance("10:01")

    assert told() == ["carol", "alice"]


def test_rule_11_who_is_being_paged_already_is_not_picked(make_policy, make_page, alice, bob, advance, told):
    make_page(make_policy((0, alice), (5, [alice, bob], {"round_robin": True})))

    advance("10:00")
    advance("10:05")

    assert told() == ["alice", "bob"]


# -- nobody there ------------------------------------------------------------------------------------------
def test_rule_12_an_empty_step_is_skipped_at_once_and_said_so(
    make_policy, make_page, bob, advance, told, caplog
):
    nights = Schedule.objects.create(slug="nights", name="Nights")
    page = make_page(make_policy((0, nights), (30, bob)))

    advance("10:00")

    assert told() == ["bob"]
    assert "Step 1 reaches nobody: Nobody is on call in Nights" in page.events.get(kind="nobody").text
    assert "Nobody is on call in Nights" in caplog.text


def test_rule_12_a_policy_of_empty_steps_cannot_spin(make_policy, make_page, nobody, advance, kinds, fresh):
    page = make_page(make_policy((0, nobody), (0, nobody), repeat=20))

    advance("10:00")

    assert fresh(page).state == Page.State.EXHAUSTED
    assert kinds(page).count("nobody") == 4  # two steps, the admins, the catch-all
    assert advance("10:05") == 0


def test_rule_13_a_policy_that_reaches_nobody_pages_the_teams_admins_then_the_catch_all(
    make_policy, make_page, nobody, carol, root, advance, told
):
    nobody.admins.add(carol)
    make_page(make_policy((0, nobody), team=nobody))

    advance("10:00")
    assert told() == ["carol"]
    advance("10:05")

    assert told() == ["carol", "root"]


def test_rule_13_without_anybody_at_all_the_page_stands_visibly_as_not_paged(
    make_policy, make_page, nobody, advance, fresh
):
    PortalSettings.objects.filter(pk=1).update(catch_all=None)
    page = make_page(make_policy((0, nobody), team=nobody))

    advance("10:00")

    assert (fresh(page).state, fresh(page).reached_anybody) == (Page.State.EXHAUSTED, False)
    assert "Nobody could be paged" in page.events.get(kind="exhausted").text


def test_rule_14_an_inactive_person_is_skipped_like_an_absent_one_and_logged(page, alice, advance, told):
    alice.is_active = False
    alice.save()

    advance("10:00")

    assert told() == ["bob"]
    assert page.events.get(kind="nobody").data["reasons"] == ["Alice is deactivated"]


def test_rule_15_without_a_usable_medium_the_accounts_address_is_the_fallback_and_said_so(
    page, alice, advance
):
    alice.contacts.create(name="phone", medium="email", address="unverified@example.com")

    advance("10:00")

    assert Delivery.objects.get().address == "alice@example.com"
    assert page.events.get(kind="fallback").data["medium"] == "email"


def test_rule_15_a_person_without_any_way_leaves_the_step_empty(page, alice, advance, told, kinds):
    alice.email = ""
    alice.save()
    assert contacts.ways(alice, "high") == []

    advance("10:00")

    assert told() == ["bob"]
    assert "unreachable" in kinds(page)


def test_rule_15_if_nothing_was_delivered_the_next_step_comes_at_once(page, advance, told, at):
    advance("10:00")
    Delivery.objects.update(
        state="dead", due_at=None, finished_at=at("10:00:01"), last_error="550 no such mailbox"
    )

    note_undelivered(now=lambda: at("10:00:10"))
    advance("10:00:10")

    assert told() == ["alice", "bob"]


def test_rule_16_what_was_deleted_keeps_its_name_and_resolves_to_nobody(
    make_policy, make_page, bob, advance, told
):
    gone = Schedule.objects.create(slug="gone", name="Old nights")
    page = make_page(make_policy((0, gone), (5, bob)))
    page.policy.steps.first().delete()
    gone.delete()

    advance("10:00")

    assert told() == ["bob"]
    assert page.events.get(kind="nobody").data["reasons"] == ["The schedule Old nights was deleted"]
