"""The in-app inbox: the message is kept here for a person to read when she signs in. It wakes nobody."""

from contextlib import AbstractContextManager, nullcontext

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.base import Letter, Receipt, fingerprint


class Inbox:
    """The medium ``inbox``; its address is the name under which the person signs in."""

    name = "inbox"
    label = "Inbox"
    hint = "the name under which the person signs in"
    changes = False
    batch_size = 20

    def check_address(self, address: str) -> str:
        if not address.strip():
            raise DomainError("bad_address", "An inbox belongs to somebody: name the person.")
        return address.strip()

    def stable_id(self, key: str) -> str:
        return f"inbox_{fingerprint(key)}"

    def line(self) -> AbstractContextManager["InboxLine"]:
        return nullcontext(InboxLine())


class InboxLine:
    def send(self, letter: Letter) -> Receipt:
        return Receipt(kept=True, text="Kept in the inbox, for when the person signs in.")
