"""Text messages, through an operator's own gateway where one is set (SMS_GATEWAY_URL), else through Twilio."""

from typing import Any

from django.conf import settings

from oncall.messaging.mediums import phone, twilio
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.telephone import Telephone


class Sms(Telephone):
    """The medium ``sms``."""

    name = "sms"
    label = "SMS"

    def missing(self) -> str:
        if settings.SMS_GATEWAY or settings.TWILIO:
            return ""
        return "SMS is not set up: set TWILIO_ACCOUNT_SID or SMS_GATEWAY_URL."

    def gateway(self) -> Any:
        return settings.SMS_GATEWAY

    def words(self, letter: Letter) -> str:
        return phone.sms_text(letter)

    def by_twilio(self, number: str, letter: Letter) -> Receipt:
        return twilio.send_message(number, phone.sms_text(letter), letter.stable_id)
