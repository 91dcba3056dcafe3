"""Matrix against a real homeserver, where SYNAPSE_PYTHON names a Python that has ``matrix-synapse``."""

import os

import pytest

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums.matrix import Matrix
from tests.messaging.synapse import homeserver

PYTHON = os.environ.get("SYNAPSE_PYTHON", "")
ALICE = "@alice:muster.test"

pytestmark = pytest.mark.skipif(not PYTHON, reason="SYNAPSE_PYTHON names no Python with matrix-synapse")


@pytest.fixture(scope="module")
def synapse(tmp_path_factory):
    """One homeserver for all tests, with the bot and alice."""
    with homeserver(PYTHON, tmp_path_factory.mktemp("synapse")) as server:
        yield server, server.register("muster"), server.register("alice")


@pytest.fixture
def matrix(synapse, settings):
    server, bot, _ = synapse
    settings.MATRIX_URL, settings.MATRIX_TOKEN, settings.EGRESS_ALLOW = server.url, bot, []
    return Matrix()


@pytest.fixture
def room(synapse):
    """A new room of the bot's, which alice has joined."""
    server, bot, alice = synapse
    room = server.call(bot, "POST", "createRoom", {"preset": "private_chat", "invite": [ALICE]})["room_id"]
    server.call(alice, "POST", f"join/{room}")
    return room


def test_a_message_arrives_once_however_often_it_is_sent(synapse, matrix, room, letter):
    server, _, alice = synapse

    first = matrix.send(letter(room, stable_id="muster-once"))
    again = matrix.send(letter(room, stable_id="muster-once"))

    assert first.provider_id == again.provider_id
    messages = server.messages(alice, room)
    assert [event["content"]["body"].splitlines()[0] for event in messages] == [
        "[SEV1] Checkout: Card payments fail (INC-47)"
    ]


def test_a_follow_up_replaces_what_was_sent(synapse, matrix, room, letter, answered):
    server, _, alice = synapse
    sent = matrix.send(letter(room, stable_id="muster-first"))

    matrix.send(answered(room, sent.provider_id, stable_id="muster-second"))

    latest = server.messages(alice, room)[-1]["content"]
    assert latest["m.relates_to"]["event_id"] == sent.provider_id.partition(" ")[2]
    assert "Bob acknowledged" in latest["m.new_content"]["body"]


def test_a_person_is_invited_first_and_written_to_once_she_has_accepted(synapse, matrix, letter):
    server, _, alice = synapse
    with pytest.raises(DeliveryError, match="has not accepted the invitation") as refusal:
        matrix.send(letter(ALICE, stable_id="muster-a"))
    assert refusal.value.permanent

    (invited,) = server.invitations(alice)
    server.call(alice, "POST", f"join/{invited}")
    receipt = matrix.send(letter(ALICE, stable_id="muster-b"))

    assert receipt.provider_id.startswith(f"{invited} $")
    assert "Answer: https://muster.example.com/a/" in server.messages(alice, invited)[-1]["content"]["body"]


def test_whoever_has_left_is_invited_again_into_the_same_room(synapse, matrix, letter):
    server, _, alice = synapse
    with pytest.raises(DeliveryError):
        matrix.send(letter("@carol:muster.test", stable_id="muster-c"))
    carol = server.register("carol")
    (room,) = server.invitations(carol)
    server.call(carol, "POST", f"join/{room}")
    server.call(carol, "POST", f"rooms/{room}/leave")

    with pytest.raises(DeliveryError, match="has not accepted"):
        matrix.send(letter("@carol:muster.test", stable_id="muster-d"))

    assert server.invitations(carol) == [room]


@pytest.mark.parametrize(
    ("address", "code"), [("!nowhere:muster.test", "403"), ("#nowhere:muster.test", "404")]
)
def test_a_room_that_is_not_ours_is_a_final_no(matrix, letter, address, code):
    with pytest.raises(DeliveryError) as failure:
        matrix.send(letter(address))

    assert (failure.value.permanent, failure.value.code) == (True, code)


def test_a_wrong_token_is_a_final_no(matrix, room, letter, settings):
    settings.MATRIX_TOKEN = "syt_wrong"

    with pytest.raises(DeliveryError, match="M_UNKNOWN_TOKEN") as failure:
        matrix.send(letter(room))

    assert failure.value.permanent


def test_stock_rate_limits_are_told_with_their_wait(tmp_path, letter, settings):
    with homeserver(PYTHON, tmp_path, limited=True) as server:
        bot = server.register("muster")
        settings.MATRIX_URL, settings.MATRIX_TOKEN = server.url, bot
        room = server.call(bot, "POST", "createRoom", {"preset": "private_chat"})["room_id"]

        with pytest.raises(DeliveryError, match="M_LIMIT_EXCEEDED") as failure:
            for number in range(30):
                Matrix().send(letter(room, stable_id=f"muster-{number}"))

    assert not failure.value.permanent
    assert 1 <= failure.value.retry_after_s <= 60
