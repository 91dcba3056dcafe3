"""Several senders at once, each with a connection of its own, on the real database."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection, connections, transaction

from oncall.messaging import batches, claims, hands, mediums, outbox, sending
from oncall.messaging.models import Attempt, Delivery
from tests.messaging.sinks import MailSink

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(number: int, work: Callable[[], object]) -> list[object]:
    """Run ``work`` in that many threads, started together; what each returned."""
    start, results = threading.Barrier(number), []

    def run() -> None:
        try:
            start.wait()
            results.append(work())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def fan_out(number: int, clock) -> None:
    message = outbox.compose(purpose="update", subject="s", text="t", at=clock())
    to = [outbox.To(f"s{n}@example.com", key=f"k{n}") for n in range(number)]
    outbox.send_many(message, to, medium="email", at=clock())


def test_no_row_is_claimed_by_two(clock):
    fan_out(200, clock)

    def claim_all() -> list[int]:
        claimed = []
        while batch := claims.claim("email", limit=3, at=clock()):
            claimed += [delivery.pk for delivery in batch]
        return claimed

    claimed = sum(at_once(4, claim_all), [])

    assert len(claimed) == len(set(claimed)) == 200


def test_a_claim_never_takes_more_than_asked_for(clock):
    fan_out(50, clock)

    batches = at_once(4, lambda: claims.claim("email", limit=7, at=clock()))

    assert [len(batch) for batch in batches] == [7, 7, 7, 7]


def test_mass_mail_that_is_being_claimed_holds_up_no_claim_of_pages(post, clock):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time.")
    post("news", lane="bulk")
    post("alice", lane="page")

    def claim_pages() -> list[str]:
        connection.cursor().execute("SET lock_timeout = '3s'")
        return [one.recipient for one in claims.claim("email", limit=9, pages_only=True, at=clock())]

    with transaction.atomic():
        claims.claim("email", limit=9, bulk_only=True, at=clock())
        [claimed] = at_once(1, claim_pages)

    assert claimed == ["alice"]


def test_mass_mail_that_another_holds_for_a_moment_does_not_lie_until_its_lease_ends(clock, relay: MailSink):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite holds the whole file, and whoever comes second waits")
    fan_out(30, clock)
    batch = claims.claim("email", limit=30, at=clock())
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:  # as one who claimed at the same time does with what she did not get
        with transaction.atomic():
            list(Delivery.objects.select_for_update())
            held.set()
            let_go.wait(5)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    threading.Timer(0.2, let_go.set).start()
    sending.send_batch(mediums.by_name("email"), batch, clock)
    holder.join()

    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert len(relay.mails) == 30


def test_what_was_held_while_it_was_given_back_is_given_back_all_the_same(clock, relay: MailSink):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite holds the whole file, and whoever comes second waits")
    fan_out(3, clock)
    batch = claims.claim("email", limit=3, at=clock())
    with transaction.atomic():
        Delivery.objects.select_for_update().get(pk=batch[0].pk)
        [held] = at_once(1, lambda: batches.give_back_all(batch, due_at=clock()))

    assert [delivery.pk for delivery in held] == [batch[0].pk]
    assert batches.give_back_all(held, due_at=clock()) == []
    assert set(Delivery.objects.values_list("state", flat=True)) == {"pending"}


def test_the_same_key_sent_by_four_at_once_is_one_delivery(post):
    results = at_once(4, lambda: post("alice", key="once"))

    assert sum(result is not None for result in results) == 1
    assert Delivery.objects.count() == 1


def test_without_a_fault_there_is_no_duplicate_and_no_loss(clock, relay: MailSink):
    fan_out(150, clock)

    worked = at_once(3, lambda: outbox.deliver_due(now=clock))

    assert sum(worked) == 150
    assert Counter(Counter(mail["To"] for mail in relay.mails).values()) == {1: 150}
    assert Delivery.objects.filter(state="sent", attempt_count=1).count() == 150
    assert Attempt.objects.filter(outcome="accepted").count() == 150


def test_an_attempt_is_committed_before_the_relay_hears_of_it(post, clock, relay: MailSink):
    delivery, open_attempts = post(), []

    def look() -> None:
        open_attempts.extend(delivery.attempts.filter(ended_at=None).values_list("n", flat=True))
        connections.close_all()

    relay.on_data = lambda server, mail: asyncio.to_thread(look)

    outbox.deliver_due(now=clock)

    assert open_attempts == [1]


def test_an_outcome_is_written_through_a_restart_of_the_database(post, clock, relay: MailSink, monkeypatch):
    delivery, finish = post(), claims.finish
    failures = [OperationalError("the server is restarting")] * 2

    def restarting(*args, **kwargs) -> bool:
        if failures:
            raise failures.pop()
        return finish(*args, **kwargs)

    monkeypatch.setattr(claims, "finish", restarting)
    monkeypatch.setattr(hands.time, "sleep", lambda seconds: None)

    outbox.deliver_due(now=clock)

    delivery.refresh_from_db()
    assert (delivery.state, len(relay.mails)) == ("sent", 1)


def test_a_process_that_ends_begins_nothing_new_and_records_what_it_sends(clock, relay: MailSink):
    fan_out(400, clock)
    begun = threading.Event()
    relay.on_data = lambda server, mail: begun.set()
    shift = threading.Thread(target=outbox.deliver_due, kwargs={"now": clock})
    shift.start()
    begun.wait(5)

    all_done = hands.finish_up(5)

    shift.join()
    assert all_done
    assert not Delivery.objects.filter(state="sending").exists()
    assert not Attempt.objects.filter(ended_at=None).exists()
    assert len(relay.mails) == Delivery.objects.filter(state="sent").count() < 400


def test_a_hand_that_hangs_holds_up_nobody_else(post, clock, relay: MailSink):
    hanging = threading.Event()

    def hang_on_alice(server, mail):
        if mail["To"] == "alice@example.com":
            hanging.set()
            return relay.hang(server, mail)
        return None

    relay.on_data = hang_on_alice
    post("alice")
    first = outbox.deliver_due(now=clock, budget_s=1)
    post("bob", lane="page")

    second = outbox.deliver_due(now=clock)

    states = dict(Delivery.objects.values_list("recipient", "state"))
    assert (first, second, hanging.wait(5)) == (0, 1, True)
    assert states == {"alice": "sending", "bob": "sent"}
    relay.released.set()
    assert hands.finish_up(5)
    assert Delivery.objects.get(recipient="alice").state == "sent"
