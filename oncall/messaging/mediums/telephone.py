"""What text messages and calls have in common: a number, and an operator's own gateway, or else Twilio."""

from typing import Any

from oncall.messaging.mediums import gateway, phone
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.provider import Service


class Telephone(Service):
    """A medium that reaches a number. Subclasses say what is handed to whom."""

    hint = "a number such as +49 151 12345678"

    def check_address(self, address: str) -> str:
        return phone.check_number(address)

    def post(self, letter: Letter) -> Receipt:
        """Hand it to the gateway, where one is set, else to Twilio."""
        number = phone.check_number(letter.address)
        if gate := self.gateway():
            return gateway.send(gate, self.name, number, self.words(letter), letter)
        return self.by_twilio(number, letter)

    def gateway(self) -> Any:
        """The operator's own gateway (``gateway.Settings``); None: there is none."""
        raise NotImplementedError

    def words(self, letter: Letter) -> str:
        """What the gateway is to show or to say."""
        raise NotImplementedError

    def by_twilio(self, number: str, letter: Letter) -> Receipt:
        raise NotImplementedError
