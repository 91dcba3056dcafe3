from datetime import UTC, datetime, timedelta

import pytest

from oncall.models import User
from statuspage import forms, publishing, snapshots
from statuspage.models import Component, StatusPage, Subscriber
from tests.messaging.sinks import hook_sink

OWNER = "platform@shop.example"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_failed(monkeypatch):
    """No page waits because rendering it failed in an earlier test."""
    monkeypatch.setattr(snapshots, "_failed_at", {})


@pytest.fixture
def at():
    """The instant of a wall clock time on the day of the tests, UTC."""

    def instant(clock: str = "12:00", days: int = 0) -> datetime:
        hour, minute = clock.split(":")
        return NOON.replace(hour=int(hour), minute=int(minute)) + timedelta(days=days)

    return instant


@pytest.fixture
def alice(db):
    """She may publish."""
    return User.objects.create_superuser("alice", email="alice@example.com", password="pw")


@pytest.fixture
def carol(db):
    """She may look into the portal, and no more."""
    return User.objects.create_user("carol", email="carol@example.com", password="pw", is_staff=True)


@pytest.fixture
def page(db):
    page = StatusPage.main()
    page.name = "Northwind Pay"
    page.save()
    return page


@pytest.fixture
def payments(page):
    return Component.objects.create(slug="payments", name="Payments", is_group=True)


@pytest.fixture
def cards(payments):
    return Component.objects.create(slug="cards", name="Card payments", parent=payments, position=1)


@pytest.fixture
def wallets(payments):
    return Component.objects.create(slug="wallets", name="Wallets", parent=payments, position=2)


@pytest.fixture
def subscriber(page):
    """Make confirmed subscribers: ``subscriber("dave@shop.example", cards)``."""

    def make(address="dave@shop.example", *components, **facts):
        facts = {"state": "active", "confirmed_at": NOON - timedelta(days=9), **facts}
        row = Subscriber.objects.create(
            address=address, everything=not components, created_at=NOON - timedelta(days=9), **facts
        )
        row.components.set(components)
        return row

    return make


@pytest.fixture
def post(cards, alice, at):
    return publishing.publish(
        name="Card payments failing",
        body="We are looking into it.",
        components={cards: "major_outage"},
        by=alice,
        at=at("12:00"),
    )


@pytest.fixture
def sign_up(client, at):
    """Fill in the form as a person does, who needs some seconds: ``sign_up(email="dave@shop.example")``."""

    def post(path="/subscribe/", headers=None, **typed):
        return client.post(path, {"made": forms.stamp(at("12:29")), **typed}, headers=headers)

    return post


@pytest.fixture
def sink(settings):
    """A receiver that the operator permits although it is on the loopback; ``sink.url`` is its address."""
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    with hook_sink() as (sink, port):
        sink.url = f"http://127.0.0.1:{port}/hooks/status"
        yield sink


@pytest.fixture
def hooked(subscriber, sink):
    """A confirmed webhook: ``hooked(cards)``."""
    return lambda *components, **facts: subscriber(
        sink.url, *components, **{"channel": "webhook", "owner": OWNER, **facts}
    )
