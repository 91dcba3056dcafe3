"""Contacts, rules and quiet hours as a person changes them; each change has its name in the history."""

from datetime import time, timedelta

import pytest

from oncall import contacts, rules
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import ContactMethod, NotificationRule
from tests.messaging import phones

pytestmark = pytest.mark.django_db


@pytest.fixture
def add(alice, at):
    def add(name="work", medium="email", address="a.work@example.org"):
        return contacts.add(alice, name=name, medium=medium, address=address, by=alice, at=at("10:00"))

    return add


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def refusal(call) -> str:
    with pytest.raises(DomainError) as refused:
        call()
    return refused.value.code


# -- contacts ----------------------------------------------------------------------------------------------
def test_a_new_address_is_not_verified_and_says_who_entered_it(add, alice):
    contact = add()

    assert contact.verified_at is None
    assert contact.history.get().history_user == alice


def test_the_address_of_the_account_needs_no_code(add, at):
    assert add(address="Alice@example.com").verified_at == at("10:00")


def test_a_number_is_kept_as_its_medium_has_it(add, settings):
    settings.TWILIO = phones.account(1)

    assert add(medium="sms", address="+49 170 1234567").address == phones.ALICE


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"medium": "pigeon"}, "medium"),
        ({"medium": "inbox"}, "medium"),
        ({"medium": "sms"}, "medium"),  # nobody set it up
        ({"address": "nonsense"}, "bad_address"),
        ({"name": " \n "}, "name"),
    ],
)
def test_what_cannot_be_used_is_refused(add, fields, code):
    assert refusal(lambda: add(**fields)) == code


def test_a_name_stands_for_one_contact(add, bob, at):
    add()

    assert refusal(add) == "name"
    contacts.add(bob, name="work", medium="email", address="b@example.org", by=bob, at=at("10:00"))


def test_a_person_has_twenty_contacts_at_most(add):
    for number in range(20):
        add(name=str(number))

    assert refusal(lambda: add(name="one more")) == "too_many"


def test_another_address_has_to_be_verified_anew_and_keeps_its_rules(add, alice, at):
    contact = contacts.verify(add(), by=alice, at=at("10:00"))
    rules.add(alice, urgency="high", contact=contact, after=minutes(0), by=alice, at=at("10:00"))

    contacts.change(contact, name="office", address="office@example.org", by=alice, at=at("10:01"))

    assert (contact.name, contact.verified_at) == ("office", None)
    assert contact.rules.count() == 1


def test_another_name_alone_stays_verified(add, alice, at):
    contact = contacts.verify(add(), by=alice, at=at("10:00"))

    contacts.change(contact, name="office", address=contact.address, by=alice, at=at("10:01"))

    assert contact.verified_at


def test_with_a_contact_go_its_rules_and_history_says_by_whom(add, alice, at):
    contact = add()
    rules.add(alice, urgency="high", contact=contact, after=minutes(0), by=alice, at=at("10:00"))

    contacts.remove(contact, by=alice, at=at("10:01"))

    assert not NotificationRule.objects.exists()
    for model in (ContactMethod, NotificationRule):
        last = model.history.first()
        assert (last.history_type, last.history_user) == ("-", alice)


# -- defaults ----------------------------------------------------------------------------------------------
def test_a_new_person_is_told_by_mail_at_once(alice, root, at):
    contacts.give_defaults(alice, by=root, at=at("10:00"))
    contacts.give_defaults(alice, by=root, at=at("10:01"))

    for urgency in ("high", "low"):
        ways = contacts.ways(alice, urgency)
        assert [(way.name, way.address, way.after, way.fallback) for way in ways] == [
            ("mail", "alice@example.com", minutes(0), "")
        ]
    assert contacts.readiness(alice) == []


def test_an_account_without_an_address_gets_none(alice, at):
    alice.email = ""

    contacts.give_defaults(alice, by=None, at=at("10:00"))

    assert not alice.contacts.exists()


def test_a_corrected_account_corrects_the_contact(alice, root, at):
    contacts.give_defaults(alice, by=root, at=at("10:00"))
    alice.email = "alice@right.example.com"

    contacts.follow_account(alice, before="alice@example.com", by=root, at=at("10:01"))

    contact = alice.contacts.get()
    assert (contact.address, bool(contact.verified_at)) == ("alice@right.example.com", True)


# -- rules -------------------------------------------------------------------------------------------------
def test_a_rule_stands_once(add, alice, at):
    told = {"urgency": "high", "contact": add(), "after": minutes(5), "by": alice, "at": at("10:00")}

    first, second = rules.add(alice, **told), rules.add(alice, **told)

    assert first == second
    assert first.history.get().history_user == alice


@pytest.mark.parametrize("after", [timedelta(seconds=-1), timedelta(hours=25)])
def test_a_rule_waits_a_day_at_most(add, alice, at, after):
    told = {"urgency": "high", "contact": add(), "by": alice, "at": at("10:00")}

    assert refusal(lambda: rules.add(alice, after=after, **told)) == "after"


def test_a_rule_uses_ones_own_contacts(add, bob, at):
    told = {"urgency": "high", "after": minutes(0), "by": bob, "at": at("10:00")}

    assert refusal(lambda: rules.add(bob, contact=add(), **told)) == "contact"


def test_there_are_twenty_rules_at_most(add, alice, at):
    told = {"urgency": "high", "contact": add(), "by": alice, "at": at("10:00")}
    for number in range(20):
        rules.add(alice, after=minutes(number), **told)

    assert refusal(lambda: rules.add(alice, after=minutes(30), **told)) == "too_many"


def test_what_changes_holds_for_the_next_page(add, alice, policy, make_page, advance, at):
    contact = contacts.verify(add(), by=alice, at=at("09:00"))
    make_page(policy)
    advance("10:00")
    rule = rules.add(alice, urgency="high", contact=contact, after=minutes(3), by=alice, at=at("10:01"))
    make_page(policy)
    advance("10:01")
    rules.remove(rule, by=alice, at=at("10:02"))

    sent = Delivery.objects.filter(address=contact.address).order_by("pk")
    assert [delivery.due_at - delivery.created_at for delivery in sent] == [minutes(0), minutes(3)]


# -- quiet hours -------------------------------------------------------------------------------------------
def test_quiet_hours_are_chosen_and_taken_away(alice, at):
    rules.be_quiet(alice, start=time(22), end=time(7), by=alice, at=at("10:00"))
    assert alice.history.first().quiet_from == time(22)

    rules.be_quiet(alice, start=None, end=None, by=alice, at=at("10:01"))

    alice.refresh_from_db()
    assert (alice.quiet_from, alice.quiet_to) == (None, None)
    assert alice.history.first().history_user == alice


@pytest.mark.parametrize("hours", [(time(22), None), (None, time(7)), (time(7), time(7))])
def test_half_of_quiet_hours_is_refused(alice, at, hours):
    assert refusal(lambda: rules.be_quiet(alice, start=hours[0], end=hours[1], by=alice, at=at("10:00"))) == (
        "quiet_hours"
    )
