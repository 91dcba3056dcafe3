"""Messages that never arrive do not keep anybody waiting (field/oncall.md rule 15)."""

from datetime import timedelta

import pytest

from oncall import paging
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
