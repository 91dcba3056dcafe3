"""Django's SMTP backend, with a conversation that can be cut from outside and knows how far it came."""

import contextlib
import smtplib
import socket
from collections.abc import Callable
from functools import partial

from django.core.mail.backends.smtp import EmailBackend


class Conversation(smtplib.SMTP):
    """One talk with a relay. ``handing_over`` is true from DATA until the relay has answered it."""

    handing_over = False

    def __init__(self, *args: object, started: Callable[["Conversation"], None], **kwargs: object) -> None:
        # Before the connection is made, so that a relay that never sends its banner can be cut off too.
        started(self)
        super().__init__(*args, **kwargs)

    def data(self, msg: bytes) -> tuple[int, bytes]:
        self.handing_over = True
        answer = super().data(msg)
        self.handing_over = False
        return answer


class EncryptedConversation(Conversation, smtplib.SMTP_SSL):
    """The same over TLS from the first byte; its handshake ends by the socket timeout alone."""


class Backend(EmailBackend):
    """Django's own, but for ``cut`` and ``handing_over``."""

    conversation: Conversation | None = None

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:
        return partial(EncryptedConversation if self.use_ssl else Conversation, started=self._started)

    def _started(self, conversation: Conversation) -> None:
        self.conversation = conversation

    @property
    def handing_over(self) -> bool:
        """Whether the relay holds a message that it has neither taken nor refused."""
        return self.conversation is not None and self.conversation.handing_over

    def cut(self) -> None:
        """End the conversation from another thread: whoever waits for the relay gets an error at once."""
        sock = self.conversation and self.conversation.sock
        if sock:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Forget a broken connection without a good-bye, so that the next message opens a new one."""
        if self.connection is not None:
            self.connection.close()
        self.connection = self.conversation = None
