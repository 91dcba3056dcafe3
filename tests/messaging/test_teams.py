import pytest

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums.teams import Teams, payload
from tests.messaging.services import fake_service


def test_a_card_has_the_title_the_text_and_one_button_that_opens_the_answer_page(letter):
    attachment = payload(letter("https://x.example/"))["attachments"][0]

    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [block["text"] for block in card["body"]] == [
        "\\[SEV1] Checkout: Card payments fail (INC-47)",
        "Unless somebody answers before 11:05 (Berlin), Bob is paged.",
    ]
    assert card["actions"][0]["url"].startswith("https://muster.example.com/a/")


def test_lines_stay_lines_and_no_address_hides_behind_words(letter):
    card = payload(letter("https://x.example/", brief="one\n[two](http://evil.example)"))["attachments"][0][
        "content"
    ]

    assert card["body"][1]["text"] == "one\n\n\\[two](http://evil.example)"


def test_a_private_address_needs_the_operators_word(letter, settings):
    settings.EGRESS_ALLOW = []
    with fake_service({}) as (fake, url), pytest.raises(DeliveryError, match="EGRESS_ALLOW"):
        Teams().send(letter(f"{url.replace('127.0.0.1', 'localhost')}/x"))

    assert fake.requests == []


def test_what_the_receiver_wrote_is_not_repeated(letter, settings):
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    with (
        fake_service({"POST /x": (400, {"error": "a secret"})}) as (_, url),
        pytest.raises(DeliveryError) as no,
    ):
        Teams().send(letter(f"{url}/x"))

    assert "secret" not in no.value.text
