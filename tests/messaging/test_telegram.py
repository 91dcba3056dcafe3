import pytest

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums.telegram import Telegram
from tests.messaging.services import KNOWN, fake_service


@pytest.fixture
def bot(settings):
    with fake_service(dict(KNOWN["telegram"].script)) as (fake, url):
        for name, value in KNOWN["telegram"].setup(url).items():
            setattr(settings, name, value)
        yield fake


def buttons(fake):
    return [
        button["callback_data"] for row in fake.told()["reply_markup"]["inline_keyboard"] for button in row
    ]


def test_buttons_fit_into_64_bytes(bot, letter):
    Telegram().send(letter("123456789", values={"page": "9" * 18, "step": "99999"}))

    assert [data.partition(":")[0] for data in buttons(bot)] == ["acknowledge", "escalate", "resolve"]
    assert all(len(data.encode()) <= 64 for data in buttons(bot))


def test_without_a_webhook_secret_no_press_could_be_believed_so_there_is_no_button(bot, letter, settings):
    settings.TELEGRAM_WEBHOOK_SECRET = ""

    Telegram().send(letter("123456789"))

    assert buttons(bot) == []


def test_the_answer_link_is_shown_to_its_owner_and_in_no_group(bot, letter):
    Telegram().send(letter("123456789"))
    assert "Answer: https://muster.example.com/a/secret" in bot.told()["text"]

    Telegram().send(letter("-1001234567890"))
    assert "/a/secret" not in bot.told()["text"]


def test_only_what_may_wake_somebody_makes_a_sound(bot, letter):
    Telegram().send(letter("123456789"))
    Telegram().send(letter("123456789", values={"urgency": "low"}))

    assert [bot.told(0)["disable_notification"], bot.told(1)["disable_notification"]] == [False, True]


def test_a_long_text_of_pictures_fits_the_limit(bot, letter):
    Telegram().send(letter("123456789", subject="🔥" * 200, brief="🔥" * 9000))

    assert len(bot.told()["text"].encode("utf-16-le")) // 2 <= 4096
    assert "Answer: https://" in bot.told()["text"]


def test_a_follow_up_edits_the_message(bot, answered):
    Telegram().send(answered("123456789", "77"))

    assert bot.calls == ["POST /bot42:AbC_d/editMessageText"]
    assert bot.told()["message_id"] == 77
    assert "Bob acknowledged" in bot.told()["text"]
    assert [data.partition(":")[0] for data in buttons(bot)] == ["resolve", "escalate"]


@pytest.mark.parametrize(
    "gone", ["Bad Request: message to edit not found", "Bad Request: message is not modified"]
)
def test_a_message_that_cannot_be_edited_is_left_alone(bot, answered, gone):
    bot.everywhere((400, {"ok": False, "error_code": 400, "description": gone}))

    assert "cannot be changed" in Telegram().send(answered("123456789", "77")).text


def test_another_trouble_with_an_edit_is_an_error(bot, answered):
    bot.everywhere((401, {"ok": False, "error_code": 401, "description": "Unauthorized"}))

    with pytest.raises(DeliveryError, match="Unauthorized"):
        Telegram().send(answered("123456789", "77"))
