"""By which ways a page reaches a person, and what is missing (field/oncall.md rule 15)."""

from datetime import timedelta

import pytest

from oncall import contacts
from oncall.messaging.errors import DomainError

pytestmark = pytest.mark.django_db


@pytest.fixture
def add(alice, at):
    """``add("hook", "webhook", "https://…")``: an address of alice's, verified unless said otherwise."""

    def add(name="mail", medium="email", address="alice@example.org", *, verified=True, high=None, low=None):
        contact = alice.contacts.create(
            name=name, medium=medium, address=address, verified_at=at("09:00") if verified else None
        )
        for urgency, minutes in (("high", high), ("low", low)):
            if minutes is not None:
                alice.rules.create(urgency=urgency, after=timedelta(minutes=minutes), contact=contact)
        return contact

    return add


def reached(person, urgency="high") -> list[tuple[str, int]]:
    return [(way.name, way.after // timedelta(minutes=1)) for way in contacts.ways(person, urgency)]


def test_rules_are_taken_in_the_order_of_their_time(alice, add):
    add("hook", "webhook", "https://example.com/x", high=2)
    add("mail", high=0)

    assert reached(alice) == [("mail", 0), ("hook", 2)]


def test_only_rules_of_the_pages_urgency_count(alice, add):
    add("loud", high=0)
    add("quiet", low=0)

    assert reached(alice, "low") == [("quiet", 0)]


@pytest.mark.parametrize(
    "unusable",
    [
        {"verified": False},
        {"medium": "pigeon"},
        {"address": "no address"},
    ],
)
def test_what_cannot_be_used_is_passed_over(alice, add, unusable):
    add("bad", high=0, **unusable)
    add("good", high=5)

    assert reached(alice) == [("good", 5)]


def test_without_a_usable_rule_every_verified_contact_is_told_at_once(alice, add):
    add("one", low=0)
    add("two")

    ways = contacts.ways(alice, "high")

    assert [(way.name, way.after) for way in ways] == [("one", timedelta()), ("two", timedelta())]
    assert "no usable rule for high urgency" in ways[0].fallback


def test_without_any_contact_the_accounts_address_is_told(alice):
    way = contacts.ways(alice, "high")[0]

    assert (way.medium, way.address, way.key) == ("email", "alice@example.com", "account")


@pytest.mark.parametrize("address", ["", "nonsense"])
def test_a_person_without_any_address_cannot_be_reached(alice, address):
    alice.email = address

    assert contacts.ways(alice, "high") == []
    assert contacts.readiness(alice) == [
        "Alice cannot be reached at all: no verified contact and no e-mail address"
    ]


def test_whoever_has_rules_for_both_urgencies_is_ready(alice, add):
    add(high=0, low=0)

    assert contacts.readiness(alice) == []


def test_readiness_names_every_weakness(alice, add):
    add("mail", high=10, low=0)
    add("hook", "webhook", "https://example.com/x", verified=False)

    assert contacts.readiness(alice) == [
        "Alice is first told 10 min after a high-urgency page",
        "Not verified: hook",
    ]


def test_a_medium_that_is_not_set_up_here_is_named_and_passed_over(alice, add, settings):
    settings.SLACK_BOT_TOKEN = ""
    add("chat", "slack", "U024BE7LH", high=0, low=0)
    add("mail", high=5, low=0)

    assert reached(alice) == [("mail", 5)]
    assert any("chat cannot be used. Slack is not set up here" in said for said in contacts.readiness(alice))


def test_verifying_makes_an_address_usable_once_and_for_all(alice, add, at):
    contact = add("mail", verified=False, high=0)

    contacts.verify(contact, by=alice, at=at("10:00"))
    contacts.verify(contact, by=alice, at=at("11:00"))

    assert contact.verified_at == at("10:00")
    assert reached(alice) == [("mail", 0)]


def test_an_address_that_its_medium_refuses_cannot_be_verified(alice, add, at):
    contact = add("mail", address="no address", verified=False)

    with pytest.raises(DomainError):
        contacts.verify(contact, by=alice, at=at("10:00"))


def test_the_ways_of_many_people_take_three_queries(alice, bob, carol, add, django_assert_num_queries):
    add(high=0)
    people = [alice, bob, carol]

    with django_assert_num_queries(3):
        contacts.load(people)
        assert all(contacts.ways(person, "high") for person in people)
