"""Callbacks of providers: only with proof, once, and written down whatever becomes of them."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from oncall.models import Page
from tests.messaging import phones
from tests.messaging.phones import ALICE, outcomes

pytestmark = pytest.mark.django_db


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


# -- where people read of them -----------------------------------------------------------------------------
def test_what_came_in_is_listed_and_stands_beside_its_delivery(texted, twilio_calls, root):
    twilio_calls.message(texted.stable_id, "undelivered", ErrorCode="30003")
    twilio_calls.message(texted.stable_id, "failed", signature="AAAA")
    client = Client()
    client.force_login(root)

    listed = client.get("/admin/messaging/callback/").content.decode()
    beside = client.get(f"/admin/messaging/delivery/{texted.pk}/change/").content.decode()

    assert "Refused: the proof is wrong" in listed
    assert "the network did not deliver it" in beside
    assert "30003" in beside


def test_a_callback_about_what_is_private_is_seen_by_who_has_a_part_in_it(texted, twilio_calls, carol):
    Page.objects.update(private=True)
    twilio_calls.message(texted.stable_id, "delivered")
    carol.is_staff = True
    carol.save()
    right = Permission.objects.get(codename="view_callback", content_type__app_label="messaging")
    carol.user_permissions.add(right)
    client = Client()
    client.force_login(carol)

    listed = client.get("/admin/messaging/callback/")

    assert listed.status_code == 200
    assert "delivered" not in listed.content.decode()
