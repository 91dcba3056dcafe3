"""Numbers, and words that fit onto a telephone."""

from datetime import UTC, datetime

import pytest

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import phone
from oncall.messaging.mediums.base import Letter


def letter(
    purpose="page", subject="[Major] Checkout: Card payments fail (INC-47)", text="", **values
) -> Letter:
    at = datetime(2026, 3, 9, 10, tzinfo=UTC)
    return Letter("+491701234567", "alice", purpose, subject, text, "", {}, values, "ref", at, at)


@pytest.mark.parametrize(
    "typed",
    [
        "+491701234567",
        " +49 170 1234567 ",
        "+49 (170) 123-45.67",
        "+49/170/1234567",
        "\u202a+491701234567\u202c",
    ],
)
def test_a_number_is_kept_as_e164_has_it(typed):
    assert phone.check_number(typed) == "+491701234567"


@pytest.mark.parametrize(
    "typed",
    ["", "0170 1234567", "00491701234567", "+0170123456", "+49", "+4917012345678901", "+49 170 CALL ME",
     "+491701234567\n", "+49170\n1234567", "+49170\r1234567", "+491701234567\n+491709999999", "+٤٩١٧٠١٢٣٤٥٦٧",
     "+491701234567,+491709999999", "tel:+491701234567", "+491701234567;ext=1"],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_what_to_enter(typed):
    with pytest.raises(DomainError) as refusal:
        phone.check_number(typed)

    assert refusal.value.code == "bad_address"
    assert "+49 170 1234567" in refusal.value.detail


def test_a_page_is_what_it_is_about_the_code_and_the_link():
    text = phone.sms_text(letter(code="482193", link="https://m.example.com/a/abc/"))

    assert text == (
        "[Major] Checkout: Card payments fail (INC-47)\n"
        "Reply 482193 to acknowledge, or open https://m.example.com/a/abc/"
    )


def test_of_a_long_page_the_title_is_cut_and_never_the_code_or_the_link():
    link = "https://m.example.com/a/" + "x" * 60
    text = phone.sms_text(letter(subject="Nothing works. " * 30, code="482193", link=link))

    assert len(text) <= phone.SMS_LIMIT + 2
    assert text.endswith(f"...\nReply 482193 to acknowledge, or open {link}")


def test_curly_quotes_and_dashes_become_letters_of_text_messages():
    text = phone.sms_text(letter(subject="“Checkout” – it’s down…"))

    assert text == '"Checkout" - it\'s down...'


def test_what_is_no_page_is_its_text_on_one_line():
    assert phone.sms_text(letter("confirm", text="482193 is your code.\n")) == "482193 is your code."


def test_a_call_says_the_sentences_made_for_it():
    assert phone.spoken(letter(spoken="Major incident. Checkout.")) == "Major incident. Checkout."
    assert phone.spoken(letter()).startswith("[Major]")
    assert phone.spoken(letter("notice", text="A test.")) == "A test."


def test_digits_are_spelt_for_a_voice():
    assert phone.spelt("4821") == "4, 8, 2, 1"
