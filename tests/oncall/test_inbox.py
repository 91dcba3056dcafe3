"""What reaches a person by no medium lies in her inbox, wakes nobody, and keeps nobody waiting."""

from datetime import time, timedelta

import pytest
from django.test import Client

from oncall import inbox, paging
from oncall.messaging import outbox
from oncall.messaging.models import Delivery
from oncall.models import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def silent(alice):
    """alice can be reached by nothing."""
    alice.email, alice.is_staff = "", True
    alice.save()
    return alice


@pytest.fixture
def kept(silent, page, advance, at):
    """Her message, kept at 10:00."""
    advance("10:00")
    outbox.deliver_due(now=lambda: at("10:00"))
    return Delivery.objects.get(medium="inbox")


@pytest.fixture
def web(silent):
    client = Client()
    client.force_login(silent)
    return client


def test_who_cannot_be_reached_finds_the_message_in_her_inbox(kept, silent, page):
    assert list(inbox.messages(silent)) == [kept]
    assert kept.state == "kept"
    assert "kept in the inbox" in page.events.get(kind="unreachable").text


def test_the_next_step_does_not_wait_for_the_inbox(kept, told):
    assert told() == ["bob"]
    assert not Page.objects.get().notified.filter(user__username="alice").exists()


def test_it_is_kept_once_however_often_the_page_comes_by(silent, make_policy, make_page, bob, advance):
    make_page(make_policy((0, silent), (5, [silent, bob]), repeat=2))

    for clock in ("10:00", "10:05", "10:10", "10:20", "10:30"):
        advance(clock)

    assert Delivery.objects.filter(medium="inbox").count() == 1


def test_after_an_answer_nothing_is_kept(silent, page, advance, bob, at):
    advance("10:00")
    paging.acknowledge(page, by=bob, at=at("10:00"))
    outbox.deliver_due(now=lambda: at("10:00"))

    assert Delivery.objects.get(medium="inbox").state == "cancelled"


def test_without_a_mail_server_mails_are_in_the_inbox_too(alice, page, advance, at):
    advance("10:00")
    outbox.deliver_due(now=lambda: at("10:00"))

    assert [delivery.medium for delivery in inbox.messages(alice)] == ["email"]


def test_reading_is_said_for_one_or_for_all(kept, silent, carol, at):
    assert inbox.unread(silent).count() == 1
    assert inbox.mark_read(carol, at=at("10:01")) == 0
    assert inbox.mark_read(silent, only=kept.pk, at=at("10:01")) == 1
    assert inbox.mark_read(silent, at=at("10:01")) == 0
    assert inbox.unread(silent).count() == 0


def test_the_page_shows_the_message_with_its_link_and_changes_nothing(web, kept, silent):
    shown = web.get("/admin/oncall/user/inbox/").content.decode()

    assert "Card payments fail" in shown
    assert kept.values["link"] in shown
    assert inbox.unread(silent).count() == 1


def test_the_header_counts_what_is_not_read(web, kept):
    assert "1 in the inbox not read" in web.get("/admin/").content.decode()

    web.post("/admin/oncall/user/inbox/read/", {"message": kept.pk})

    assert "in the inbox not read" not in web.get("/admin/").content.decode()


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30])
def test_a_number_that_is_none_marks_nothing(web, kept, silent, number):
    assert web.post("/admin/oncall/user/inbox/read/", {"message": number}).status_code == 302
    assert inbox.unread(silent).count() == 1


def test_nobody_reads_anothers_inbox(kept, silent, carol):
    carol.is_staff = carol.is_superuser = True
    carol.save()
    client = Client()
    client.force_login(carol)

    assert "Card payments fail" not in client.get("/admin/oncall/user/inbox/").content.decode()
    client.post("/admin/oncall/user/inbox/read/", {"message": kept.pk})
    assert inbox.unread(silent).count() == 1


# -- quiet hours, seen from a page -------------------------------------------------------------------------
@pytest.fixture
def resting(alice):
    """In Berlin, where alice is, 11:00 to 13:00; that is 10:00 to 12:00 in our stories."""
    alice.quiet_from, alice.quiet_to = time(11), time(13)
    alice.save()
    return alice


def test_a_low_page_waits_for_the_end_of_quiet_hours_and_says_so(resting, policy, make_page, advance, at):
    page = make_page(policy, urgency="low")

    advance("10:00")

    delivery = Delivery.objects.get(recipient="alice")
    assert delivery.due_at == at("12:00")
    assert delivery.expires_at == at("12:00") + timedelta(hours=6)
    event = page.events.get(kind="quiet")
    assert event.text == "Held until 13:00 (Berlin) by the quiet hours of Alice"
    assert Page.objects.get(pk=page.pk).next_step_at == at("10:05")


def test_a_high_page_does_not_wait(resting, page, advance, at):
    advance("10:00")

    assert Delivery.objects.get(recipient="alice").due_at == at("10:00")
    assert not page.events.filter(kind="quiet").exists()


def test_when_it_becomes_urgent_what_was_held_leaves_at_once(resting, policy, make_page, advance, at):
    page = make_page(policy, urgency="low")
    advance("10:00")

    paging.raise_urgency(page, by=None, at=at("10:01"))
    advance("10:01")

    states = dict(Delivery.objects.filter(recipient="alice").values_list("state", "due_at"))
    assert states["pending"] == at("10:01")
    assert "cancelled" in states
