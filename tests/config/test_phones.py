"""The settings of text messages and calls: what works is read, what cannot ends the start with one sentence."""

import pytest

from config import env, phones

ACCOUNT = "AC" + "0" * 32
TWILIO = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "token", "TWILIO_FROM": "+4930123456"}
URL = "https://modem.example.com/send"


@pytest.fixture
def setting(monkeypatch):
    """``setting(TWILIO_FROM="…")``: the environment of a start."""

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    for name in TWILIO:
        monkeypatch.delenv(name, raising=False)
    return put


def test_without_settings_there_is_neither(setting):
    assert phones.twilio() is None
    assert phones.gateway("SMS_GATEWAY") is None


def test_twilios_account(setting):
    setting(**TWILIO)

    found = phones.twilio()

    assert (found.account_sid, found.sender, found.voice_from) == (ACCOUNT, "+4930123456", "+4930123456")
    assert found.api_base == "https://api.twilio.com"
    assert "token" not in repr(found)


@pytest.mark.parametrize(("sender", "voice"), [("Northwind", ""), ("MG" + "0" * 32, "")])
def test_a_sender_that_is_no_number_does_not_call(setting, sender, voice):
    setting(**TWILIO | {"TWILIO_FROM": sender})

    assert phones.twilio().voice_from == voice


@pytest.mark.parametrize(
    "wrong",
    [
        {"TWILIO_AUTH_TOKEN": ""},
        {"TWILIO_FROM": ""},
        {"TWILIO_ACCOUNT_SID": "12"},
        {"TWILIO_FROM": "+0301234"},
        {"TWILIO_VOICE_FROM": "Northwind"},
        {"TWILIO_API_BASE": "api.twilio.com"},
    ],
)
def test_an_account_that_cannot_work_ends_the_start(setting, wrong):
    setting(**TWILIO | wrong)

    with pytest.raises(env.Misconfigured, match="TWILIO_"):
        phones.twilio()


def test_a_gateway_with_everything(setting):
    setting(
        SMS_GATEWAY_URL=URL,
        SMS_GATEWAY_BODY='{"to": "{{to}}", "text": "{{ text }}"}',
        SMS_GATEWAY_AUTH="Basic user:pass word",
        SMS_GATEWAY_EXPECT="200 202-204",
        SMS_GATEWAY_ID="message.id",
        SMS_GATEWAY_SECRET="s" * 16,
    )

    found = phones.gateway("SMS_GATEWAY")

    assert found.body == {"to": "{{to}}", "text": "{{ text }}"}
    assert found.authorization == "Basic dXNlcjpwYXNzIHdvcmQ="
    assert found.expected == [range(200, 201), range(202, 205)]
    assert found.id_path == ["message", "id"]
    assert "s" * 16 not in repr(found)


def test_a_gateway_by_its_address_alone(setting):
    setting(VOICE_GATEWAY_URL=f"{URL}?to={{{{to}}}}&text={{{{text}}}}")

    found = phones.gateway("VOICE_GATEWAY")

    assert (found.body, found.authorization, found.expected, found.id_path) == (
        None,
        "",
        [range(200, 300)],
        [],
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"SMS_GATEWAY_URL": "modem.example.com"},
        {"SMS_GATEWAY_URL": "ftp://modem.example.com"},
        {"SMS_GATEWAY_URL": "https://{{to}}.example.com/"},
        {"SMS_GATEWAY_URL": f"{URL}?to={{{{phone}}}}"},
        {"SMS_GATEWAY_BODY": "to={{to}}"},
        {"SMS_GATEWAY_BODY": '{"to": "{{number}}"}'},
        {"SMS_GATEWAY_AUTH": "key"},
        {"SMS_GATEWAY_AUTH": "Basic user"},
        {"SMS_GATEWAY_EXPECT": "ok"},
        {"SMS_GATEWAY_EXPECT": "200-999"},
        {"SMS_GATEWAY_SECRET": "short"},
    ],
)
def test_a_gateway_that_cannot_work_ends_the_start(setting, wrong):
    setting(**{"SMS_GATEWAY_URL": URL} | wrong)

    with pytest.raises(env.Misconfigured, match="SMS_GATEWAY"):
        phones.gateway("SMS_GATEWAY")
