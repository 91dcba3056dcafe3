from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from oncall.messaging import claims, outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Attempt, Delivery

pytestmark = pytest.mark.django_db


def test_a_key_is_used_once_whoever_comes_second(post):
    first = post("alice", key="page:1")

    second = post("bob", key="page:1")

    assert first.pk
    assert second is None
    assert Delivery.objects.count() == 1


def test_a_fan_out_may_be_repeated_in_part(clock):
    message = outbox.compose(purpose="update", subject="s", text="t", at=clock())
    to = [outbox.To(f"s{n}@example.com", key=f"update:1:{n}") for n in range(700)]

    first = outbox.send_many(message, to[:600], medium="email", at=clock())
    second = outbox.send_many(message, to, medium="email", at=clock())

    assert (first, second, Delivery.objects.count()) == (600, 100, 700)


def test_a_key_longer_than_the_column_stays_distinct(post):
    one, other = post(key="k" * 300 + "1"), post(key="k" * 300 + "2")

    assert one.idempotency_key != other.idempotency_key
    assert len(one.idempotency_key) <= 200


def test_an_unknown_medium_is_refused_when_it_is_asked_for(post):
    with pytest.raises(DomainError) as refusal:
        post(medium="pigeon")

    assert refusal.value.code == "unknown_medium"


def test_nobody_can_be_written_to_without_an_address(post):
    with pytest.raises(DomainError):
        post(address=" ")


def test_what_is_due_later_waits(post, deliver, clock, relay):
    post(due_at=clock() + timedelta(minutes=2))

    early = deliver()
    clock.move(minutes=2)

    assert (early, deliver()) == (0, 1)


def test_without_a_mail_server_a_message_is_kept_and_readable(post, deliver):
    delivery = post(text="Read me")

    deliver()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.message.text) == ("kept", "Read me")
    assert delivery.attempts.get().outcome == "kept"


def test_cancelling_a_topic_leaves_the_others(post, deliver, clock, relay):
    post("alice", topic="page:1")
    post("bob", topic="page:2")

    cancelled = outbox.cancel(topic="page:1", at=clock(), reason="acknowledged")
    deliver()

    assert cancelled == 1
    assert [mail["To"] for mail in relay.mails] == ["bob@example.com"]
    assert Delivery.objects.get(recipient="alice").last_error == "Cancelled: acknowledged"


def test_cancelling_everything_by_accident_is_an_error(clock):
    with pytest.raises(ValueError):
        outbox.cancel(at=clock(), reason="oops")


def test_no_attempt_starts_once_a_claimed_delivery_is_cancelled(post, clock):
    post(topic="page:1")
    [claimed] = claims.claim("email", limit=1, at=clock())

    outbox.cancel(topic="page:1", at=clock(), reason="acknowledged")

    assert claims.begin(claimed, at=clock()) is None
    assert Attempt.objects.count() == 0


def test_an_attempt_under_way_is_recorded_although_it_was_cancelled(post, clock):
    delivery = post(topic="page:1")
    [claimed] = claims.claim("email", limit=1, at=clock())
    attempt = claims.begin(claimed, at=clock())

    outbox.cancel(topic="page:1", at=clock(), reason="acknowledged")
    held = claims.finish(attempt, claims.Ending("accepted", "sent"), at=clock())

    delivery.refresh_from_db()
    assert (held, delivery.state, delivery.attempts.get().outcome) == (False, "cancelled", "accepted")


def test_a_dead_delivery_is_sent_again_with_the_same_message_id(post, deliver, clock, relay):
    relay.refuse["alice@example.com"] = "550 no such user"
    delivery = post()
    deliver()
    relay.refuse.clear()
    delivery.refresh_from_db()

    again = outbox.send_again(delivery, by_name="bob", at=clock())
    deliver()

    assert again.last_error == "Sent again by bob."
    assert [mail["Message-ID"] for mail in relay.mails] == [delivery.stable_id]
    assert [attempt.outcome for attempt in delivery.attempts.all()] == ["permanent", "accepted"]


def test_sending_again_is_refused_while_under_way_and_after_a_cancellation(post, clock):
    delivery = post(topic="page:1")
    with pytest.raises(DomainError) as under_way:
        outbox.send_again(delivery, by_name="bob", at=clock())
    outbox.cancel(topic="page:1", at=clock(), reason="unsubscribed")
    delivery.refresh_from_db()
    with pytest.raises(DomainError) as cancelled:
        outbox.send_again(delivery, by_name="bob", at=clock())

    assert (under_way.value.code, cancelled.value.code) == ("under_way", "cancelled")


def test_health_tells_the_age_of_the_oldest_due_row_and_counts(post, clock):
    post("alice")
    post("bob", due_at=clock() + timedelta(hours=1))
    clock.move(seconds=42)

    health = outbox.health(clock())

    assert (health.oldest_due_s, health.by_state["pending"], health.dead) == (42.0, 2, 0)


def test_an_empty_outbox_is_healthy(clock):
    assert outbox.health(clock()).oldest_due_s == 0


@pytest.mark.parametrize("name", ["Bcc", "Subject", "X-Two\nBcc", "", "Message-ID"])
def test_a_message_cannot_set_the_headers_that_are_ours(clock, name):
    with pytest.raises(ValueError):
        outbox.compose(purpose="notice", subject="s", text="t", headers={name: "v"}, at=clock())


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "pending", "due_at": None},
        {"state": "sent"},
        {"state": "sending"},
        {"address": ""},
    ],
)
def test_the_database_refuses_what_must_not_be(post, wrong):
    delivery = post()

    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(**wrong)
