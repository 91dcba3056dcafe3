"""Who watches the watchers: the auditor, its silence, the outside watchdog and the canary."""

from datetime import UTC, datetime, timedelta

import pytest

from config import audit, health
from config.models import PulseLine
from incidents.models import AlertSource, StoredEvent
from oncall import canary, paging
from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import Page, User
from tests.messaging.sinks import hook_sink

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def ago(**length):
    return NOW - timedelta(**length)


@pytest.fixture
def watchdog(settings):
    """An outside watchdog on the loopback."""
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    with hook_sink() as (sink, port):
        settings.WATCHDOG_URL = f"http://127.0.0.1:{port}/ping"
        yield sink


def look(urgent=()):
    return audit.look(now=lambda: NOW, urgent=urgent)


def page_due(at):
    return Page.objects.create(title="Checkout is down", created_at=at, next_step_at=at)


def message_due(at, lane="page"):
    text = outbox.compose(purpose="page", subject="Down", text="Look", at=at)
    return outbox.send(text, medium="email", address="a@example.com", key="k", lane=lane, at=at)


def alert_due(at):
    source = AlertSource.objects.create(slug="prom", name="Prometheus", dialect="json")
    return StoredEvent.objects.create(source=source, dialect="json", received_at=at, due_at=at, body=b"{}")


def acknowledgement_due(at):
    return Page.objects.create(title="Down", created_at=at, state="acknowledged", unacknowledge_at=at)


# -- what lies ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("lies", [page_due, message_due, alert_due, acknowledgement_due])
def test_whatever_waits_for_more_than_a_minute_is_found(watchdog, lies):
    lies(ago(seconds=61))

    with pytest.raises(audit.Unclean, match="has waited 61 s"):
        look()

    assert not watchdog.requests


@pytest.mark.parametrize("lies", [page_due, message_due, alert_due, acknowledgement_due])
def test_what_is_due_just_now_is_no_fault(lies):
    lies(ago(seconds=59))

    assert look() == 0


def test_a_long_fan_out_to_subscribers_is_no_fault():
    message_due(ago(hours=1), lane="bulk")

    assert look() == 0


def test_an_engine_that_turns_but_does_nothing_is_found(watchdog):
    PulseLine.objects.create(
        name="oncall.advance_pages", due_at=NOW, ok_at=ago(seconds=31), error="no such column"
    )

    with pytest.raises(audit.Unclean, match="oncall.advance_pages has not succeeded lately: no such column"):
        look(["oncall.advance_pages"])

    assert not watchdog.requests


# -- the watchdog outside ----------------------------------------------------------------------------------
def test_the_watchdog_is_pinged_while_all_is_well(watchdog):
    assert look() == 1
    assert watchdog.requests[0][0].startswith(b"GET /ping ")


def test_a_watchdog_that_does_not_hear_us_is_said(watchdog):
    watchdog.answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    with pytest.raises(audit.Unclean, match="answers 404"):
        look()


def test_a_watchdog_in_our_own_network_is_not_gone_to_without_leave(settings):
    settings.WATCHDOG_URL = "http://127.0.0.1:1/ping"

    with pytest.raises(audit.Unclean, match="does not hear us"):
        look()


# -- its own silence ---------------------------------------------------------------------------------------
@pytest.fixture
def beating():
    for line in health.pulse.LINES:
        PulseLine.objects.create(name=line.name, due_at=NOW, ok_at=ago(seconds=1), ran_at=ago(seconds=1))
    return PulseLine.objects.filter(name=audit.NAME)


def test_while_the_auditor_looks_nothing_is_said(beating):
    assert health.readiness(NOW).is_ready
    assert health.pulse_state(NOW).is_well


def test_a_silent_auditor_makes_the_portal_unready(beating):
    beating.update(ran_at=ago(minutes=4))

    assert health.readiness(NOW).problems == ["The auditor has not looked for 240 s: nobody would notice."]


def test_the_silence_is_a_metric(beating, client, monkeypatch):
    beating.update(ran_at=ago(minutes=4))
    monkeypatch.setattr(health.clock, "now", lambda: NOW)

    assert "muster_audit_silent_seconds 240\n" in client.get("/metrics").text


# -- the canary --------------------------------------------------------------------------------------------
@pytest.fixture
def bird(settings):
    settings.CANARY_USER, settings.CANARY_EVERY = "canary", 900
    return User.objects.create(username="canary", email="canary@example.com")


def fly(at):
    return canary.fly(now=lambda: at)


def advance(at):
    paging.advance_due(now=lambda: at)
    outbox.deliver_due(now=lambda: at)


def test_without_a_name_no_canary_flies(db):
    assert fly(NOW) == 0
    assert not Page.objects.exists()


def test_the_canary_is_a_real_page_that_ends_when_it_has_arrived(bird):
    fly(NOW)
    advance(NOW + timedelta(seconds=2))
    fly(NOW + timedelta(seconds=10))

    assert Page.objects.get().state == "resolved"
    assert Delivery.objects.get().address == "canary@example.com"
    assert canary.flight(NOW).took == timedelta(seconds=2)


def test_the_next_canary_flies_after_its_time(bird):
    fly(NOW)
    advance(NOW)
    for minutes in (1, 14, 15, 15):
        fly(NOW + timedelta(minutes=minutes))

    assert Page.objects.count() == 2


def test_a_canary_that_does_not_arrive_is_said_and_not_sent_again(bird, beating):
    fly(ago(minutes=20))
    fly(NOW)

    assert Page.objects.count() == 1
    assert "The canary is under way for 1200 s" in " ".join(health.pulse_state(NOW).troubles)


def test_a_canary_that_is_nobody_is_said(settings):
    settings.CANARY_USER = "nobody"

    with pytest.raises(DomainError, match="is nobody here"):
        fly(NOW)
