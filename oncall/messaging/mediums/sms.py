"""Text messages, through an operator's own gateway where one is set (SMS_GATEWAY_URL), else through Twilio."""

from contextlib import AbstractContextManager, nullcontext

from django.conf import settings

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums import gateway, phone, twilio
from oncall.messaging.mediums.base import Letter, Receipt, fingerprint


class Sms:
    """The medium ``sms``. Each letter has a hand to itself: one slow answer keeps no other waiting."""

    name = "sms"
    label = "SMS"
    hint = "a number such as +49 151 12345678"
    changes = False
    batch_size = 1

    def check_address(self, address: str) -> str:
        return phone.check_number(address)

    def stable_id(self, key: str) -> str:
        return fingerprint(key)

    def missing(self) -> str:
        if settings.SMS_GATEWAY or settings.TWILIO:
            return ""
        return "SMS is not set up: set TWILIO_ACCOUNT_SID or SMS_GATEWAY_URL."

    def line(self) -> AbstractContextManager["SmsLine"]:
        return nullcontext(SmsLine())


class SmsLine:
    """No connection is kept: each letter opens and closes its own."""

    def send(self, letter: Letter) -> Receipt:
        number, text = phone.check_number(letter.address), phone.sms_text(letter)
        if settings.SMS_GATEWAY:
            return gateway.send(settings.SMS_GATEWAY, "sms", number, text, letter)
        if settings.TWILIO:
            return twilio.send_message(number, text, letter.stable_id)
        raise DeliveryError(Sms().missing(), permanent=True, code="not_set_up")
