"""A contact is hers when the code that went there comes back: in time, within few tries, not too often."""

from datetime import timedelta

import pytest

from oncall import contacts, verification
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import ContactCheck
from tests.messaging import phones

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(alice):
    return alice.contacts.create(name="work", medium="email", address="a.work@example.org")


@pytest.fixture
def code(contact, at):
    """The code that is on its way since 10:00."""
    verification.send_code(contact, by=contact.user, at=at("10:00"))
    return Delivery.objects.get().values["code"]


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def refusal(call) -> str:
    with pytest.raises(DomainError) as refused:
        call()
    return refused.value.code


def test_the_code_goes_to_the_address_and_verifies_it(contact, code, at):
    delivery = Delivery.objects.get()
    assert (delivery.address, delivery.lane) == ("a.work@example.org", "page")
    assert not contacts.is_usable(contact)

    verification.confirm(contact, f" {code[:3]} {code[3:]} ", by=contact.user, at=at("10:05"))

    contact.refresh_from_db()
    assert contact.verified_at == at("10:05")
    assert contacts.is_usable(contact)
    assert contact.history.latest().history_user == contact.user


def test_only_a_keyed_digest_of_the_code_is_kept(code, settings):
    check = ContactCheck.objects.get()

    assert code not in str(check.__dict__)
    settings.SECRET_KEY = "another " * 8
    assert check.code_digest != verification._digest("email", "a.work@example.org", code)


def test_a_wrong_code_says_how_many_tries_are_left(contact, code, at):
    with pytest.raises(DomainError, match="4 tries are left"):
        verification.confirm(contact, other(code), by=contact.user, at=at("10:01"))


def test_after_five_tries_the_right_code_is_too_late(contact, code, at):
    for _ in range(5):
        assert (
            refusal(lambda: verification.confirm(contact, other(code), by=None, at=at("10:01")))
            == "wrong_code"
        )

    assert refusal(lambda: verification.confirm(contact, code, by=None, at=at("10:01"))) == "too_many_tries"


def test_a_code_runs_out_after_ten_minutes(contact, code, at):
    assert refusal(lambda: verification.confirm(contact, code, by=None, at=at("10:10"))) == "no_code"
    assert Delivery.objects.get().expires_at == at("10:10")


def test_a_new_code_ends_the_one_before(contact, code, at):
    verification.send_code(contact, by=None, at=at("10:01"))
    newest = Delivery.objects.latest("pk").values["code"]

    if newest != code:
        assert refusal(lambda: verification.confirm(contact, code, by=None, at=at("10:02"))) == "wrong_code"
    assert verification.confirm(contact, newest, by=None, at=at("10:02")).verified_at


def test_a_code_is_for_the_address_that_it_went_to(contact, code, at):
    contact.address = "somebody.else@example.org"
    contact.save()

    assert refusal(lambda: verification.confirm(contact, code, by=None, at=at("10:01"))) == "no_code"


def test_what_is_verified_is_sent_no_code(contact, at):
    contacts.verify(contact, by=None, at=at("09:00"))

    assert refusal(lambda: verification.send_code(contact, by=None, at=at("10:00"))) == "verified"


def test_an_address_is_sent_three_codes_an_hour_whoever_asks(contact, bob, carol, at):
    for person in (contact.user, bob, carol):
        row = person.contacts.create(name="same", medium="email", address=contact.address)
        verification.send_code(row, by=None, at=at("10:00"))

    with pytest.raises(DomainError, match="Try again in 55 min"):
        verification.send_code(contact, by=None, at=at("10:05"))
    verification.send_code(contact, by=None, at=at("11:00"))


def test_a_telephone_rings_three_times_an_hour_by_whatever_medium(alice, settings, at):
    settings.TWILIO = phones.account(1)
    for medium in ("sms", "voice", "sms"):
        row = alice.contacts.create(
            name=medium + str(ContactCheck.objects.count()), medium=medium, address=phones.ALICE
        )
        verification.send_code(row, by=None, at=at("10:00"))

    row = alice.contacts.create(name="again", medium="voice", address=phones.ALICE)
    assert refusal(lambda: verification.send_code(row, by=None, at=at("10:01"))) == "too_many_codes"


def test_a_person_asks_for_six_codes_an_hour_also_if_she_removes_contacts(alice, at):
    for number in range(6):
        row = alice.contacts.create(name="x", medium="email", address=f"x{number}@example.org")
        verification.send_code(row, by=None, at=at("10:00"))
        contacts.remove(row, by=None, at=at("10:00"))

    row = alice.contacts.create(name="x", medium="email", address="x9@example.org")
    assert refusal(lambda: verification.send_code(row, by=None, at=at("10:30"))) == "too_many_codes"


def test_without_a_provider_no_code_is_promised(alice, at):
    row = alice.contacts.create(name="phone", medium="sms", address=phones.ALICE)

    with pytest.raises(DomainError, match="TWILIO_ACCOUNT_SID"):
        verification.send_code(row, by=None, at=at("10:00"))
    assert not Delivery.objects.exists()


def test_a_voice_spells_the_code_twice(alice, settings, at):
    settings.TWILIO = phones.account(1)
    row = alice.contacts.create(name="phone", medium="voice", address=phones.ALICE)

    verification.send_code(row, by=None, at=at("10:00"))

    delivery = Delivery.objects.get()
    assert len(delivery.values["code"].split(", ")) == 6
    assert delivery.message.text.count("{{code}}") == 2


def test_a_code_counts_for_ten_minutes_from_its_sending(contact, code, at):
    check = verification.pending(contact, at=at("10:09"))

    assert check.expires_at - check.sent_at == timedelta(minutes=10)
    assert verification.pending(contact, at=at("10:10")) is None
