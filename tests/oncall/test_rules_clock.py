"""field/oncall.md section 5, each rule by its number: the clock, conditions of time, and who sees what."""

import pytest

from oncall import escalation, paging
from oncall.messaging.models import Delivery
from oncall.models import Notified, Page, Schedule
from oncall.signals import page_changed

pytestmark = pytest.mark.django_db

OFFICE = {
    "hours": [{"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR"], "from": "09:00", "to": "17:00"}],
    "time_zone": "America/New_York",  # 13:00 to 21:00 UTC: the clocks there went forward the day before
}


# -- the clock ---------------------------------------------------------------------------------------------
def test_rule_1_due_pages_are_taken_oldest_first_in_bounded_batches(
    make_page, alice, at, advance, told, monkeypatch
):
    monkeypatch.setattr(escalation, "BATCH", 2)
    titles = ["third", "second", "first"]
    for minutes, title in enumerate(titles):
        make_page(user=alice, title=title, at=at(f"10:{2 - minutes:02}"))

    assert [advance("10:05"), advance("10:05")] == [2, 1]

    said = Delivery.objects.order_by("pk").values_list("message__subject", flat=True)
    assert ["first" in said[0], "second" in said[1], "third" in said[2]] == [True] * 3


def test_rule_1_the_claim_the_state_and_the_messages_commit_together(page, at, advance, fresh):
    def refuse(change, **told):
        if change == "paged":
            raise RuntimeError("the floor above is broken")

    page_changed.connect(refuse)
    try:
        advance("10:00")
    finally:
        page_changed.disconnect(refuse)

    assert not Delivery.objects.exists() and not Notified.objects.exists()
    assert (fresh(page).step, fresh(page).next_step_at) == (0, at("10:00:02"))


def test_rule_2_work_carries_an_id_only_and_does_nothing_if_the_page_moved_on(page, alice, at, told):
    paging.acknowledge(page, by=alice, at=at("10:00"))

    assert not escalation._alone(page.pk, escalation._advance, at("10:00"))
    assert told() == []


def test_rule_3_a_late_tick_fires_a_step_once_and_counts_its_wait_from_now(
    make_policy, make_page, alice, bob, carol, at, advance, told, fresh
):
    page = make_page(make_policy((0, alice), (5, bob), (5, carol)))

    advance("14:00")

    assert told() == ["alice"]
    assert fresh(page).next_step_at == at("14:05")


def test_rule_4_the_same_step_of_the_same_cycle_never_writes_a_second_message(page, at, advance):
    advance("10:00")
    before = Page.objects.values().get()
    Notified.objects.all().delete()
    Page.objects.update(step=0, next_step_at=at("10:00"))

    advance("10:00")

    assert Delivery.objects.count() == 1
    assert Page.objects.values().get()["step"] == before["step"]


# -- conditions of time ------------------------------------------------------------------------------------
def test_rule_31_a_step_outside_its_hours_is_skipped_at_once_and_said_so(
    make_policy, make_page, alice, bob, advance, told, kinds
):
    page = make_page(make_policy((0, alice, OFFICE), (5, bob)))

    advance("10:00")

    assert told() == ["bob"]
    assert kinds(page)[1] == "skipped"


def test_rule_31_a_step_that_holds_waits_as_a_due_row_until_its_hours_begin(
    make_policy, make_page, alice, bob, at, advance, told, fresh
):
    page = make_page(make_policy((0, alice, OFFICE | {"outside_hours": "hold"}), (5, bob)))

    advance("10:00")
    held = fresh(page)
    advance("12:59")
    assert told() == []
    advance("13:00")

    assert (held.state, held.held_for, held.next_step_at) == ("held", "hours", at("13:00"))
    assert told() == ["alice"]
    assert (fresh(page).state, fresh(page).next_step_at) == ("active", at("13:05"))
    assert "its hours begin Mon 09 Mar 09:00 (New York)" in page.events.get(kind="held").text


def test_rule_31_within_its_hours_a_step_pages_as_ever(make_policy, make_page, alice, bob, advance, told, at):
    make_page(make_policy((0, alice, OFFICE), (5, bob)), at=at("14:00"))

    advance("14:00")

    assert told() == ["alice"]


def test_rule_31_whoever_escalates_by_hand_does_not_wait_for_hours_that_hold(
    make_policy, make_page, alice, at, advance, told
):
    page = make_page(make_policy((0, alice, OFFICE | {"outside_hours": "hold"})))
    advance("10:00")

    paging.escalate_now(page, expected_step=0, by=None, at=at("10:01"))

    assert told() == ["alice"]


@pytest.fixture
def evenings(bob, at) -> Schedule:
    """bob from 18:00 to 22:00 UTC, every day."""
    schedule = Schedule.objects.create(slug="evenings", name="Evenings")
    layer = schedule.layers.create(
        name="evening",
        unit="day",
        anchor=at("00:00").replace(tzinfo=None),
        restrictions=[{"type": "daily", "from": "18:00", "to": "22:00"}],
    )
    layer.slots.create(position=0).users.add(bob)
    return schedule


def test_rule_32_low_urgency_waits_until_somebody_is_on_duty(
    make_policy, make_page, evenings, carol, at, advance, told, fresh
):
    page = make_page(make_policy((0, evenings), (5, carol), wait_for_duty=True), urgency="low")

    advance("10:00")
    held = fresh(page)
    advance("18:00")

    assert (held.state, held.held_for, held.next_step_at) == ("held", "duty", at("18:00"))
    assert told() == ["bob"]


def test_rule_32_high_urgency_does_not_wait(make_policy, make_page, evenings, carol, advance, told):
    make_page(make_policy((0, evenings), (5, carol), wait_for_duty=True))

    advance("10:00")

    assert told() == ["carol"]


def test_rule_32_a_raised_urgency_waits_no_longer(make_policy, make_page, evenings, carol, at, advance, told):
    page = make_page(make_policy((0, evenings), (5, carol), wait_for_duty=True), urgency="low")
    advance("10:00")

    paging.raise_urgency(page, by=None, at=at("10:01"))
    advance("10:01")

    assert told() == ["carol"]


def test_rule_32_duty_and_hours_that_never_meet_do_not_hold_for_ever(
    make_policy, make_page, evenings, carol, advance, told, kinds
):
    mornings = {"hours": [{"type": "daily", "from": "06:00", "to": "12:00"}], "outside_hours": "hold"}
    page = make_page(make_policy((0, evenings, mornings), (5, carol), wait_for_duty=True), urgency="low")

    advance("10:00")

    assert told() == ["carol"]
    assert "held" not in kinds(page)


# -- who sees what -----------------------------------------------------------------------------------------
def test_rule_34_whoever_asks_why_me_is_told_policy_step_schedule_layer_and_turn(
    make_policy, make_page, primary, advance, at
):
    page = make_page(make_policy((0, primary)))

    advance("10:00")

    paged = page.events.get(kind="paged")
    assert {key: paged.data[key] for key in ("user", "policy", "step", "schedule", "layer", "turn")} == {
        "user": "alice", "policy": "Payments", "step": 1, "schedule": "primary", "layer": "days", "turn": 1,
    }  # fmt: skip
    assert paged.data["mediums"] == ["email"]
    assert Delivery.objects.get(topic=page.topic).due_at == paged.at == at("10:00")


def test_rule_34_an_exception_that_put_her_there_is_named(
    make_policy, make_page, primary, alice, carol, advance, at
):
    cover = primary.exceptions.create(
        kind="replace", user=alice, by=carol, start=at("09:30"), end=at("11:00")
    )
    page = make_page(make_policy((0, primary)))

    advance("10:00")

    paged = page.events.get(kind="paged")
    assert (paged.data["user"], paged.data["exceptions"]) == ("carol", [cover.pk])
