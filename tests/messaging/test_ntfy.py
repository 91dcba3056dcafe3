import json

import pytest

from oncall.messaging.mediums.ntfy import Ntfy, key_of, token_of
from tests.messaging.services import KNOWN, fake_service

TOPIC = "muster-alice-8fQ2xL7w"
LINK = "https://muster.example.com/a/secret-of-the-link-0123456789ab/"


@pytest.fixture
def server(settings):
    with fake_service(dict(KNOWN["ntfy"].script)) as (fake, url):
        settings.NTFY_URL, settings.NTFY_TOKEN = url, "tk_1"
        yield fake


def test_a_page_that_may_wake_somebody_is_as_loud_as_can_be(server, letter):
    Ntfy().send(letter(TOPIC))
    Ntfy().send(letter(TOPIC, values={"urgency": "low"}))

    assert [server.told(0)["priority"], server.told(1)["priority"]] == [5, 3]
    assert server.headers()["authorization"] == "Bearer tk_1"


def test_a_tap_opens_the_answer_page_and_buttons_call_the_portal(server, letter, settings):
    Ntfy().send(letter(TOPIC))

    told = server.told()
    assert told["click"] == LINK
    assert [action["label"] for action in told["actions"]] == ["Acknowledge", "Escalate", "Resolve"]
    for action in told["actions"]:
        assert (action["action"], action["method"], action["clear"]) == ("http", "POST", True)
        assert action["url"] == f"{settings.PUBLIC_URL}/callbacks/ntfy/"
    assert json.loads(told["actions"][1]["body"]) == {"verb": "escalate", "step": "1"}


def test_the_key_of_a_button_is_made_from_the_link_but_the_link_is_no_key(server, letter):
    Ntfy().send(letter(TOPIC))

    key = server.told()["actions"][0]["headers"]["Authorization"].removeprefix("Bearer ")
    assert token_of(key) == "secret-of-the-link-0123456789ab"
    assert token_of("secret-of-the-link-0123456789ab") == ""
    assert token_of(f"secret-of-the-link-0123456789ab.{'0' * 40}") == ""


def test_keys_outlive_a_change_of_the_secret(settings):
    key = key_of(LINK)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key " * 4

    assert token_of(key) == "secret-of-the-link-0123456789ab"


def test_a_message_about_no_page_has_no_buttons(server, letter):
    Ntfy().send(letter(TOPIC, values={"page": ""}))

    assert "actions" not in server.told()


@pytest.mark.parametrize("text", ["字" * 5000, "🔥" * 5000, "a" * 50_000])
def test_a_long_text_does_not_become_an_attachment(server, letter, text):
    Ntfy().send(letter(TOPIC, brief=text))

    assert len(server.told()["message"].encode()) <= 4096


def test_a_follow_up_takes_the_place_of_the_notification_without_a_sound(server, letter, answered):
    Ntfy().send(letter(TOPIC))
    Ntfy().send(answered(TOPIC, "hwQ2YpKdmg", stable_id="another"))

    first, second = server.told(0), server.told(1)
    assert first["sequence_id"] == second["sequence_id"]
    assert second["priority"] == 1
    assert second["title"].startswith("Bob acknowledged")
