"""Answering by text message and by key: for the right person, once, with the right code."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from oncall import paging, replies
from oncall.messaging.models import Callback, Delivery
from oncall.models import AnswerCode, Page
from tests.messaging import phones
from tests.messaging.phones import ALICE, BOB, Caller

pytestmark = pytest.mark.django_db
State = Page.State


@pytest.fixture(autouse=True)
def twilio(settings):
    settings.TWILIO = phones.account(1)


@pytest.fixture
def twilio_calls(at):
    """Twilio, at 10:01."""
    with time_machine.travel(at("10:01"), tick=False):
        yield Caller(Client(enforce_csrf_checks=True))


@pytest.fixture
def by(alice, at):
    """``by("sms")``: alice is paged that way, at once; then by mail after ten minutes."""

    def by(medium):
        for name, kind, address, minutes in (
            ("phone", medium, ALICE, 0),
            ("mail", "email", "alice@example.com", 10),
        ):
            contact = alice.contacts.create(name=name, medium=kind, address=address, verified_at=at("09:00"))
            alice.rules.create(urgency="high", after=timedelta(minutes=minutes), contact=contact)
        return alice

    return by


@pytest.fixture
def texted(by, page, advance):
    """The text message that woke alice at 10:00."""
    by("sms")
    advance("10:00")
    return Delivery.objects.get(medium="sms")


@pytest.fixture
def called(by, page, advance, at):
    """The call that woke alice at 10:00, as Twilio made it."""
    by("voice")
    advance("10:00")
    delivery = Delivery.objects.get(medium="voice")
    Delivery.objects.filter(pk=delivery.pk).update(
        state="sent", due_at=None, finished_at=at("10:00:05"), provider_id="CA1", attempt_count=1
    )
    return delivery


def outcomes() -> list[str]:
    return list(Callback.objects.order_by("pk").values_list("outcome", flat=True))


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


# -- proof -------------------------------------------------------------------------------------------------
def test_what_is_not_signed_is_refused_and_written_down(texted, twilio_calls):
    answered = twilio_calls.message(texted.stable_id, "delivered", signature="")

    texted.refresh_from_db()
    assert (answered.status_code, texted.reported) == (403, "")
    assert outcomes() == ["unsigned"]


@pytest.mark.parametrize("signature", ["AAAA", "ümlaut", phones.sign("http://elsewhere/", {})])
def test_what_is_signed_wrongly_is_refused_and_written_down(texted, twilio_calls, signature):
    answered = twilio_calls.message(texted.stable_id, "failed", signature=signature)

    assert answered.status_code == 403
    assert outcomes() == ["forged"]


def test_what_was_signed_for_something_else_is_refused(texted, twilio_calls):
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": ALICE, "From": phones.OURS}
    about = f"http://testserver/callbacks/twilio/sms/{texted.stable_id}/"
    signature = phones.sign(about, {"AccountSid": phones.ACCOUNT, "ApiVersion": "2010-04-01", **fields})

    assert twilio_calls.message(texted.stable_id, "failed", signature=signature).status_code == 403


def test_another_account_is_refused_though_it_is_signed(texted, twilio_calls):
    answered = twilio_calls.message(texted.stable_id, "failed", AccountSid="AC" + "b" * 32)

    assert answered.status_code == 403


def test_a_status_is_taken_once(texted, twilio_calls):
    first = twilio_calls.message(texted.stable_id, "delivered")
    second = twilio_calls.message(texted.stable_id, "delivered")

    assert (first.status_code, second.status_code) == (204, 409)


def test_a_status_about_nothing_of_ours_is_refused(twilio_calls, db):
    assert twilio_calls.message("0" * 32, "delivered").status_code == 404
    assert outcomes() == ["unknown"]


def test_without_an_account_there_is_nothing_to_call(texted, twilio_calls, settings):
    settings.TWILIO = None

    assert twilio_calls.message(texted.stable_id, "delivered").status_code == 404
    assert outcomes() == []


def test_a_get_does_nothing(texted, twilio_calls):
    answered = twilio_calls.web.get(f"/callbacks/twilio/sms/{texted.stable_id}/")

    assert answered.status_code == 405


# -- an operator's own gateway -----------------------------------------------------------------------------
@pytest.fixture
def tell(settings, twilio_calls):
    """``tell("sms/<ref>", status="delivered")``: the gateway calls back, as JSON."""
    settings.SMS_GATEWAY = settings.VOICE_GATEWAY = phones.gateway(1)

    def tell(path, *, secret=phones.SECRET, **told):
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return twilio_calls.web.post(
            f"/callbacks/gateway/{path}/", told, content_type="application/json", headers=headers
        )

    return tell


def test_a_gateway_tells_how_it_went_on(texted, tell):
    assert tell(f"sms/{texted.stable_id}", status="Delivered", id="gw-7").status_code == 204

    texted.refresh_from_db()
    assert texted.reported == "delivered"


def test_a_gateway_may_send_a_form(texted, tell, twilio_calls):
    answered = twilio_calls.web.post(
        f"/callbacks/gateway/sms/{texted.stable_id}",
        {"status": "sent"},
        headers={"Authorization": f"Bearer {phones.SECRET}"},
    )

    assert answered.status_code == 204


@pytest.mark.parametrize(("secret", "outcome"), [("", "unsigned"), ("another-secret-of-us", "forged")])
def test_who_does_not_know_the_secret_is_refused_and_written_down(texted, tell, secret, outcome):
    assert tell(f"sms/{texted.stable_id}", secret=secret, status="failed").status_code == 403
    assert outcomes() == [outcome]


def test_a_key_pressed_at_the_gateway_acknowledges(called, tell, alice):
    answered = tell(f"voice/{called.stable_id}", status="answered", digits="4")

    assert Page.objects.get().acknowledged_by == alice
    assert "you have it" in answered.json()["reply"]


def test_a_reply_that_came_in_at_the_gateway_acknowledges(texted, tell, alice):
    answered = tell("sms/reply", **{"from": "+49 170 1234567", "text": texted.values["code"]})

    assert Page.objects.get().acknowledged_by == alice
    assert "you have it" in answered.json()["reply"]


@pytest.mark.parametrize(
    ("body", "kind"), [("[1]", "application/json"), ("{", "application/json"), ("", "text/plain")]
)
def test_what_is_neither_json_nor_a_form_is_refused(texted, tell, twilio_calls, body, kind):
    answered = twilio_calls.web.post(
        f"/callbacks/gateway/sms/{texted.stable_id}/",
        body,
        content_type=kind,
        headers={"Authorization": f"Bearer {phones.SECRET}"},
    )

    assert answered.status_code == 400


def test_a_gateway_without_a_secret_takes_nothing(texted, tell, settings):
    settings.SMS_GATEWAY = phones.gateway(1, secret="")

    assert tell(f"sms/{texted.stable_id}", status="failed").status_code == 404


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
