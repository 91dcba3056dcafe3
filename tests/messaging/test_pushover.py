import pytest

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums.pushover import Pushover, callback_key, read_callback_key
from tests.messaging.services import KNOWN, PUSHOVER_USER, fake_service

RECEIPT = "r" * 30


@pytest.fixture
def api(settings):
    with fake_service(dict(KNOWN["pushover"].script)) as (fake, url):
        settings.PUSHOVER_API_URL, settings.PUSHOVER_TOKEN = url, "t" * 30
        yield fake


def test_a_page_that_may_wake_somebody_is_an_emergency_that_calls_back(api, letter, settings, clock):
    Pushover().send(letter(PUSHOVER_USER))

    told = api.told()
    assert (told["priority"], told["retry"], told["expire"]) == ("2", "60", "3600")
    key = told["callback"].removeprefix(f"{settings.PUBLIC_URL}/callbacks/pushover/").rstrip("/")
    assert read_callback_key(key) == ("7", clock())
    assert told["url"].startswith("https://muster.example.com/a/")


def test_what_may_wait_is_one_notification(api, letter):
    Pushover().send(letter(PUSHOVER_USER, values={"urgency": "low"}))

    assert api.told()["priority"] == "0"
    assert "callback" not in api.told()


def test_a_callbacks_address_is_one_messages_and_cannot_be_made_up(clock):
    key = callback_key("7", clock())

    assert read_callback_key(key.replace("7-", "8-", 1)) is None
    assert read_callback_key("7-1") is None
    assert read_callback_key("") is None


def test_the_months_limit_lets_the_next_way_go_at_once(api, letter):
    api.everywhere((429, {"status": 0, "errors": ["application is over its quota"]}))

    with pytest.raises(DeliveryError, match="over its quota") as failure:
        Pushover().send(letter(PUSHOVER_USER))

    assert failure.value.permanent


def test_an_answer_ends_the_emergency(api, answered):
    Pushover().send(answered(PUSHOVER_USER, RECEIPT))

    assert api.calls == [f"POST /receipts/{RECEIPT}/cancel.json"]
    assert api.told() == {"token": "t" * 30}


def test_a_single_notification_has_nothing_to_end(api, letter, answered):
    quiet = letter(PUSHOVER_USER, values={"urgency": "low"})

    Pushover().send(letter(PUSHOVER_USER, text="said", original=quiet, provider_id="647d2300"))

    assert api.calls == []


@pytest.mark.parametrize(
    ("body", "by"),
    [
        ({"status": 1, "acknowledged": 0, "acknowledged_by": "", "acknowledged_at": 0}, None),
        (
            {"status": 1, "acknowledged": 1, "acknowledged_by": "k" * 30, "acknowledged_at": 1773050460},
            "k" * 30,
        ),
        ({"status": 1, "acknowledged": 1, "acknowledged_by": "'; --", "acknowledged_at": 1}, None),
        ({"status": 1, "acknowledged": 1, "acknowledged_by": "k" * 30, "acknowledged_at": "x"}, None),
    ],
)
def test_a_receipt_says_who_acknowledged(api, body, by):
    api.everywhere((200, body))

    found = Pushover().acknowledged_by(RECEIPT)

    assert (found.by if found else None) == by
