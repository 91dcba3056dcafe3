"""Messages that never arrive do not keep anybody waiting (field/oncall.md rule 15)."""

from datetime import time, timedelta

import pytest

from oncall import paging, undelivered
from oncall.messaging.models import Delivery
from oncall.models import Page
from oncall.undelivered import note_undelivered

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_ways(alice, at):
    """alice is written to at once, and by her second address two minutes later."""
    for minutes in (0, 2):
        contact = alice.contacts.create(
            name=f"way {minutes}", medium="email", address=f"a{minutes}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency="high", after=timedelta(minutes=minutes), contact=contact)


def give_up(at, **which):
    Delivery.objects.filter(**which).update(
        state=Delivery.State.DEAD, due_at=None, finished_at=at("10:00:01"), last_error="550 no such mailbox"
    )


def note(at, clock="10:00:10"):
    return note_undelivered(now=lambda: at(clock))


def test_the_next_rule_is_taken_at_once(two_ways, page, advance, at):
    advance("10:00")
    give_up(at, address="a0@example.com")

    assert note(at) == 1

    assert Delivery.objects.get(address="a2@example.com").due_at == at("10:00:10")
    assert Page.objects.get().next_step_at == at("10:05")


def test_when_no_message_arrived_the_next_step_comes_at_once(page, advance, told, at):
    advance("10:00")
    give_up(at, recipient="alice")

    note(at)
    advance("10:00:11")

    assert told() == ["alice", "bob"]
    assert "550 no such mailbox" in page.events.get(kind="undelivered").text


def test_while_one_message_has_arrived_the_step_keeps_its_time(make_page, team, advance, at):
    page = make_page(team=team)
    advance("10:00")
    give_up(at, recipient="alice")

    note(at)

    assert Page.objects.get(pk=page.pk).next_step_at == at("10:05")


def test_it_is_noted_once(page, advance, at):
    advance("10:00")
    give_up(at, recipient="alice")

    assert [note(at), note(at, "10:00:20")] == [1, 0]


def test_nothing_is_noted_after_an_answer(page, alice, advance, at):
    advance("10:00")
    give_up(at, recipient="alice")
    paging.acknowledge(page, by=alice, at=at("10:00:05"))

    assert note(at) == 0


# -- after the last rule -----------------------------------------------------------------------------------
@pytest.fixture
def hook_only(alice, at):
    """alice has one rule, and it is not by mail."""
    contact = alice.contacts.create(
        name="hook", medium="webhook", address="https://example.com/x", verified_at=at("09:00")
    )
    alice.rules.create(urgency="high", after=timedelta(), contact=contact)


def test_after_the_last_rule_comes_the_mail_address(hook_only, page, advance, at):
    advance("10:00")
    give_up(at, medium="webhook")

    note(at)

    mail = Delivery.objects.get(medium="email")
    assert (mail.address, mail.due_at, mail.recipient) == ("alice@example.com", at("10:00:10"), "alice")
    assert "link" in mail.values
    assert page.events.filter(kind="fallback", text="No message reached Alice: e-mail is used").exists()
    assert Page.objects.get().next_step_at == at("10:05")


def test_after_the_mail_address_comes_the_inbox_and_the_next_step_at_once(hook_only, page, advance, told, at):
    advance("10:00")
    give_up(at, medium="webhook")
    note(at)
    give_up(at, medium="email")

    note(at, "10:00:20")
    advance("10:00:21")

    inbox = Delivery.objects.get(medium="inbox")
    assert (inbox.recipient, inbox.due_at) == ("alice", at("10:00:20"))
    assert told()[-1] == "bob"


def test_what_arrived_in_an_earlier_pass_is_no_reason_to_send_nothing_now(
    hook_only, make_page, make_policy, alice, advance, at
):
    page = make_page(make_policy((0, alice), repeat=1))
    advance("10:00")
    Delivery.objects.update(state="sent", due_at=None, finished_at=at("10:00"))
    advance("10:05")
    give_up(at, state="pending")

    note(at, "10:05:10")

    assert (
        Delivery.objects.get(medium="email").idempotency_key == f"page:{page.pk}:0:1:{alice.pk}:last-account"
    )


def test_nothing_comes_after_the_last_rule_while_another_message_is_under_way(two_ways, page, advance, at):
    advance("10:00")
    give_up(at, address="a2@example.com")

    note(at)

    assert Delivery.objects.count() == 2


def test_in_quiet_hours_a_failure_wakes_nobody_sooner(alice, make_page, advance, at):
    alice.quiet_from, alice.quiet_to = time(10, 30), time(13)  # in Berlin it is 11:00 when the page begins
    alice.save()
    for minutes in (0, 10):
        contact = alice.contacts.create(
            name=f"way {minutes}", medium="email", address=f"a{minutes}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency="low", after=timedelta(minutes=minutes), contact=contact)
    make_page(user=alice, urgency="low")
    advance("10:00")
    give_up(at, address="a0@example.com")

    note(at)

    assert Delivery.objects.get(address="a10@example.com").due_at == at("12:00")


def test_what_is_left_after_the_last_rule_waits_for_the_end_of_quiet_hours(alice, make_page, advance, at):
    alice.quiet_from, alice.quiet_to = time(11, 5), time(13)  # in Berlin; 10:05 to 12:00 in our stories
    alice.save()
    contact = alice.contacts.create(
        name="hook", medium="webhook", address="https://example.com/x", verified_at=at("09:00")
    )
    alice.rules.create(urgency="low", after=timedelta(), contact=contact)
    make_page(user=alice, urgency="low")
    advance("10:00")
    give_up(at, medium="webhook")

    note(at, "10:06")

    assert Delivery.objects.get(medium="email").due_at == at("12:00")


def test_what_a_provider_gives_up_is_noted_at_once(two_ways, page, advance, at):
    advance("10:00")
    give_up(at, address="a0@example.com")

    assert undelivered.note(Delivery.objects.get(address="a0@example.com"), at=at("10:00:02"))

    assert Delivery.objects.get(address="a2@example.com").due_at == at("10:00:02")
    assert note(at) == 0


def test_what_is_under_way_is_not_noted(two_ways, page, advance, at):
    advance("10:00")

    assert not undelivered.note(Delivery.objects.get(address="a0@example.com"), at=at("10:00:02"))
