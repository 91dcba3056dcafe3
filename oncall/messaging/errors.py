"""What can go wrong, in the two forms that edges know."""


class DomainError(Exception):
    """A refusal: a short ``code`` for programs and a sentence that tells a tired person what to do.

    The API answers it as 409 ``{"code", "detail"}``, the admin as a message.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class DeliveryError(Exception):
    """A medium could not hand a message over.

    ``permanent`` ends the delivery at once, otherwise it is tried again; ``code`` is the provider's own
    (an SMTP reply, an HTTP status), ``retry_after_s`` what the provider asked for.
    """

    def __init__(
        self, text: str, *, permanent: bool = False, code: str = "", retry_after_s: int | None = None
    ) -> None:
        super().__init__(text)
        self.text = text
        self.permanent = permanent
        self.code = code
        self.retry_after_s = retry_after_s


class LineDown(DeliveryError):
    """The medium as a whole cannot be reached, whoever the recipient is: the rest of a batch need not try."""


class Unsure(DeliveryError):
    """The line broke after the message was handed over and before it was confirmed: it may have arrived."""
