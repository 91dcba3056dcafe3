"""Calls that speak and listen to a key, through the operator's gateway (VOICE_GATEWAY_URL) or through Twilio.

Whoever hears a page presses 4 to acknowledge it, 5 to escalate, 6 to resolve. A machine presses nothing, so it
never answers for anybody. Source: field/integrations.md section 4.3.
"""

from typing import Any

from django.conf import settings

from oncall.messaging.mediums import phone, twilio
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.telephone import Telephone


class Voice(Telephone):
    """The medium ``voice``."""

    name = "voice"
    label = "Voice"

    def missing(self) -> str:
        if settings.VOICE_GATEWAY or (settings.TWILIO and settings.TWILIO.voice_from):
            return ""
        if settings.TWILIO:
            return "Calls are not set up: TWILIO_FROM is no number, so set TWILIO_VOICE_FROM."
        return "Calls are not set up: set TWILIO_ACCOUNT_SID or VOICE_GATEWAY_URL."

    def gateway(self) -> Any:
        return settings.VOICE_GATEWAY

    def words(self, letter: Letter) -> str:
        words = phone.spoken(letter)
        return f"{words} {phone.KEYS_SPOKEN}" if letter.purpose == "page" else words

    def by_twilio(self, number: str, letter: Letter) -> Receipt:
        listens = letter.purpose == "page"
        return twilio.call(number, phone.spoken(letter), letter.stable_id, listens=listens)
