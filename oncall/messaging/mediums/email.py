"""E-mail over SMTP, as set by EMAIL_URL. Without it a message is kept, readable in the admin."""

import re
import smtplib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import EmailValidator

from oncall.messaging.deadline import deadline
from oncall.messaging.errors import DeliveryError, DomainError, LineDown, Unsure
from oncall.messaging.mediums.base import ATTEMPT_LIMIT_S, Letter, Odd, Receipt, fingerprint, our_host
from oncall.messaging.mediums.copies import Form
from oncall.messaging.render import clean_header, clean_text

_GOODBYE_LIMIT_S = 2.0
# What nearly all addresses look like: what it lets through, the full check lets through as it is.
_USUAL = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
_is_address = EmailValidator()


class Email:
    """The medium ``email``: text with an HTML alternative, over a connection that is kept while mails are due."""

    name = "email"
    label = "E-mail"
    hint = "An e-mail address"
    batch_size = 20
    bulk_size = 200
    changes = False

    def check_address(self, address: str) -> str:
        """One address, its domain in lower case. Commas and line ends would make it several, or a header."""
        if _USUAL.fullmatch(address):
            return address
        address = address.strip()
        try:
            _is_address(address)
        except ValidationError:
            raise DomainError("bad_address", "Enter one e-mail address, such as alice@example.com.") from None
        local, _, domain = address.rpartition("@")
        if len(address) > 254 or set(address) & set(',;:<>()[]"\\ \t\r\n'):
            raise DomainError("bad_address", "Enter one plain e-mail address, without a name or a comma.")
        return f"{local}@{domain.lower()}"

    def stable_id(self, key: str) -> str:
        return f"<{fingerprint(key)}@{our_host()}>"

    def form(self, *, subject: str, text: str, html: str, headers: Mapping[str, str]) -> Form:
        """A message that goes to many. Raises ``Odd`` where each must be written in full."""
        sender = settings.DEFAULT_FROM_EMAIL
        if not (settings.EMAIL_CONFIGURED and sender.isascii()):
            raise Odd(sender)
        return Form(subject=subject, text=text, html=html, headers=headers, sender=sender)

    @contextmanager
    def line(self) -> Iterator["EmailLine"]:
        line = EmailLine()
        try:
            yield line
        finally:
            line.close()


class EmailLine:
    """One SMTP connection, opened when first needed and again after it broke."""

    def __init__(self) -> None:
        self.backend: BaseEmailBackend | None = None

    def send(self, letter: Letter) -> Receipt:
        """Hand the letter to the relay.

        4xx is temporary. 5xx about the recipient or the content is permanent, for this letter only. Whatever
        goes wrong before the relay has heard of the recipient is the relay's trouble (``LineDown``).
        """
        mail = compose(letter)
        if not settings.EMAIL_CONFIGURED:
            return Receipt(kept=True, text="No mail server is set (EMAIL_URL): the message is kept here.")
        return self._say(lambda backend: backend.send_messages([mail]))

    def send_copy(
        self, form: Form, *, address: str, stable_id: str, values: Mapping[str, object], at: datetime
    ) -> Receipt:
        """Hand over one copy of what goes to many; as ``send``, and ``Odd`` where it must be written in full."""
        to = Email().check_address(address)
        mail = form.fill(to=to, stable_id=stable_id, values=values, at=at)
        self.backend = self.backend or get_connection()
        if not hasattr(self.backend, "hand_over"):
            raise Odd("not our backend")
        return self._say(lambda backend: backend.hand_over(form.sender, to, mail))

    def _say(self, say: Callable[[BaseEmailBackend], object]) -> Receipt:
        """Over the open connection, or a new one where the relay has closed that since the last letter."""
        backend = self.backend = self.backend or get_connection()
        # Tests put Django's in-memory backend here, which has nothing to cut.
        with deadline(ATTEMPT_LIMIT_S, getattr(backend, "cut", lambda: None)) as passed:
            kept = not self._open(backend)
            error = _error_of(say, backend)
            if error and kept and not passed.is_set() and _was_closed(backend, error):
                backend.drop()
                self._open(backend)
                error = _error_of(say, backend)
            if error:
                raise self._failure(backend, error, late=passed.is_set()) from error
        return Receipt(code="250", text="Accepted by the mail server.")

    def _open(self, backend: BaseEmailBackend) -> bool:
        """Whether a new connection was needed."""
        try:
            return backend.open() is not False
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            code, text = _reply(error)
            raise LineDown(f"The mail server cannot be used: {text}", code=code) from error

    def _failure(self, backend: BaseEmailBackend, error: Exception, *, late: bool) -> DeliveryError:
        code, text = _reply(error)
        if not code or code == "421":  # 421: the relay closes the channel
            unsure = not code and getattr(backend, "handing_over", False)
            self._drop()
            if late:
                text = f"no answer within {ATTEMPT_LIMIT_S:.0f} s"
            kind = Unsure if unsure else DeliveryError
            return kind(f"The connection to the mail server broke: {text}", code=code)
        if isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPHeloError):
            return LineDown(f"The mail server refuses to send for us: {text}", code=code)
        return DeliveryError(f"The mail server refused: {text}", permanent=code.startswith("5"), code=code)

    def _drop(self) -> None:
        backend, self.backend = self.backend, None
        if hasattr(backend, "drop"):
            backend.drop()

    def close(self) -> None:
        """Say good-bye; a relay that does not answer to that has already taken everything."""
        if self.backend is None:
            return
        cut = getattr(self.backend, "cut", lambda: None)
        with suppress(OSError, smtplib.SMTPException), deadline(_GOODBYE_LIMIT_S, cut):
            self.backend.close()


def _error_of(say: Callable[[BaseEmailBackend], object], backend: BaseEmailBackend) -> Exception | None:
    try:
        say(backend)
    except (OSError, smtplib.SMTPException) as error:
        return error
    return None


def _was_closed(backend: BaseEmailBackend, error: Exception) -> bool:
    """Whether the relay ended a connection that had served before, without having heard of a message."""
    return _reply(error)[0] in ("", "421") and not getattr(backend, "handing_over", True)


def _reply(error: Exception) -> tuple[str, str]:
    """The SMTP reply code (or "") and text within an error of smtplib."""
    code, text = getattr(error, "smtp_code", ""), getattr(error, "smtp_error", b"")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    if isinstance(error, smtplib.SMTPNotSupportedError):
        code, text = 550, str(error)  # the address needs what this relay lacks: trying again will not help
    if code in ("", -1):
        return "", clean_header(str(error) or type(error).__name__)
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return str(code), clean_header(f"{code} {text}", limit=500)


def compose(letter: Letter) -> EmailMultiAlternatives:
    """The mail as it goes out. Raises ``DomainError`` for an address that is none."""
    mail = EmailMultiAlternatives(
        subject=clean_header(letter.subject),
        body=clean_text(letter.text),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[Email().check_address(letter.address)],
        headers={
            **{name: clean_header(value, limit=900) for name, value in letter.headers.items()},
            "Message-ID": letter.stable_id,
            "Auto-Submitted": "auto-generated",
        },
    )
    if letter.html:
        mail.attach_alternative(clean_text(letter.html), "text/html")
    return mail
