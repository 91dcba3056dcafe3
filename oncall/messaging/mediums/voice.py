"""Calls that speak and listen to a key, through the operator's gateway (VOICE_GATEWAY_URL) or through Twilio.

Whoever hears a page presses 4 to acknowledge it, 5 to escalate, 6 to resolve. A machine presses nothing, so it
never answers for anybody. Source: field/integrations.md section 4.3.
"""

from contextlib import AbstractContextManager, nullcontext

from django.conf import settings

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums import gateway, phone, twilio
from oncall.messaging.mediums.base import Letter, Receipt, fingerprint


class Voice:
    """The medium ``voice``. Each letter has a hand to itself: one slow answer keeps no other waiting."""

    name = "voice"
    label = "Voice"
    hint = "a number such as +49 151 12345678"
    changes = False
    batch_size = 1

    def check_address(self, address: str) -> str:
        return phone.check_number(address)

    def stable_id(self, key: str) -> str:
        return fingerprint(key)

    def missing(self) -> str:
        if settings.VOICE_GATEWAY or (settings.TWILIO and settings.TWILIO.voice_from):
            return ""
        if settings.TWILIO:
            return "Calls are not set up: TWILIO_FROM is no number, so set TWILIO_VOICE_FROM."
        return "Calls are not set up: set TWILIO_ACCOUNT_SID or VOICE_GATEWAY_URL."

    def line(self) -> AbstractContextManager["VoiceLine"]:
        return nullcontext(VoiceLine())


class VoiceLine:
    """No connection is kept: each letter opens and closes its own."""

    def send(self, letter: Letter) -> Receipt:
        number, words = phone.check_number(letter.address), phone.spoken(letter)
        listens = letter.purpose == "page"
        if fault := Voice().missing():
            raise DeliveryError(fault, permanent=True, code="not_set_up")
        if settings.VOICE_GATEWAY:
            text = f"{words} {phone.KEYS_SPOKEN}" if listens else words
            return gateway.send(settings.VOICE_GATEWAY, "voice", number, text, letter)
        return twilio.call(number, words, letter.stable_id, listens=listens)
