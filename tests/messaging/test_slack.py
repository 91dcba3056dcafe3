import json

import pytest

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums.slack import Slack, signature
from tests.messaging.services import KNOWN, fake_service


@pytest.fixture
def slack(settings):
    with fake_service(dict(KNOWN["slack"].script)) as (fake, url):
        for name, value in KNOWN["slack"].setup(url).items():
            setattr(settings, name, value)
        yield fake


def blocks(fake, kind):
    return [block for block in fake.told()["blocks"] if block["type"] == kind]


def buttons(fake):
    return {one["action_id"]: one for block in blocks(fake, "actions") for one in block["elements"]}


def test_the_bots_token_goes_in_the_header(slack, letter):
    Slack().send(letter("U024BE7LH"))

    assert slack.headers()["authorization"] == "Bearer xoxb-1"
    assert slack.told()["channel"] == "U024BE7LH"


def test_buttons_carry_the_page_and_its_step_and_nothing_secret(slack, letter):
    Slack().send(letter("C024BE91L"))

    assert list(buttons(slack)) == ["acknowledge", "escalate", "resolve"]
    assert {one["value"] for one in buttons(slack).values()} == {"7:1"}
    assert "confirm" in buttons(slack)["resolve"]


def test_the_answer_link_is_shown_to_its_owner_and_in_no_channel(slack, letter):
    Slack().send(letter("U024BE7LH"))
    Slack().send(letter("C024BE91L"))

    assert b"/a/secret-of-the-link" in slack.requests[0][1]
    assert b"/a/secret-of-the-link" not in slack.requests[1][1]


def test_without_a_signing_secret_no_button_could_be_believed_so_there_is_none(slack, letter, settings):
    settings.SLACK_SIGNING_SECRET = ""

    Slack().send(letter("U024BE7LH"))

    assert not buttons(slack)


def test_what_others_wrote_calls_nobody_and_hides_no_address(slack, letter):
    Slack().send(
        letter("U024BE7LH", subject="<!channel> down", brief="<https://evil.example|log in> & <@U1>")
    )

    told = slack.told()
    assert told["text"] == "&lt;!channel&gt; down"
    assert blocks(slack, "header")[0]["text"]["type"] == "plain_text"
    assert (
        "&lt;https://evil.example|log in&gt; &amp; &lt;@U1&gt;" in blocks(slack, "section")[0]["text"]["text"]
    )


def test_a_very_long_text_fits_slacks_limits(slack, letter):
    Slack().send(letter("U024BE7LH", subject="&" * 200, brief="<" * 50_000))

    assert len(blocks(slack, "header")[0]["text"]["text"]) <= 150
    assert all(len(block["text"]["text"]) <= 3000 for block in blocks(slack, "section"))


def test_a_follow_up_says_who_answered_and_offers_what_is_left(slack, answered):
    Slack().send(answered("U024BE7LH", "D024BE7RE:1503435956.000247"))

    assert slack.calls == ["POST /chat.update"]
    told = slack.told()
    assert (told["channel"], told["ts"]) == ("D024BE7RE", "1503435956.000247")
    assert "Bob acknowledged · 11:03 (Berlin)" in json.dumps(told["blocks"], ensure_ascii=False)
    assert list(buttons(slack)) == ["resolve", "escalate"]


def test_a_message_that_was_deleted_needs_no_change(slack, answered):
    slack.everywhere((200, {"ok": False, "error": "message_not_found"}))

    receipt = Slack().send(answered("U024BE7LH", "D024BE7RE:1503435956.000247"))

    assert "message_not_found" in receipt.text


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        ("channel_not_found", True),
        ("not_in_channel", True),
        ("invalid_auth", True),
        ("account_inactive", True),
        ("an_error_that_slack_invents_tomorrow", True),
        ("ratelimited", False),
        ("internal_error", False),
        ("service_unavailable", False),
    ],
)
def test_a_no_with_http_200_is_told_from_a_not_now(slack, letter, error, permanent):
    slack.everywhere((200, {"ok": False, "error": error}))

    with pytest.raises(DeliveryError) as failure:
        Slack().send(letter("U024BE7LH"))

    assert (failure.value.permanent, failure.value.code) == (permanent, error)


def test_the_signature_is_slacks_own():
    """The worked example of Slack's documentation."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )

    signed = signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)

    assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
