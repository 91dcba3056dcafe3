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

    def hand_over(self, sender: str, to: str, message: bytes) -> None:
        """One finished message for one address; raises what ``sendmail`` raises.

        Where the relay takes commands together (RFC 2920) this costs two round trips instead of four. No line of
        the message begins with a dot.
        """
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("pipelining"):
            self.sendmail(sender, [to], message)
            return
        self.send(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode("ascii"))
        mail, rcpt, data = self._three_answers()
        if mail[0] != 250:
            self._call_off(data[0])
            raise smtplib.SMTPSenderRefused(*mail, sender)
        if rcpt[0] not in (250, 251):
            self._call_off(data[0])
            raise smtplib.SMTPRecipientsRefused({to: rcpt})
        if data[0] != 354:
            self._call_off(data[0])
            raise smtplib.SMTPDataError(*data)
        self.handing_over = True
        self.send(message + b".\r\n")
        answer = self.getreply()
        self.handing_over = False
        if answer[0] != 250:
            self._call_off(answer[0])
            raise smtplib.SMTPDataError(*answer)

    def _three_answers(self) -> list[tuple[int, bytes]]:
        """To MAIL, RCPT and DATA; a relay that closes the channel says so once."""
        answers = []
        while len(answers) < 3:
            closing = answers and answers[-1][0] == 421
            answers.append(answers[-1] if closing else self.getreply())
        return answers

    def _call_off(self, code: int) -> None:
        """Leave a message that was refused. A relay that waits for its text all the same gets an empty one."""
        if code == 354:
            self.send(b".\r\n")
            self.getreply()
        if code == 421:
            self.close()
        else:
            self._rset()

    def data(self, msg: bytes) -> tuple[int, bytes]:
        self.handing_over = True
        answer = super().data(msg)
        self.handing_over = False
        return answer


class EncryptedConversation(Conversation, smtplib.SMTP_SSL):
    """The same over TLS from the first byte; its handshake ends by the socket timeout alone."""


class Backend(EmailBackend):
    """Django's own, with ``cut``, ``hand_over`` and ``handing_over``."""

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

    def hand_over(self, sender: str, to: str, message: bytes) -> None:
        """Send a finished message over the open connection."""
        self.connection.hand_over(sender, to, message)

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
