import pytest

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums import mattermost
from oncall.messaging.mediums.mattermost import Mattermost, is_ours
from tests.messaging.services import KNOWN, MM_CHANNEL, MM_ME, MM_POST, MM_USER, fake_service

IN_CHANNEL = f"channel:{MM_CHANNEL}"


@pytest.fixture
def server(settings):
    mattermost._direct_channel.cache_clear()
    with fake_service(dict(KNOWN["mattermost"].script)) as (fake, url):
        settings.MATTERMOST_URL, settings.MATTERMOST_TOKEN = url, "token"
        yield fake


def attachment(fake):
    return fake.told()["props"]["attachments"][0]


def contexts(fake):
    return [action["integration"]["context"] for action in attachment(fake)["actions"]]


def test_a_person_is_written_to_in_a_direct_channel_that_is_asked_for_once(server, letter):
    medium = Mattermost()
    medium.send(letter(MM_USER))
    medium.send(letter(MM_USER))

    posts = ["POST /api/v4/posts"] * 2
    assert server.calls == ["GET /api/v4/users/me", "POST /api/v4/channels/direct", *posts]
    assert server.told(1) == [MM_ME, MM_USER]
    assert server.told()["channel_id"] == MM_CHANNEL


def test_a_repeat_can_be_folded_by_the_server(server, letter):
    Mattermost().send(letter(IN_CHANNEL))

    assert server.told()["pending_post_id"] == "0123456789abcdef"


def test_each_button_carries_a_proof_of_its_own(server, letter):
    Mattermost().send(letter(MM_USER))

    told = contexts(server)
    assert [one["verb"] for one in told] == ["acknowledge", "escalate", "resolve"]
    assert all(is_ours(one) for one in told)
    assert not is_ours({**told[0], "verb": "resolve"})


@pytest.mark.parametrize("changed", ["page", "step", "to", "at", "verb", "mac"])
def test_a_context_that_was_touched_is_not_ours(server, letter, changed):
    Mattermost().send(letter(MM_USER))

    assert not is_ours({**contexts(server)[0], changed: "2"})
    assert not is_ours({name: value for name, value in contexts(server)[0].items() if name != changed})


def test_buttons_outlive_a_change_of_the_key(server, letter, settings):
    Mattermost().send(letter(MM_USER))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key " * 4

    assert is_ours(contexts(server)[0])


def test_the_answer_link_is_shown_to_its_owner_and_in_no_channel(server, letter):
    Mattermost().send(letter(MM_USER))
    assert "/a/secret-of-the-link" in attachment(server)["text"]

    Mattermost().send(letter(IN_CHANNEL))
    assert "/a/secret-of-the-link" not in attachment(server)["text"]


def test_what_others_wrote_calls_nobody_and_hides_no_address(server, letter):
    Mattermost().send(letter(IN_CHANNEL, subject="@channel **down**", brief="@all [x](http://evil.example)"))

    assert server.told()["message"] == "**@\u200bchannel \\*\\*down\\*\\***"
    assert attachment(server)["text"] == "@\u200ball \\[x](http://evil.example)"


def test_a_follow_up_patches_the_post(server, answered):
    Mattermost().send(answered(MM_USER, MM_POST))

    assert server.calls == [f"PUT /api/v4/posts/{MM_POST}/patch"]
    assert attachment(server)["text"].startswith("Bob acknowledged")
    assert [one["verb"] for one in contexts(server)] == ["resolve", "escalate"]


def test_a_post_that_was_deleted_needs_no_change(server, answered):
    server.everywhere((404, {"message": "Unable to find the post."}))

    assert "gone" in Mattermost().send(answered(MM_USER, MM_POST)).text


def test_all_calls_for_one_message_share_its_time(server, letter, monkeypatch):
    monkeypatch.setattr("oncall.messaging.mediums.provider.LIMIT_S", 0.2)
    server.script["GET /api/v4/users/me"] = server.hang

    with pytest.raises(DeliveryError):
        Mattermost().send(letter(MM_USER))

    assert server.calls == ["GET /api/v4/users/me"]
