"""field/oncall.md section 5, each rule by its number: what changes while a page is under way."""

from datetime import timedelta

import pytest

from oncall import maintenance, paging
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import Page, Service

pytestmark = pytest.mark.django_db

State = Page.State


@pytest.fixture
def checkout(policy, team) -> Service:
    """Paged by the policy: alice at once, bob after five minutes."""
    return Service.objects.create(slug="checkout", name="Checkout", team=team, policy=policy)


@pytest.fixture
def about_checkout(checkout, make_page) -> Page:
    return make_page(service=checkout)


def sent(**which) -> list[str]:
    rows = Delivery.objects.filter(**which).order_by("pk")
    return list(rows.values_list("address", flat=True))


# -- 23: the policy is edited ------------------------------------------------------------------------------
def test_rule_23_a_page_under_way_keeps_the_policy_it_began_with(page, policy, carol, advance, told):
    policy.steps.get(position=1).targets.update(user=carol)

    advance("10:00")
    advance("10:05")

    assert told() == ["alice", "bob"]


@pytest.mark.parametrize(
    "change",
    [{"everyone": True}, {"round_robin": True}, {"after": timedelta(minutes=1)},
     {"hours": [{"type": "daily", "days": ["MO"], "from": "09:00", "to": "17:00"}]}],
)  # fmt: skip
def test_rule_23_that_the_policy_has_changed_since_is_seen(page, policy, change):
    assert not paging.policy_changed_since(page)

    policy.steps.filter(position=1).update(**change)

    assert paging.policy_changed_since(page)


def test_rule_23_beginning_again_takes_the_current_policy(page, policy, alice, carol, advance, told, at):
    advance("10:00")
    policy.steps.get(position=0).targets.update(user=carol)

    restarted = paging.restart_with_current_policy(page, by=alice, at=at("10:02"))
    advance("10:02")

    assert told() == ["carol"]
    assert not paging.policy_changed_since(restarted)


# -- 24: another policy, another service -------------------------------------------------------------------
@pytest.fixture
def ledger_policy(make_policy, carol, alice):
    return make_policy((0, carol), (5, alice), slug="ledger", name="Ledger")


def test_rule_24_a_service_moved_to_another_policy_pages_by_it_from_the_first_step(
    about_checkout, checkout, ledger_policy, advance, told, fresh, at, bob
):
    advance("10:00")
    checkout.policy = ledger_policy
    checkout.save()

    assert paging.follow_service(checkout, by=bob, at=at("10:02")) == 1
    advance("10:02")

    assert told() == ["carol"]  # nothing more by the old one
    assert (fresh(about_checkout).policy, fresh(about_checkout).next_step_at) == (ledger_policy, at("10:07"))
    assert paging.follow_service(checkout, by=bob, at=at("10:03")) == 0


def test_rule_24_who_was_paged_before_is_paged_anew_only_where_the_new_policy_names_her(
    about_checkout, checkout, ledger_policy, advance, told, at
):
    advance("10:00")
    advance("10:05")
    checkout.policy = ledger_policy
    checkout.save()
    paging.follow_service(checkout, by=None, at=at("10:06"))

    for clock in ("10:06", "10:11", "10:16"):
        advance(clock)

    assert told() == ["carol", "alice"]  # bob is in no step of it


def test_rule_24_a_page_moved_to_another_service_is_paged_by_that_ones_policy(
    about_checkout, ledger_policy, team, advance, told, fresh, at
):
    ledger = Service.objects.create(slug="ledger", name="Ledger", team=team, policy=ledger_policy)
    advance("10:00")

    paging.hand_over(about_checkout, ledger, by=None, at=at("10:02"))
    advance("10:02")

    assert told() == ["carol"]
    assert fresh(about_checkout).service == ledger


def test_rule_24_what_is_acknowledged_stays_so_and_begins_again_by_the_new_policy(
    about_checkout, checkout, ledger_policy, alice, advance, told, at
):
    advance("10:00")
    paging.acknowledge(about_checkout, by=alice, at=at("10:01"))
    checkout.policy = ledger_policy
    checkout.save()

    paging.follow_service(checkout, by=None, at=at("10:02"))
    assert advance("10:10") == 0
    paging.unacknowledge(about_checkout, by=alice, at=at("10:11"))
    advance("10:12")

    assert told() == ["carol"]


# -- 25: the urgency ---------------------------------------------------------------------------------------
@pytest.fixture
def two_kinds_of_rules(alice, at):
    """alice is mailed when it is quiet, and when it is loud at once and again after ten minutes."""
    for urgency, minutes in (("low", 0), ("low", 15), ("high", 0), ("high", 10)):
        name = f"{urgency}{minutes}"
        way = alice.contacts.create(
            name=name, medium="email", address=f"{name}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency=urgency, after=timedelta(minutes=minutes), contact=way)


def test_rule_25_raised_the_loud_rules_begin_at_once_and_the_course_goes_on(
    two_kinds_of_rules, make_page, policy, advance, at, fresh
):
    page = make_page(policy, urgency="low")
    advance("10:00")

    for _ in range(2):
        paging.raise_urgency(page, by=None, at=at("10:03"))

    assert sent(recipient="alice", state="pending") == ["high0@example.com", "high10@example.com"]
    assert Delivery.objects.get(address="high10@example.com").due_at == at("10:13")
    assert (fresh(page).step, fresh(page).next_step_at, fresh(page).cycle) == (1, at("10:05"), 0)


def test_rule_25_raised_somebody_without_rules_is_told_again_as_well(make_page, bob, advance, at):
    page = make_page(user=bob, urgency="low")
    advance("10:00")

    paging.raise_urgency(page, by=None, at=at("10:03"))

    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "pending"]


def test_rule_25_raised_what_is_acknowledged_stays_so_and_tells_nobody(make_page, alice, advance, told, at):
    page = make_page(user=alice, urgency="low")
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))

    raised = paging.raise_urgency(page, by=None, at=at("10:03"))

    assert (raised.urgency, raised.state, told()) == ("high", State.ACKNOWLEDGED, [])


def test_rule_25_raised_what_nobody_answered_begins_again(make_page, alice, root, advance, told, at):
    page = make_page(user=alice, urgency="low")
    for clock in ("10:00", "10:05"):
        advance(clock)

    paging.raise_urgency(page, by=None, at=at("10:20"))
    advance("10:20")

    assert told() == ["alice"]


def test_rule_25_lowered_nobody_is_paged_and_running_rules_go_on_quietly(
    two_kinds_of_rules, make_page, policy, advance, at, fresh
):
    page = make_page(policy)
    advance("10:00")
    Delivery.objects.filter(address="high0@example.com").update(
        state="sent", due_at=None, finished_at=at("10:00:01")
    )

    paging.lower_urgency(page, by=None, at=at("10:03"))

    assert sent(state="pending") == ["low15@example.com"]
    assert Delivery.objects.get(address="low15@example.com").due_at == at("10:15")
    assert (fresh(page).urgency, fresh(page).next_step_at) == ("low", at("10:05"))


def test_rule_25_lowered_whoever_has_heard_nothing_yet_still_hears(alice, make_page, advance, at):
    for urgency, minutes in (("low", 0), ("high", 10)):
        way = alice.contacts.create(
            name=urgency, medium="email", address=f"{urgency}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency=urgency, after=timedelta(minutes=minutes), contact=way)
    page = make_page(user=alice)
    advance("10:00")

    paging.lower_urgency(page, by=None, at=at("10:03"))

    assert sent(state="pending") == ["low@example.com"]


# -- 26: maintenance ---------------------------------------------------------------------------------------
@pytest.fixture
def works(checkout, at):
    """Checkout is worked on from 10:02 to 11:00."""
    times = {"start": at("10:02"), "end": at("11:00")}
    return maintenance.begin(checkout, **times, reason="New switches", by=None, at=at("09:00"))


def test_rule_26_in_a_maintenance_no_step_fires_and_running_rules_go_on(
    about_checkout, works, alice, advance, told, at, fresh
):
    for minutes in (0, 20):
        way = alice.contacts.create(
            name=f"{minutes}", medium="email", address=f"a{minutes}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency="high", contact=way, after=timedelta(minutes=minutes))
    advance("10:00")

    advance("10:05")

    held = fresh(about_checkout)
    assert (held.state, held.held_for, held.next_step_at) == (State.HELD, "maintenance", at("11:00"))
    assert told() == ["alice", "alice"]
    assert Delivery.objects.get(address="a20@example.com").due_at == at("10:20")
    assert "New switches" in about_checkout.events.get(kind="held").text


def test_rule_26_afterwards_what_was_held_starts_at_the_first_step(
    checkout, works, make_page, advance, told, at, fresh
):
    page = make_page(service=checkout, at=at("10:10"))
    advance("10:10")
    assert told() == []

    advance("11:00")

    assert told() == ["alice"]
    assert (fresh(page).state, fresh(page).next_step_at) == (State.ACTIVE, at("11:05"))


def test_rule_26_escalating_by_hand_is_refused_with_the_reason(about_checkout, works, alice, advance, at):
    advance("10:00")

    with pytest.raises(DomainError) as refusal:
        paging.escalate_now(about_checkout, expected_step=1, by=alice, at=at("10:03"))

    assert refusal.value.code == "in_maintenance"
    assert "Checkout is under maintenance until Mon 09 Mar 11:00 UTC (New switches)" in refusal.value.detail


def test_rule_26_ended_early_what_was_held_begins_at_once(checkout, works, make_page, advance, told, at):
    make_page(service=checkout, at=at("10:10"))
    advance("10:10")

    for clock in ("10:20", "10:21"):
        maintenance.finish(works, by=None, at=at(clock))
    advance("10:21")

    assert told() == ["alice"]


def test_rule_26_made_longer_what_is_held_waits_longer(checkout, works, make_page, advance, told, at, kinds):
    page = make_page(service=checkout, at=at("10:10"))
    advance("10:10")

    maintenance.begin(checkout, end=at("12:00"), reason="Slower than thought", by=None, at=at("10:50"))
    for clock in ("10:50", "11:00"):
        advance(clock)
    assert told() == []
    advance("12:00")

    assert told() == ["alice"]
    assert kinds(page).count("held") == 1


def test_rule_26_a_held_page_can_be_acknowledged(checkout, works, make_page, alice, advance, at):
    page = make_page(service=checkout, at=at("10:10"))
    advance("10:10")

    assert paging.acknowledge(page, by=alice, at=at("10:11")).state == State.ACKNOWLEDGED
    assert advance("11:00") == 0


def test_rule_26_people_and_other_services_are_paged_as_ever(works, make_page, alice, bob, advance, told):
    other = Service.objects.create(slug="other", name="Other", policy=works.service.policy)
    make_page(user=bob)
    make_page(service=other)

    advance("10:05")

    assert told() == ["bob", "alice"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"end": "10:00"}, "bad_time"),
        ({"end": "10:30", "start": "11:00"}, "bad_time"),
        ({"end": "12:00", "reason": " "}, "no_reason"),
    ],
)
def test_rule_26_a_maintenance_needs_a_time_ahead_and_a_reason(checkout, at, fields, code):
    told = {"reason": "New switches", **fields}
    times = {name: at(told.pop(name)) for name in ("start", "end") if name in told}

    with pytest.raises(DomainError) as refusal:
        maintenance.begin(checkout, by=None, at=at("10:00"), **times, **told)

    assert refusal.value.code == code


# -- 27: merged --------------------------------------------------------------------------------------------
def test_rule_27_people_of_a_merged_page_are_told_once_where_it_goes_on(page, alice, bob, advance, told, at):
    for clock in ("10:00", "10:05"):
        advance(clock)
    paging.resolve(page, by=None, at=at("10:06"), reason="merged into INC-2")

    for _ in range(2):
        about = {"was": "INC-1", "into": "INC-2", "title": "Ledger is slow", "url": "/x/"}
        paging.tell_where_it_goes_on(page, **about, at=at("10:06"))

    assert told() == ["alice", "bob"]
    assert "INC-2: Ledger is slow" in Delivery.objects.get(recipient="bob", state="pending").message.text


def test_rule_27_a_page_that_goes_on_belongs_to_the_parent(page, advance, fresh, at, kinds):
    advance("10:00")

    for _ in range(2):
        paging.belong_to(page, reference="INC-2", url="/inc-2/", by=None, at=at("10:02"))

    moved = fresh(page)
    assert (moved.reference, moved.url, moved.next_step_at) == ("INC-2", "/inc-2/", at("10:05"))
    assert kinds(page).count("merged") == 1
