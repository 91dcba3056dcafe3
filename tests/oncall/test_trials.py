"""A test of one's rules really sends, at once, and is plainly a test."""

from datetime import time, timedelta

import pytest

from oncall import trials
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import PageEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def ways(alice, at):
    """alice is told by mail at once and by her second address after ten minutes; low urgency by the second."""
    for urgency, number, minutes in (("high", 1, 0), ("high", 2, 10), ("low", 2, 0)):
        contact, _ = alice.contacts.get_or_create(
            name=f"mail {number}", medium="email", address=f"a{number}@example.org", verified_at=at("09:00")
        )
        alice.rules.create(urgency=urgency, after=timedelta(minutes=minutes), contact=contact)
    return alice


def test_every_way_is_tried_at_once_and_marked(ways, at):
    trial = trials.run(ways, urgency="high", by=ways, at=at("10:00"))

    assert [delivery.address for delivery in trial.deliveries] == ["a1@example.org", "a2@example.org"]
    assert {delivery.due_at for delivery in trial.deliveries} == {at("10:00")}
    assert trial.deliveries[0].message.subject == "[Test] Your rules for high urgency"
    assert trial.deliveries[1].values == {"way": "mail 2", "after": "600"}
    assert not PageEvent.objects.exists()


def test_only_the_rules_of_that_urgency_are_tried(ways, at):
    trial = trials.run(ways, urgency="low", by=ways, at=at("10:00"))

    assert [delivery.address for delivery in trial.deliveries] == ["a2@example.org"]


def test_it_goes_through_the_outbox_after_every_page(ways, at):
    trials.run(ways, urgency="high", by=ways, at=at("10:00"))

    assert set(Delivery.objects.values_list("lane", "priority")) == {("page", 9)}


def test_quiet_hours_do_not_hold_a_test(ways, at):
    ways.quiet_from, ways.quiet_to = time(0), time(23)
    ways.save()

    assert trials.run(ways, urgency="low", by=ways, at=at("10:00")).deliveries[0].due_at == at("10:00")


def test_whoever_tests_for_another_is_named(ways, root, at):
    root.first_name = "{{link}}"
    root.save()

    trial = trials.run(ways, urgency="high", by=root, at=at("10:00"))

    assert "asked for by { {link}}" in trial.deliveries[0].message.text


def test_the_newest_is_shown(ways, at):
    assert trials.last(ways) is None
    trials.run(ways, urgency="high", by=ways, at=at("10:00"))
    trials.run(ways, urgency="low", by=ways, at=at("10:01"))

    newest = trials.last(ways)

    assert (newest.urgency, newest.at, len(newest.deliveries)) == ("low", at("10:01"), 1)


def test_pressing_twice_in_a_second_is_one_test(ways, at):
    for _ in range(2):
        trials.run(ways, urgency="high", by=ways, at=at("10:00"))

    assert Delivery.objects.count() == 2


def test_there_are_six_tests_an_hour_at_most(ways, at):
    for minute in range(6):
        trials.run(ways, urgency="high", by=ways, at=at(f"10:0{minute}"))

    with pytest.raises(DomainError, match="6 tests"):
        trials.run(ways, urgency="high", by=ways, at=at("10:30"))
    trials.run(ways, urgency="high", by=ways, at=at("11:01"))


def test_who_cannot_be_reached_is_told_so(carol, at):
    carol.email = ""
    carol.save()

    with pytest.raises(DomainError, match="no way to reach you"):
        trials.run(carol, urgency="high", by=carol, at=at("10:00"))
