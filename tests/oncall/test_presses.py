"""Who pressed, whatever the service was."""

from datetime import timedelta

import pytest

from oncall import presses
from oncall.messaging.errors import DomainError
from oncall.models import Callback

pytestmark = pytest.mark.django_db


def test_a_person_is_found_by_her_verified_address_in_its_usual_form(alice, at):
    alice.contacts.create(name="x", medium="slack", address="U024BE7LH", verified_at=at("09:00"))

    assert presses.person_of("slack", " u024be7lh ") == alice


@pytest.mark.parametrize("address", ["", "U0SOMEBODY", "\x00", "alice@example.com"])
def test_of_an_address_that_nobody_has_nobody_is_told(alice, at, address):
    alice.contacts.create(name="x", medium="slack", address="U024BE7LH", verified_at=at("09:00"))

    with pytest.raises(DomainError) as refusal:
        presses.person_of("slack", address)
    assert refusal.value.code == "unknown_person"


def test_an_address_that_two_people_have_proves_neither(alice, bob, at):
    for user in (alice, bob):
        user.contacts.create(name="x", medium="slack", address="U024BE7LH", verified_at=at("09:00"))

    with pytest.raises(DomainError, match="Two people"):
        presses.person_of("slack", "U024BE7LH")


def test_old_calls_are_forgotten_long_after_they_could_be_believed(at):
    for days in (29, 31):
        when = at("10:00") - timedelta(days=days)
        Callback.objects.create(medium="slack", at=when, outcome="done", digest=str(days))

    assert presses.forget(now=lambda: at("10:00")) == 1
    assert Callback.objects.get().digest == "29"
