from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from oncall.messaging import outbox
from oncall.messaging.mediums.base import Letter
from oncall.messaging.models import Delivery
from tests.messaging.sinks import HookSink, MailSink, hook_sink, mail_sink


class Clock:
    """A clock that stands until it is moved; called like ``oncall.clock.now``."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **delta: float) -> None:
        self.time += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def relay(settings) -> Iterator[MailSink]:
    """A mail server that Muster is set to use."""
    with mail_sink() as (sink, port):
        use_relay(settings, port)
        yield sink


def use_relay(settings, port: int) -> None:
    settings.EMAIL_CONFIGURED = True
    settings.EMAIL_BACKEND = "oncall.messaging.mediums.smtp.Backend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port


@pytest.fixture
def post(clock) -> Callable[..., Delivery | None]:
    """Put a mail to somebody into the outbox: ``post("alice", lane="page")``."""

    def put(
        name: str = "alice", *, subject: str = "Checkout is down", text: str = "Hello", **fields
    ) -> Delivery:
        message = outbox.compose(purpose="page", subject=subject, text=text, at=clock())
        fields = {"medium": "email", "address": f"{name}@example.com", "recipient": name, **fields}
        return outbox.send(message, **{"key": f"key-{name}", "at": clock(), **fields})

    return put


@pytest.fixture
def letter(clock) -> Callable[..., Letter]:
    """A page to alice as a medium gets it: ``letter("U024BE7LH", subject="…")``."""

    def write(address: str, **fields) -> Letter:
        values = {
            "link": "https://muster.example.com/a/secret-of-the-link-0123456789ab/",
            "page": "7",
            "step": "1",
            "urgency": "high",
            "verbs": "acknowledge escalate resolve",
        }
        told = {
            "recipient": "alice",
            "purpose": "page",
            "subject": "[SEV1] Checkout: Card payments fail (INC-47)",
            "text": "The text of the mail",
            "brief": "Unless somebody answers before 11:05 (Berlin), Bob is paged.",
            "html": "",
            "headers": {},
            "stable_id": "0123456789abcdef",
            "written_at": clock(),
            "sent_at": clock(),
        }
        return Letter(address=address, values={**values, **fields.pop("values", {})}, **{**told, **fields})

    return write


@pytest.fixture
def answered(letter) -> Callable[..., Letter]:
    """The letter that changes ``letter(address)`` once bob has acknowledged."""

    def write(address: str, provider_id: str, **fields) -> Letter:
        return letter(
            address,
            text="Bob acknowledged · 11:03 (Berlin)",
            brief="",
            purpose="follow_up",
            values={"verbs": "resolve escalate"},
            original=letter(address),
            provider_id=provider_id,
            **fields,
        )

    return write


@pytest.fixture
def deliver(clock) -> Callable[[], int]:
    """Run the pulse's line once."""
    return lambda: outbox.deliver_due(now=clock)


@pytest.fixture
def hook(settings) -> Iterator[tuple[HookSink, str]]:
    """A webhook receiver on the loopback that the operator has permitted, and its address."""
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    with hook_sink() as (sink, port):
        yield sink, f"http://127.0.0.1:{port}/in?a=1"
