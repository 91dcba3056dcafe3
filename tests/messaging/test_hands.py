"""The claim protocol and what becomes of a row, with the sender in the test's own thread."""

from datetime import timedelta

import pytest

from oncall.messaging import claims, outbox
from oncall.messaging.mediums import MEDIUMS
from oncall.messaging.models import Delivery, Message
from oncall.messaging.sending import send_batch

pytestmark = pytest.mark.django_db


def fresh(delivery: Delivery) -> Delivery:
    delivery.refresh_from_db()
    return delivery


def test_an_attempt_is_written_before_the_line_opens(post, deliver, relay):
    delivery = post()
    seen = []
    relay.on_data = lambda server, mail: seen.append(mail["Message-ID"])

    deliver()

    attempt = delivery.attempts.get()
    assert seen == [delivery.stable_id]
    assert (attempt.n, attempt.outcome, fresh(delivery).state) == (1, "accepted", "sent")


def test_an_abandoned_lease_is_taken_over_after_a_minute_with_the_same_message_id(
    post, deliver, clock, relay
):
    delivery = post()
    [claimed] = claims.claim("email", limit=1, at=clock())
    claims.begin(claimed, at=clock())  # and here the sender is killed
    clock.move(seconds=59)
    too_early = deliver()
    clock.move(seconds=1)

    deliver()

    assert too_early == 0
    assert [a.outcome for a in delivery.attempts.all()] == ["unknown", "accepted"]
    assert [mail["Message-ID"] for mail in relay.mails] == [delivery.stable_id]


def test_a_sender_that_wakes_up_late_changes_nothing(post, deliver, clock, relay):
    delivery = post()
    [claimed] = claims.claim("email", limit=1, at=clock())
    attempt = claims.begin(claimed, at=clock())
    clock.move(minutes=2)
    deliver()

    held = claims.finish(attempt, claims.Ending("permanent", "dead"), at=clock())

    assert (held, fresh(delivery).state) == (False, "sent")


def test_a_lease_that_is_nearly_over_is_given_back_untried(post, clock):
    delivery = post()
    [claimed] = claims.claim("email", limit=1, at=clock())
    clock.move(seconds=40)

    attempt = claims.begin(claimed, at=clock())

    assert (attempt, fresh(delivery).state, delivery.attempt_count) == (None, "pending", 0)


def test_pages_go_before_bulk_and_urgent_before_late(post, deliver, relay):
    post("bulk", lane="bulk", priority=0)
    post("low", lane="page", priority=9)
    post("high", lane="page", priority=1)

    deliver()

    assert [mail["To"] for mail in relay.mails] == ["high@example.com", "low@example.com", "bulk@example.com"]


def test_a_hand_for_pages_leaves_bulk_alone(post, clock):
    post("bulk", lane="bulk")
    post("alice", lane="page")

    claimed = claims.claim("email", limit=10, pages_only=True, at=clock())

    assert [delivery.recipient for delivery in claimed] == ["alice"]


def test_a_page_is_tried_again_after_10_30_60_120_and_300_seconds(post, deliver, clock, relay, monkeypatch):
    monkeypatch.setattr("random.random", lambda: 0.5)
    relay.refuse["alice@example.com"] = "451 try later"
    delivery = post(lane="page")

    waits = []
    for _ in range(6):
        deliver()
        waits.append((fresh(delivery).due_at - clock()).total_seconds())
        clock.time = delivery.due_at

    assert waits == [10, 30, 60, 120, 300, 300]
    assert (delivery.state, delivery.attempt_count) == ("pending", 6)


def test_what_could_not_be_sent_in_time_expires(post, deliver, clock, relay):
    relay.refuse["alice@example.com"] = "451 try later"
    delivery = post(lane="page", expires_at=clock() + timedelta(seconds=5))
    deliver()
    clock.move(seconds=5)

    deliver()

    assert fresh(delivery).state == "expired"
    assert "451 try later" in delivery.last_error
    assert delivery.attempt_count == 1


def test_old_pages_are_not_sent_after_a_long_stop(post, deliver, clock, relay):
    delivery = post(lane="page")
    clock.move(hours=25)

    deliver()

    assert (fresh(delivery).state, relay.mails) == ("expired", [])


def test_a_delivery_that_cannot_be_rendered_dies_alone(post, deliver, clock, relay):
    poison = post("alice")
    Message.objects.filter(pk=poison.message_id).update(headers=["not", "a", "mapping"])
    post("bob")

    for _ in range(5):
        deliver()
        clock.move(hours=2)

    assert (fresh(poison).state, poison.attempt_count) == ("dead", 5)
    assert {a.outcome for a in poison.attempts.all()} == {"fault"}
    assert [mail["To"] for mail in relay.mails] == ["bob@example.com"]


def test_a_delivery_that_kills_its_sender_dies_after_five(post, deliver, clock, relay):
    delivery = post()
    for _ in range(5):
        [claimed] = claims.claim("email", limit=1, at=clock())
        claims.begin(claimed, at=clock())
        clock.move(minutes=2)

    deliver()

    assert (fresh(delivery).state, relay.mails) == ("dead", [])


def test_an_address_that_is_none_is_dead_at_once_and_seen(post, deliver, relay):
    delivery = post(address="a@example.com, b@example.com")

    deliver()

    assert (fresh(delivery).state, relay.mails) == ("dead", [])
    assert "e-mail address" in delivery.last_error


def test_a_medium_that_was_removed_does_not_stay_due_for_ever(post, deliver):
    delivery = post()
    Delivery.objects.update(medium="pigeon")

    deliver()

    assert fresh(delivery).state == "dead"


def test_a_batch_over_a_dead_line_costs_one_attempt(post, clock, settings):
    settings.EMAIL_CONFIGURED = True
    settings.EMAIL_BACKEND = "oncall.messaging.mediums.smtp.Backend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    for name in ("alice", "bob", "carol"):
        post(name)

    send_batch(MEDIUMS["email"], claims.claim("email", limit=9, at=clock()), clock)

    assert sorted(Delivery.objects.values_list("attempt_count", flat=True)) == [0, 0, 1]
    assert Delivery.objects.due(clock()).count() == 0


def test_values_fill_the_placeholders_of_each_delivery(clock, deliver, relay):
    message = outbox.compose(
        purpose="update",
        subject="Hello {{name}}",
        text="{{unsubscribe}} {{unknown}}",
        html="<p>{{name}}</p>",
        headers={"List-Unsubscribe": "<{{unsubscribe}}>"},
        at=clock(),
    )
    to = outbox.To("a@example.com", "k", values={"name": "<b>A\nB", "unsubscribe": "https://x.test/u/1"})
    outbox.send_many(message, [to], medium="email", at=clock())

    deliver()

    [mail] = relay.mails
    assert mail["Subject"] == "Hello <b>A B"
    assert mail["List-Unsubscribe"] == "<https://x.test/u/1>"
    assert mail.get_body(("plain",)).get_content().strip() == "https://x.test/u/1 {{unknown}}"
    assert "<p>&lt;b&gt;A\nB</p>" in mail.get_body(("html",)).get_content().replace("\r\n", "\n")
