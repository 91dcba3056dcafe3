import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

from config import health, pulse
from config.models import PulseLine
from oncall.models import Page, User

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def beating(monkeypatch):
    """One urgent line that last succeeded so many seconds ago."""

    def beat(seconds_ago=1, **changes):
        lines = [pulse.Line("test.urgent", SECOND, lambda *, now: 0, "Tests.")]
        monkeypatch.setattr(pulse, "LINES", lines)
        ok_at = NOW - seconds_ago * SECOND
        return PulseLine.objects.create(name="test.urgent", due_at=NOW, ok_at=ok_at, **changes)

    monkeypatch.setattr(health.clock, "now", lambda: NOW)
    monkeypatch.setattr(health, "_within", lambda limit_s, ask, now: ask(now))
    return beat


def wait_for_a_step(since):
    return Page.objects.create(title="Checkout is down", created_at=since, next_step_at=since)


def test_alive_asks_no_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_ready_when_the_pulse_beats_and_nothing_waits(client, beating):
    beating()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.content) == (200, b"ready\n")


def test_not_ready_when_the_pulse_is_old(client, beating):
    beating(seconds_ago=31)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.content) == (503, b"not ready\n")


def test_not_ready_when_the_pulse_has_never_beaten(client, beating):
    beating()
    PulseLine.objects.all().delete()

    assert client.get("/readyz").status_code == 503


def test_not_ready_when_a_page_waits_although_the_pulse_beats(client, beating):
    beating()
    wait_for_a_step(since=NOW - 61 * SECOND)

    assert client.get("/readyz").status_code == 503


def test_not_ready_until_migrations_are_applied(client, beating, monkeypatch):
    beating()
    monkeypatch.setattr(health._seen_applied, "is_set", lambda: False)
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: ["0002_more"])

    assert client.get("/readyz").status_code == 503


def test_migrations_are_read_once(client, beating, monkeypatch):
    beating()
    client.get("/readyz")
    monkeypatch.setattr(health, "MigrationExecutor", None)

    assert client.get("/readyz").status_code == 200


def test_a_failing_slow_line_degrades_only(admin_client, beating):
    beating()
    PulseLine.objects.create(name="test.slow", due_at=NOW, error="ValueError: a bug", failing_since=NOW)

    answer = admin_client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["degraded"] == ["test.slow fails since 12:00 UTC: ValueError: a bug"]


def test_redis_down_degrades_only(admin_client, beating, settings):
    beating()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    answer = admin_client.get("/readyz")

    assert answer.status_code == 200
    assert "the engine works alone" in answer.json()["degraded"][0]


def test_staff_read_why(admin_client, beating):
    beating(seconds_ago=90)

    assert "90 s ago" in admin_client.get("/readyz").json()["problems"][0]


def test_people_without_rights_read_one_word(client, beating):
    beating(seconds_ago=90)
    client.force_login(User.objects.create(username="carol"))

    assert client.get("/readyz").content == b"not ready\n"


def test_a_database_that_fails_is_not_ready(client, monkeypatch):
    def away(limit_s, ask, now):
        raise OperationalError("connection refused")

    monkeypatch.setattr(health, "_within", away)

    assert client.get("/readyz").status_code == 503


def test_a_database_that_hangs_holds_the_answer_a_second_at_most(client, monkeypatch):
    monkeypatch.setattr(health, "PROBE_S", 0.05)
    monkeypatch.setattr(health, "readiness", lambda now: time.sleep(0.4))

    began = time.monotonic()
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert time.monotonic() - began < 0.35


def test_metrics_for_this_machine(client, beating):
    beating(seconds_ago=2)
    wait_for_a_step(since=NOW - 5 * SECOND)

    text = client.get("/metrics").content.decode()

    assert 'muster_open_pages{state="active"} 1\n' in text
    assert 'muster_oldest_due_seconds{queue="pages"} 5\n' in text
    assert "muster_pulse_age_seconds 2\n" in text


def test_metrics_are_closed_to_others(client):
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.7").status_code == 403


def test_metrics_behind_a_proxy_are_closed_without_the_token(client, settings):
    settings.TRUSTED_PROXIES = 1

    assert client.get("/metrics").status_code == 403


def test_metrics_open_to_the_token(client, beating, settings):
    beating()
    settings.METRICS_TOKEN = "a-long-word"

    answer = client.get(
        "/metrics", REMOTE_ADDR="203.0.113.7", headers={"Authorization": "Bearer a-long-word"}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "ä"])
def test_metrics_closed_to_a_wrong_token(client, settings, token):
    settings.METRICS_TOKEN = "a-long-word"

    answer = client.get("/metrics", REMOTE_ADDR="203.0.113.7", HTTP_AUTHORIZATION=f"Bearer {token}")

    assert answer.status_code == 403


def test_labels_are_escaped():
    assert health._escaped('a"b\\c\nd') == r"a\"b\\c\nd"
