"""Mass mail is begun and ended in batches; what is promised of each mail stays true."""

import pytest

from oncall.messaging import batches, claims, outbox
from oncall.messaging.batches import Pace
from oncall.messaging.claims import Ending
from oncall.messaging.models import Attempt, Delivery

pytestmark = pytest.mark.django_db

SENT = Ending("accepted", "sent", code="250")


@pytest.fixture
def claimed(clock):
    """Three mails of one message, in a sender's hands: alice's, bob's and carol's."""
    message = outbox.compose(purpose="update", subject="News", text="For {{name}}", at=clock())
    to = [
        outbox.To(f"{name}@example.com", f"key-{name}", name, {"name": name})
        for name in ("alice", "bob", "carol")
    ]
    outbox.send_many(message, to, medium="email", at=clock())
    return claims.claim("email", limit=9, at=clock())


def tries(name: str) -> list[str]:
    return list(Attempt.objects.filter(delivery__recipient=name).values_list("outcome", flat=True))


def states() -> dict[str, str]:
    return dict(Delivery.objects.values_list("recipient", "state"))


def sender_that(act) -> tuple[list[str], object]:
    """Somebody who hands over, and does something after each."""
    got = []

    def hand_over(attempt):
        got.append(attempt.delivery.recipient)
        act(attempt)
        return SENT, False

    return got, hand_over


def test_all_of_a_batch_are_written_down_before_the_first_is_handed_over(claimed, clock):
    attempts, _ = batches.begin_many(claimed, at=clock())

    assert [(one.delivery.recipient, one.n) for one in attempts] == [("alice", 1), ("bob", 1), ("carol", 1)]
    assert Attempt.objects.filter(ended_at=None).count() == 3


def test_their_endings_are_written_down_each_as_it_was(claimed, clock):
    (alice, bob, carol), _ = batches.begin_many(claimed, at=clock())

    refused = Ending("permanent", "dead", code="550", text="no such user")
    batches.finish_many([(alice, SENT), (bob, refused), (carol, SENT)], at=clock())

    assert states() == {"alice": "sent", "bob": "dead", "carol": "sent"}
    assert (tries("alice"), tries("bob")) == (["accepted"], ["permanent"])
    assert set(Delivery.objects.values_list("attempt_count", "lease_until")) == {(1, None)}


def test_what_a_dead_sender_had_in_its_batch_goes_out_again_by_itself_under_the_same_name(
    claimed, clock, relay, deliver
):
    batches.begin_many(claimed, at=clock())  # and here it is killed
    clock.move(minutes=1)
    again = claims.claim("email", limit=9, at=clock())
    alone = [batches.can_go_along(delivery) for delivery in again]
    batches.give_back_all(again, due_at=clock())

    deliver()

    assert alone == [False, False, False]
    assert tries("bob") == ["unknown", "accepted"]
    assert set(Delivery.objects.values_list("attempt_count", flat=True)) == {2}
    assert {mail["Message-ID"] for mail in relay.mails} == {one.stable_id for one in claimed}


def test_who_leaves_while_her_batch_is_on_its_way_gets_nothing(claimed, clock, monkeypatch):
    monkeypatch.setattr(batches, "LOOK_AFTER", 1)
    attempts, _ = batches.begin_many(claimed, at=clock())
    got, hand_over = sender_that(lambda attempt: outbox.cancel(recipient="carol", at=clock(), reason="left"))

    done = batches.hand_over(attempts, hand_over, stop=lambda: False)
    batches.unbegin(done.untried)

    assert got == ["alice", "bob"]
    assert (states()["carol"], tries("carol")) == ("cancelled", [])


def test_a_batch_that_takes_too_long_is_begun_anew(claimed, clock, monkeypatch):
    monkeypatch.setattr(batches, "LONGEST_S", -1)
    got, hand_over = sender_that(lambda attempt: None)

    done = batches.hand_over(batches.begin_many(claimed, at=clock())[0], hand_over, stop=lambda: False)
    batches.unbegin(done.untried)
    anew, _ = batches.begin_many(claimed[1:], at=clock())

    assert got == ["alice"]
    assert [(one.delivery.recipient, one.n) for one in anew] == [("bob", 1), ("carol", 1)]


def test_a_sender_that_wakes_up_late_changes_no_state_of_its_batch(claimed, clock, deliver, relay):
    late, _ = batches.begin_many(claimed, at=clock())
    clock.move(minutes=2)
    deliver()

    batches.finish_many([(attempt, Ending("permanent", "dead")) for attempt in late], at=clock())

    assert set(states().values()) == {"sent"}


def test_a_mail_that_cannot_be_written_spoils_no_batch(claimed, clock, deliver, relay):
    Delivery.objects.filter(recipient="bob").update(values=["name"])
    batches.give_back_all(claimed, due_at=clock())

    deliver()

    assert states() == {"alice": "sent", "bob": "pending", "carol": "sent"}
    assert tries("bob") == ["fault"]


def test_a_batch_is_what_goes_out_in_half_a_second():
    quick, slow = Pace(), Pace()

    for _ in range(5):
        quick.note(quick.size, took_s=0.01)
        slow.note(slow.size, took_s=slow.size * 1.0)

    assert (quick.size, slow.size) == (batches.MOST, 1)
