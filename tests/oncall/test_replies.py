"""Answering by text message and by key: for the right person, once, with the right code."""

from datetime import timedelta

import pytest
import time_machine

from oncall import codes, paging, replies
from oncall.messaging.models import Delivery
from oncall.models import AnswerCode, Page
from tests.messaging.phones import BOB, outcomes

pytestmark = pytest.mark.django_db
State = Page.State


# -- what a text says --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "verb", "code"),
    [
        ("482193", "acknowledge", "482193"),
        (" 482 193 ", "acknowledge", "482193"),
        ("482-193", "acknowledge", "482193"),
        ("Ack 482193", "acknowledge", "482193"),
        ("482193 6", "resolve", "482193"),
        ("RESOLVE 482193!", "resolve", "482193"),
        ("5 482193", "escalate", "482193"),
        ("ok i am on it 482193", "acknowledge", "482193"),
        ("48219", "acknowledge", ""),
        ("4821934", "acknowledge", ""),
        ("", "acknowledge", ""),
        ("acknowledge", "acknowledge", ""),
    ],
)
def test_a_text_is_a_code_and_perhaps_a_verb(text, verb, code):
    assert replies.read(text) == replies.Order(verb, code)


# -- text messages -----------------------------------------------------------------------------------------
def test_the_code_sent_back_acknowledges(texted, twilio_calls, alice):
    answered = twilio_calls.reply(texted.values["code"])

    page = Page.objects.get()
    assert (page.state, page.acknowledged_by) == (State.ACKNOWLEDGED, alice)
    assert "you have it. Nobody else is paged." in answered.content.decode()
    assert Delivery.objects.get(medium="email").state == "cancelled"


def test_the_code_also_resolves_afterwards(texted, twilio_calls):
    twilio_calls.reply(texted.values["code"], sid="SM9")
    twilio_calls.reply(f"{texted.values['code']} 6", sid="SM10")

    assert Page.objects.get().state == State.RESOLVED


def test_the_code_escalates(texted, twilio_calls, told):
    twilio_calls.reply(f"escalate {texted.values['code']}")

    assert told()[-1] == "bob"


def test_only_a_digest_of_the_code_is_kept(texted):
    kept = AnswerCode.objects.get()

    assert texted.values["code"] not in f"{kept.digest} {kept.address}"


def test_from_another_number_the_code_is_worth_nothing(texted, twilio_calls, bob, at):
    bob.contacts.create(name="phone", medium="sms", address=BOB, verified_at=at("09:00"))

    answered = twilio_calls.reply(texted.values["code"], sender=BOB)

    assert Page.objects.get().state == State.ACTIVE
    assert "Nothing was done" in answered.content.decode()
    assert outcomes() == ["wrong"]


def test_a_stranger_is_not_answered(texted, twilio_calls):
    answered = twilio_calls.reply(texted.values["code"], sender=BOB)

    assert "<Message>" not in answered.content.decode()
    assert outcomes() == ["unknown"]


@pytest.mark.parametrize("change", [{"verified_at": None}, {"address": BOB}, {"medium": "voice"}])
def test_once_the_number_is_not_hers_the_code_is_worth_nothing(texted, twilio_calls, alice, change):
    alice.contacts.filter(name="phone").update(**change)

    twilio_calls.reply(texted.values["code"])

    assert Page.objects.get().state == State.ACTIVE


def test_whoever_has_left_answers_nothing(texted, twilio_calls, alice):
    alice.is_active = False
    alice.save()

    twilio_calls.reply(texted.values["code"])

    assert Page.objects.get().state == State.ACTIVE


def test_a_code_runs_out_after_a_day(texted, twilio_calls, at):
    with time_machine.travel(at("10:01") + timedelta(days=1), tick=False):
        twilio_calls.reply(texted.values["code"])

    assert Page.objects.get().state == State.ACTIVE


def test_a_code_that_is_over_is_forgotten_with_its_number(texted, at):
    assert codes.forget(now=lambda: at("10:00") + timedelta(hours=23)) == 0

    assert codes.forget(now=lambda: at("10:00") + timedelta(hours=25)) == 1


def test_after_five_wrong_codes_none_is_read_for_an_hour(texted, twilio_calls):
    wrong = f"{(int(texted.values['code']) + 1) % 1_000_000:06}"
    for number in range(5):
        twilio_calls.reply(wrong, sid=f"SM{number}")

    answered = twilio_calls.reply(texted.values["code"], sid="SM99")

    assert outcomes() == ["wrong"] * 5 + ["limited"]
    assert "<Message>" not in answered.content.decode()
    assert Page.objects.get().state == State.ACTIVE


def test_a_word_for_the_carrier_is_left_to_it(texted, twilio_calls):
    answered = twilio_calls.reply(" Stop ")

    assert "<Message>" not in answered.content.decode()
    assert outcomes() == ["no_news"]


def test_the_same_message_again_does_nothing(texted, twilio_calls, page, alice, at):
    twilio_calls.reply(texted.values["code"])
    paging.escalate_now(page, expected_step=1, by=alice, at=at("10:02"))

    again = twilio_calls.reply(texted.values["code"])

    assert again.status_code == 409
    assert Page.objects.get().state == State.ACTIVE
    assert outcomes() == ["taken", "repeated"]


def test_after_the_end_the_answer_says_so(texted, twilio_calls, page, bob, at):
    paging.resolve(page, by=bob, at=at("10:00:30"))

    assert "is over already" in twilio_calls.reply(texted.values["code"]).content.decode()


def test_who_comes_second_is_noted_and_told_who_has_it(texted, twilio_calls, page, bob, at):
    paging.acknowledge(page, by=bob, at=at("10:00:30"))

    answered = twilio_calls.reply(texted.values["code"])

    assert "Bob has it, and you are noted as well." in answered.content.decode()


def test_a_text_about_an_earlier_step_hurries_no_later_one(texted, twilio_calls, page, bob, at, told):
    paging.escalate_now(page, expected_step=1, by=bob, at=at("10:00:30"))

    answered = twilio_calls.reply(f"escalate {texted.values['code']}")

    assert "gone on to the next step" in answered.content.decode()
    assert Page.objects.get().step == 2


# -- keys --------------------------------------------------------------------------------------------------
def test_four_acknowledges(called, twilio_calls, alice):
    answered = twilio_calls.key(called.stable_id, "4")

    assert Page.objects.get().acknowledged_by == alice
    assert "<Say" in answered.content.decode()
    assert "you have it" in answered.content.decode()


def test_five_escalates(called, twilio_calls, told):
    twilio_calls.key(called.stable_id, "5")

    assert told()[-1] == "bob"


def test_six_resolves(called, twilio_calls):
    twilio_calls.key(called.stable_id, "6")

    assert Page.objects.get().state == State.RESOLVED


def test_another_key_does_nothing_and_is_asked_for_again(called, twilio_calls):
    answered = twilio_calls.key(called.stable_id, "9")

    assert Page.objects.get().state == State.ACTIVE
    assert "<Gather" in answered.content.decode()


def test_the_same_press_again_skips_nobody(called, twilio_calls, told):
    twilio_calls.key(called.stable_id, "5")
    before = Page.objects.get().step

    again = twilio_calls.key(called.stable_id, "5")

    assert (again.status_code, Page.objects.get().step) == (409, before)


def test_a_key_in_a_call_of_an_earlier_step_hurries_no_later_one(called, twilio_calls, page, bob, at):
    paging.escalate_now(page, expected_step=1, by=bob, at=at("10:00:30"))

    answered = twilio_calls.key(called.stable_id, "5")

    assert "gone on to the next step" in answered.content.decode()
    assert Page.objects.get().step == 2


@pytest.mark.parametrize("wrong", [{"sid": "CA2"}, {"to": BOB}])
def test_a_key_of_another_call_does_nothing(called, twilio_calls, wrong):
    assert twilio_calls.key(called.stable_id, "4", **wrong).status_code == 404
    assert Page.objects.get().state == State.ACTIVE


def test_a_key_about_no_call_of_ours_does_nothing(called, twilio_calls):
    assert twilio_calls.key("0" * 32, "4").status_code == 404


def test_a_key_after_a_day_does_nothing(called, twilio_calls, at):
    with time_machine.travel(at("10:01") + timedelta(days=1), tick=False):
        answered = twilio_calls.key(called.stable_id, "4")

    assert "too old" in answered.content.decode()
    assert Page.objects.get().state == State.ACTIVE


def test_a_machine_that_answers_is_no_answer_and_the_next_way_is_taken_at_once(called, twilio_calls, at):
    twilio_calls.post(
        f"/callbacks/twilio/voice/{called.stable_id}/",
        CallSid="CA1",
        AnsweredBy="machine_start",
        MachineDetectionDuration="3200",
    )

    assert Page.objects.get().state == State.ACTIVE
    assert Delivery.objects.get(medium="email").due_at == at("10:01")
    assert "answering machine" in Page.objects.get().events.get(kind="undelivered").text


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_a_call_that_nobody_takes_makes_the_next_rule_leave_at_once(called, twilio_calls, at, status):
    assert twilio_calls.call(called.stable_id, status).status_code == 204

    assert Delivery.objects.get(medium="email").due_at == at("10:01")


def test_a_call_that_was_heard_leaves_the_next_rule_at_its_time(called, twilio_calls, at):
    for status in ("ringing", "in-progress", "completed"):
        twilio_calls.call(called.stable_id, status)

    called.refresh_from_db()
    assert (called.state, called.reported) == ("sent", "completed")
    assert Delivery.objects.get(medium="email").due_at == at("10:10")


# -- what is said and sent -------------------------------------------------------------------------------
def test_a_private_page_needs_no_other_right_than_its_code(texted, twilio_calls, alice):
    Page.objects.update(private=True)

    twilio_calls.reply(texted.values["code"])

    assert Page.objects.get().acknowledged_by == alice


def test_no_two_codes_for_one_number_are_the_same(by, make_page, policy, advance, monkeypatch):
    by("sms")
    numbers = iter([7, 7, 8])
    monkeypatch.setattr("oncall.codes.secrets.randbelow", lambda most: next(numbers))
    make_page(policy)
    make_page(policy)

    advance("10:00")

    codes = {row.values["code"] for row in Delivery.objects.filter(medium="sms")}
    assert codes == {"000007", "000008"}


def test_what_a_call_says_is_severity_service_and_title(by, make_page, policy, advance):
    by("voice")
    facts = {"severity_label": "Major", "service": "Checkout"}
    make_page(policy, facts=facts, reference="INC-47")

    advance("10:00")

    said = Delivery.objects.get(medium="voice").values["spoken"]
    assert said == "Muster. Major incident. Checkout. Card payments fail. INC-47."
