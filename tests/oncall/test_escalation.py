"""What a page does by itself: steps, passes, last resorts. Rules of field/oncall.md section 5 by number."""

from datetime import timedelta

import pytest

from oncall import contacts, paging
from oncall.messaging.models import Delivery
from oncall.models import ContactMethod, Notified, Page, PageEvent, Schedule, Team
from oncall.page_events import Lost, move
from oncall.upcoming import upcoming

pytestmark = pytest.mark.django_db


def fresh(page):
    return Page.objects.get(pk=page.pk)


# -- the clock ---------------------------------------------------------------------------------------------
def test_the_first_step_pages_at_once_and_the_next_after_its_wait(page, advance, told, at):
    advance("10:00")
    assert told() == ["alice"]
    assert fresh(page).next_step_at == at("10:05")

    advance("10:05")

    assert told() == ["alice", "bob"]


def test_nothing_happens_before_its_time(page, advance, told):
    advance("10:00")

    assert advance("10:04:59") == 0
    assert told() == ["alice"]


def test_after_a_long_stop_a_chain_takes_one_step_and_not_a_burst(page, advance, told, at):
    advance("12:00")

    assert told() == ["alice"]
    assert fresh(page).next_step_at == at("12:05")


def test_the_oldest_due_page_goes_first(make_page, make_policy, alice, bob, advance, told, at):
    make_page(user=bob, at=at("10:02"))
    make_page(user=alice, at=at("10:01"))

    advance("10:03")

    assert told() == ["alice", "bob"]


def test_running_the_line_twice_pages_once(page, advance, told):
    assert [advance("10:00"), advance("10:00")] == [1, 0]
    assert told() == ["alice"]


def test_who_read_an_older_generation_has_lost(page, at):
    stale = fresh(page)
    paging.acknowledge(page, by=None, at=at("10:01"))

    with pytest.raises(Lost):
        move(stale, step=1)


def test_a_page_that_fails_is_put_off_and_its_neighbours_go_on(
    make_page, alice, bob, advance, told, at, kinds
):
    poison = make_page(user=alice)
    make_page(user=bob)
    Page.objects.filter(pk=poison.pk).update(plan={"steps": [{"after_s": 0}]})

    advance("10:00")

    assert told() == ["bob"]
    assert fresh(poison).next_step_at == at("10:00:02")
    assert kinds(poison)[-1] == "failed"


def test_a_step_that_keeps_failing_is_passed_over(
    make_policy, make_page, alice, bob, advance, told, at, monkeypatch
):
    page = make_page(make_policy((0, alice), (5, bob)))
    ways = contacts.ways
    monkeypatch.setattr(contacts, "ways", lambda user, urgency: ways(user, urgency) if user == bob else 1 / 0)

    for clock in ("10:00", "10:01", "10:02", "10:03", "10:04", "10:05"):
        advance(clock)

    assert told() == ["bob"]
    assert page.events.filter(kind="failed").count() == 5


# -- steps -------------------------------------------------------------------------------------------------
def test_one_person_reached_by_two_targets_is_paged_once(make_policy, make_page, alice, team, advance, told):
    make_page(make_policy((0, [alice, team])))

    advance("10:00")

    assert told() == ["alice", "bob"]


def test_a_later_step_does_not_page_a_person_again(make_policy, make_page, alice, team, advance, told):
    make_page(make_policy((0, alice), (5, team)))

    advance("10:00")
    advance("10:05")

    assert told() == ["alice", "bob"]


def test_a_new_step_leaves_the_personal_rules_of_earlier_ones_running(page, alice, advance, told, at):
    second = contact(alice, "second", at)
    rule(alice, contact(alice, "first", at))
    rule(alice, second, minutes=20)

    advance("10:00")
    advance("10:05")

    waiting = Delivery.objects.get(address=second.address)
    assert (waiting.state, waiting.due_at) == ("pending", at("10:20"))


def test_a_repeated_policy_pages_everybody_again_after_the_last_steps_wait(
    make_policy, make_page, alice, bob, advance, told, at
):
    page = make_page(make_policy((0, alice), (5, bob), repeat=1))

    for clock in ("10:00", "10:05", "10:10", "10:15"):
        advance(clock)

    assert told() == ["alice", "bob", "alice", "bob"]
    assert (fresh(page).loop, fresh(page).next_step_at) == (1, at("10:20"))


def test_a_last_step_that_adds_nobody_does_not_delay_the_next_pass(
    make_policy, make_page, alice, bob, team, advance, told
):
    make_page(make_policy((0, alice), (5, bob), (10, team), repeat=1))

    for clock in ("10:00", "10:05", "10:15"):
        advance(clock)

    assert told() == ["alice", "bob", "alice"]


def test_steps_at_the_same_time_that_add_nobody_leave_time_to_answer(
    make_policy, make_page, alice, advance, told, at
):
    page = make_page(make_policy((0, alice), (0, alice), repeat=20))

    advance("10:00")
    advance("10:00:01")

    assert told() == ["alice"]
    assert fresh(page).next_step_at == at("10:05")


def test_what_is_forecast_is_what_happens(make_policy, make_page, alice, bob, team, advance, told, at):
    page = make_page(make_policy((0, alice), (5, bob), (10, team), repeat=1))
    advance("10:00")

    seen = [(ahead.at, ahead.what) for ahead in [upcoming(fresh(page))]]
    advance("10:05")
    seen += [(ahead.at, ahead.what) for ahead in [upcoming(fresh(page))]]

    assert seen == [
        (at("10:05"), "Bob is paged"),
        (at("10:15"), "Alice is paged again"),
    ]


def test_a_policy_of_one_step_at_once_gives_time_before_it_repeats(
    make_policy, make_page, alice, advance, at
):
    page = make_page(make_policy((0, alice), repeat=3))

    advance("10:00")

    assert fresh(page).next_step_at == at("10:05")


def test_a_webhook_step_tells_the_program_and_shows_only_its_host(make_policy, make_page, bob, advance):
    page = make_page(make_policy((0, "https://hooks.example.com/secret"), (5, bob)))

    advance("10:00")

    assert Delivery.objects.get(medium="webhook").address == "https://hooks.example.com/secret"
    assert "secret" not in page.events.get(kind="webhook").text
    assert not fresh(page).reached_anybody


def test_a_schedule_is_asked_when_the_step_fires(make_policy, make_page, primary, advance, told, at):
    page = make_page(make_policy((0, primary), (24 * 60, primary)))
    advance("10:00")

    paging.advance_due(now=lambda: at("10:00") + timedelta(days=1))

    assert told() == ["alice", "bob"]
    assert page.events.filter(kind="paged").first().data["why"] == "On call in Primary: layer days, turn 1"


def test_a_schedule_with_nobody_on_call_is_skipped_and_named(make_policy, make_page, bob, advance, told):
    empty = Schedule.objects.create(slug="empty", name="Empty nights")
    page = make_page(make_policy((0, empty), (5, bob)))

    advance("10:00")

    assert told() == ["bob"]
    assert "Nobody is on call in Empty nights" in page.events.get(kind="nobody").text


# -- nobody there ------------------------------------------------------------------------------------------
def test_an_empty_step_is_skipped_at_once_and_loudly(make_policy, make_page, bob, advance, told, at, kinds):
    nobody = Team.objects.create(slug="empty", name="Empty")
    page = make_page(make_policy((0, nobody), (5, bob)))

    advance("10:00")

    assert told() == ["bob"]
    assert kinds(page) == ["opened", "nobody", "paged", "fallback"]
    assert "Empty has no members" in page.events.get(kind="nobody").text


def test_a_policy_that_reaches_nobody_pages_the_teams_admins(
    make_policy, make_page, carol, root, advance, told
):
    empty = Team.objects.create(slug="empty", name="Empty")
    empty.admins.add(carol)
    make_page(make_policy((0, empty), (5, empty), team=empty, repeat=5))

    advance("10:00")

    assert told() == ["carol"]


def test_without_an_answer_from_the_admins_the_catch_all_is_paged(
    make_page, team, carol, root, advance, told
):
    team.members.clear()
    team.admins.add(carol)
    page = make_page(team=team)

    advance("10:00")
    advance("10:05")

    assert told() == ["carol", "root"]
    assert fresh(page).state == Page.State.EXHAUSTED


def test_without_any_policy_the_catch_all_is_paged_at_once(make_page, root, advance, told, kinds):
    page = make_page(None)

    advance("10:00")

    assert told() == ["root"]
    assert kinds(page)[-1] == "exhausted"


def test_when_nobody_at_all_can_be_reached_the_page_stands_visibly_exhausted(make_page, advance, caplog):
    page = make_page(None)

    advance("10:00")

    assert fresh(page).state == Page.State.EXHAUSTED
    assert not fresh(page).reached_anybody
    assert page in Page.objects.waiting()
    assert "set a catch-all" in caplog.text


def test_after_the_last_pass_the_catch_all_is_told_once_and_the_admins_are_not(
    page, team, carol, root, advance, told, kinds
):
    team.admins.add(carol)
    Page.objects.update(team=team)

    for clock in ("10:00", "10:05", "10:10", "10:15"):
        advance(clock)

    assert told() == ["alice", "bob", "root"]
    assert kinds(page)[-1] == "exhausted"


def test_an_inactive_person_is_skipped_and_said(page, alice, advance, told):
    alice.is_active = False
    alice.save()

    advance("10:00")

    assert told() == ["bob"]
    assert "Alice is deactivated" in page.events.get(kind="nobody").text


def test_a_person_without_a_usable_medium_is_told_at_the_accounts_address(page, alice, advance):
    ContactMethod.objects.create(user=alice, name="new", medium="email", address="new@example.com")

    advance("10:00")

    assert Delivery.objects.get(recipient="alice").address == "alice@example.com"
    assert "no verified contact" in page.events.get(kind="fallback").text


def test_a_person_who_cannot_be_reached_at_all_counts_as_not_reached(page, alice, advance, told, kinds):
    alice.email = ""
    alice.save()

    advance("10:00")

    assert told() == ["bob"]
    assert "unreachable" in kinds(page)


def test_a_target_deleted_meanwhile_is_named_and_skipped(make_page, make_policy, bob, advance, told):
    gone = Team.objects.create(slug="gone", name="Old team")
    page = make_page(make_policy((0, gone), (5, bob)))
    page.policy.steps.all().delete()
    gone.delete()

    advance("10:00")

    assert told() == ["bob"]
    assert "The team Old team was deleted" in page.events.get(kind="nobody").text


# -- personal rules ----------------------------------------------------------------------------------------
def contact(user, name, at, medium="email"):
    address = f"{user.username}-{name}@example.com"
    return ContactMethod.objects.create(
        user=user, name=name, medium=medium, address=address, verified_at=at("09:00")
    )


def rule(user, contact, *, minutes=0, urgency="high"):
    return user.rules.create(contact=contact, urgency=urgency, after=timedelta(minutes=minutes))


def test_each_rule_of_the_urgency_is_a_delivery_at_its_time(page, alice, advance, at):
    rule(alice, contact(alice, "first", at))
    rule(alice, contact(alice, "second", at), minutes=2)
    rule(alice, contact(alice, "low", at), urgency="low")

    advance("10:00")

    due = Delivery.objects.filter(recipient="alice").values_list("address", "due_at")
    assert dict(due) == {
        "alice-first@example.com": at("10:00"),
        "alice-second@example.com": at("10:02"),
    }


def test_an_unverified_contact_is_never_used(page, alice, advance, at):
    unverified = contact(alice, "first", at)
    unverified.verified_at = None
    unverified.save()
    rule(alice, unverified)
    rule(alice, contact(alice, "second", at), minutes=2)

    advance("10:00")

    assert Delivery.objects.get(recipient="alice").address == "alice-second@example.com"


def test_every_event_says_who_and_why(page, alice, advance):
    advance("10:00")

    paged = page.events.get(kind=PageEvent.Kind.PAGED)
    assert paged.text == "Alice is paged. Named in the step"
    assert paged.data["user"] == "alice"
    assert Notified.objects.get(user=alice).why == "Named in the step"
