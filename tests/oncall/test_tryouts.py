"""A test to an address really goes out, and its outcome is shown."""

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from oncall import tryouts
from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from tests.messaging.services import KNOWN, fake_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def slack(settings):
    with fake_service(dict(KNOWN["slack"].script)) as (fake, url):
        settings.SLACK_API_URL, settings.SLACK_BOT_TOKEN = url, "xoxb-1"
        yield fake


@pytest.fixture
def contact(alice):
    return alice.contacts.create(name="chat", medium="slack", address="U024BE7LH")


def test_a_test_goes_out_and_says_that_nothing_is_wrong(slack, contact, alice, at):
    test = tryouts.send_test(contact, by=alice, at=at("10:00"))
    outbox.deliver_due(now=lambda: at("10:00"))

    test.refresh_from_db()
    assert tryouts.outcome(test) == "Sent. Posted to Slack."
    assert "Nothing is wrong" in slack.requests[0][1].decode()
    assert test.message.purpose == "canary"


def test_a_test_that_was_refused_says_why(slack, contact, alice, at):
    slack.everywhere((200, {"ok": False, "error": "channel_not_found"}))
    test = tryouts.send_test(contact, by=alice, at=at("10:00"))
    outbox.deliver_due(now=lambda: at("10:00"))

    test.refresh_from_db()
    assert tryouts.outcome(test) == "It did not arrive. Slack refused: channel_not_found"


def test_a_test_that_waits_says_so(slack, contact, alice, at):
    slack.everywhere((503, None))
    test = tryouts.send_test(contact, by=alice, at=at("10:00"))
    assert tryouts.outcome(test) == "It is on its way."
    outbox.deliver_due(now=lambda: at("10:00"))

    test.refresh_from_db()
    assert tryouts.outcome(test) == "It has not arrived yet and is tried again. Slack answered 503."


def test_a_medium_that_is_not_set_up_cannot_be_tested(contact, alice, at, settings):
    settings.SLACK_BOT_TOKEN = ""

    with pytest.raises(DomainError, match="Slack is not set up here"):
        tryouts.send_test(contact, by=alice, at=at("10:00"))


def test_an_address_is_not_flooded_with_tests(slack, contact, alice, at):
    tryouts.send_test(contact, by=alice, at=at("10:00"))

    with pytest.raises(DomainError) as refusal:
        tryouts.send_test(contact, by=alice, at=at("10:00:05"))
    assert refusal.value.code == "too_soon"
    assert tryouts.send_test(contact, by=alice, at=at("10:00:30"))


def test_the_test_of_an_old_address_says_nothing_of_the_new_one(slack, contact, alice, at):
    tryouts.send_test(contact, by=alice, at=at("10:00"))
    contact.address = "U0NEW0001"

    assert tryouts.last_test(contact) is None


@pytest.fixture
def console(root, at, monkeypatch):
    monkeypatch.setattr("oncall.admin.tryouts.PATIENCE_S", 0)
    client = Client()
    client.force_login(root)
    with time_machine.travel(at("10:00"), tick=False):
        yield client


def test_the_console_sends_a_test_and_shows_how_it_went(slack, contact, alice, console, at):
    console.post(f"/admin/oncall/user/{alice.pk}/verbs/send-test/", {"contact": contact.pk})
    outbox.deliver_due(now=lambda: at("10:00"))

    shown = console.get(f"/admin/oncall/user/{alice.pk}/change/").content.decode()
    assert "Sent. Posted to Slack." in shown
    assert Delivery.objects.get().recipient == "alice"


def test_only_the_persons_own_addresses_can_be_chosen(slack, contact, bob, console):
    other = bob.contacts.create(name="mail", medium="email", address="bob@example.com")

    console.post(f"/admin/oncall/user/{contact.user.pk}/verbs/send-test/", {"contact": other.pk})

    assert not Delivery.objects.exists()


def test_a_webhooks_owner_sees_its_signing_secret(alice, console):
    alice.contacts.create(name="hook", medium="webhook", address="https://hooks.example.com/x")

    assert "whsec_" in console.get(f"/admin/oncall/user/{alice.pk}/change/").content.decode()


def test_who_may_only_look_at_people_sees_no_address_and_no_secret(alice, carol, console):
    alice.contacts.create(name="hook", medium="webhook", address="https://hooks.example.com/secret")
    carol.is_staff = True
    carol.save()
    rights = Permission.objects.filter(codename__in=["view_user", "view_contactmethod"])
    carol.user_permissions.set(rights)
    console.force_login(carol)

    shown = console.get(f"/admin/oncall/user/{alice.pk}/change/").content.decode()
    assert "hook (webhook)" in shown
    assert "hooks.example.com" not in shown
    assert "whsec_" not in shown


def test_only_what_is_set_up_can_be_chosen(alice, console, settings, at):
    settings.SLACK_BOT_TOKEN = settings.NTFY_URL = ""
    alice.contacts.create(name="push", medium="ntfy", address="topic", verified_at=at("09:00"))

    shown = console.get(f"/admin/oncall/user/{alice.pk}/change/").content.decode()
    assert '<option value="slack"' not in shown
    assert '<option value="ntfy" selected' in shown  # chosen before, and still hers
    assert "push cannot be used. ntfy is not set up here" in shown
