"""By which ways a page reaches a person, and what is missing (field/oncall.md rule 15)."""

from datetime import time, timedelta

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


def test_the_ways_of_many_people_take_two_queries(alice, bob, carol, add, django_assert_num_queries):
    add(high=0)
    people = [alice, bob, carol]

    with django_assert_num_queries(2):
        contacts.load(people)
        assert all(contacts.ways(person, "high") for person in people)


# -- telephones, quiet hours, last ways --------------------------------------------------------------------
def test_a_medium_that_nobody_set_up_is_passed_over_and_named(alice, add):
    add("phone", "sms", "+491701234567", high=0)
    add("mail", high=5, low=0)

    assert reached(alice) == [("mail", 5)]
    assert contacts.readiness(alice)[-1] == (
        "phone cannot be used. SMS is not set up: set TWILIO_ACCOUNT_SID or SMS_GATEWAY_URL"
    )


def test_a_contact_that_lost_its_sense_is_named(alice, add):
    add("mail", high=0, low=0)
    add("bad", address="no address", high=1)

    assert contacts.readiness(alice) == [
        "bad has an address that cannot be used. Enter one e-mail address, such as alice@example.com"
    ]


@pytest.fixture
def night(alice):
    """Quiet from 22:00 to 07:00 in Berlin, where alice is."""
    alice.quiet_from, alice.quiet_to = time(22), time(7)
    return alice


def held(person, urgency, at) -> list[tuple[timedelta, bool]]:
    ways = contacts.hold(person, contacts.ways(person, urgency), urgency=urgency, at=at)
    return [(way.after, way.held_until is not None) for way in ways]


def test_low_urgency_waits_for_the_end_of_quiet_hours(night, add, at):
    add(low=0)

    assert held(night, "low", at("21:30")) == [(timedelta(hours=8, minutes=30), True)]


def test_high_urgency_never_waits(night, add, at):
    add(high=0)

    assert held(night, "high", at("21:30")) == [(timedelta(), False)]


def test_a_rule_that_falls_into_quiet_hours_waits_and_one_before_does_not(night, add, at):
    add("soon", low=0)
    add("late", low=30)

    assert held(night, "low", at("20:45")) == [
        (timedelta(), False),
        (timedelta(hours=9, minutes=15), True),
    ]


def test_after_her_last_way_come_the_mail_addresses_that_were_not_tried(alice, add):
    add("hook", "webhook", "https://example.com/x", high=0)
    add("work", address="work@example.org")

    found = contacts.last_ways(alice, tried=["https://example.com/x", "WORK@example.org"])

    assert [(way.medium, way.address) for way in found] == [("email", "alice@example.com")]


def test_after_all_of_them_comes_the_inbox(alice):
    found = contacts.last_ways(alice, tried=["alice@example.com"])

    assert [(way.medium, way.address) for way in found] == [("inbox", "alice")]
