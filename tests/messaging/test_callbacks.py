"""What a provider says later, in any order, twice, too late, or about a try that no longer counts."""

from datetime import timedelta

import pytest

from oncall.messaging import callbacks
from oncall.messaging.callbacks import Said
from oncall.messaging.models import Callback, Delivery
from tests.messaging import phones

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(post, clock):
    """A text message that Twilio has taken as SM1."""
    delivery = post("alice", medium="sms", address=phones.ALICE)
    Delivery.objects.filter(pk=delivery.pk).update(
        state="sent", due_at=None, finished_at=clock(), provider_id="SM1", attempt_count=1
    )
    delivery.refresh_from_db()
    return delivery


@pytest.fixture
def say(clock):
    """``say(delivery, "delivered")``: how it is taken."""

    def say(delivery, word, *, sid="SM1", code=""):
        digest = callbacks.digest("/x", [("sid", sid), ("word", word)])
        said = Said("twilio", "status", digest, provider_id=sid, word=word, code=code)
        outcome = callbacks.take(delivery, said, at=clock())
        delivery.refresh_from_db()
        return outcome

    return say


def test_what_is_said_is_kept_and_what_it_means_shown(sent, say, clock):
    assert say(sent, "delivered") == "taken"

    assert (sent.state, sent.reported, sent.reported_at) == ("sent", "delivered", clock())
    assert sent.callbacks.get().said == "delivered"


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("undelivered", "The network did not deliver it (code 30003)"),
        ("failed", "The provider could not send it (code 30003)"),
        ("busy", "The line was busy (code 30003)"),
        ("no-answer", "Nobody picked up (code 30003)"),
        ("canceled", "The call was cancelled (code 30003)"),
        ("machine", "An answering machine picked up (code 30003)"),
    ],
)
def test_what_did_not_arrive_is_dead_and_says_why(sent, say, clock, word, words):
    clock.move(minutes=1)

    say(sent, word, code="30003")

    assert (sent.state, sent.last_error, sent.finished_at) == ("dead", words, clock())


@pytest.mark.parametrize(
    ("first", "then", "state", "reported"),
    [
        ("delivered", "sent", "sent", "delivered"),  # out of order
        ("delivered", "undelivered", "sent", "delivered"),
        ("undelivered", "delivered", "dead", "undelivered"),
        ("undelivered", "failed", "dead", "undelivered"),
        ("machine", "completed", "dead", "machine"),
        ("completed", "machine", "dead", "machine"),
        ("in-progress", "no-answer", "dead", "no-answer"),
    ],
)
def test_the_first_end_stands_but_that_a_machine_answered(sent, say, first, then, state, reported):
    say(sent, first)
    say(sent, then)

    assert (sent.state, sent.reported) == (state, reported)


def test_the_same_is_taken_once(sent, say):
    say(sent, "delivered")

    assert say(sent, "delivered") == "repeated"
    assert list(Callback.objects.order_by("pk").values_list("outcome", flat=True)) == ["taken", "repeated"]


def test_after_a_day_nothing_counts(sent, say, clock):
    clock.move(hours=25)

    assert say(sent, "undelivered") == "late"
    assert (sent.state, sent.reported) == ("sent", "")


def test_the_failure_of_an_earlier_try_changes_nothing(sent, say):
    assert say(sent, "failed", sid="SM0") == "no_news"
    assert sent.state == "sent"


def test_a_failure_that_comes_before_our_own_record_is_not_lost(sent, say, clock):
    Delivery.objects.filter(pk=sent.pk).update(
        state="sending", due_at=clock(), lease_until=clock(), finished_at=None, provider_id=""
    )
    say(sent, "undelivered")
    Delivery.objects.filter(pk=sent.pk).update(
        state="sent", due_at=None, lease_until=None, finished_at=clock(), provider_id="SM1"
    )

    assert callbacks.settle(sent, at=clock())

    sent.refresh_from_db()
    assert sent.state == "dead"


def test_a_failure_of_a_try_that_was_repeated_is_forgotten(sent, say, clock):
    Delivery.objects.filter(pk=sent.pk).update(
        state="pending", due_at=clock(), finished_at=None, provider_id=""
    )
    say(sent, "failed", sid="SM0")
    Delivery.objects.filter(pk=sent.pk).update(
        state="sent", due_at=None, finished_at=clock(), provider_id="SM1"
    )

    assert not callbacks.settle(sent, at=clock())

    sent.refresh_from_db()
    assert (sent.state, sent.reported) == ("sent", "")


def test_what_they_say_they_have_is_not_sent_again(sent, say, clock):
    Delivery.objects.filter(pk=sent.pk).update(
        state="pending", due_at=clock() + timedelta(seconds=10), finished_at=None, provider_id=""
    )

    say(sent, "queued", sid="SM5")

    assert (sent.state, sent.provider_id, sent.due_at) == ("sent", "SM5", None)


def test_a_cancelled_message_stays_cancelled(sent, say, clock):
    Delivery.objects.filter(pk=sent.pk).update(state="cancelled")

    say(sent, "undelivered")

    assert (sent.state, sent.reported) == ("cancelled", "undelivered")


def test_a_flood_from_anybody_does_not_fill_the_database(clock, monkeypatch):
    monkeypatch.setattr(callbacks, "MOST_BY_ANYBODY", 3)

    for number in range(5):
        callbacks.write_down(Said("twilio", "reply", str(number)), "forged", at=clock())

    assert Callback.objects.count() == 3


def test_wrong_codes_are_counted_also_during_a_flood(clock, monkeypatch):
    monkeypatch.setattr(callbacks, "MOST_BY_ANYBODY", 0)

    callbacks.write_down(Said("twilio", "reply", "1"), "wrong", at=clock())

    assert Callback.objects.count() == 1


def test_after_a_month_a_number_is_forgotten_and_how_the_message_ended_is_not(sent, say, clock):
    say(sent, "delivered")
    clock.move(days=29)
    callbacks.write_down(Said("twilio", "reply", "d", sender=phones.BOB), "unknown", at=clock())
    clock.move(days=2)

    assert callbacks.forget(now=clock) == 1

    sent.refresh_from_db()
    assert Callback.objects.get().sender == phones.BOB
    assert sent.reported == "delivered"
