"""What breaks on the way: nothing is lost, nobody's hand is needed, and what goes out twice says so."""

import os
import time

import psycopg
import pytest

from tests.flow.portal import Portal, Relay, portal, until

pytestmark = pytest.mark.flow

#: With TEST_SLOW=1 leases run out by themselves; else a minute is made to pass in the database.
SLOW = os.environ.get("TEST_SLOW") == "1"


@pytest.fixture(params=["sqlite", "postgresql"])
def made(request, relay):
    """A migrated portal on each database, without processes."""
    database = {"DATABASE_URL": request.getfixturevalue("postgres")} if request.param == "postgresql" else {}
    with portal(EMAIL_URL=relay.url, **database) as fresh:
        yield fresh


def let_leases_run_out(made: Portal) -> None:
    if not SLOW:
        made.end_leases()


def attempts(made: Portal) -> str:
    return made.python("""
        from oncall.messaging.models import Attempt

        print(*Attempt.objects.order_by("n").values_list("outcome", flat=True))
        """).strip()


def recipients(relay: Relay) -> list[str]:
    return sorted(mail["To"] for _, mail in list(relay.accepted))


def test_an_engine_killed_in_mid_conversation_repeats_the_same_message(made, relay):
    made.send_mails(1)
    relay.hold.set()
    engine = made.engine("first")
    until(lambda: relay.seen, what="the conversation")

    engine.kill()
    killed_s = time.monotonic()
    relay.hold.clear()
    let_leases_run_out(made)
    made.engine("second")

    until(lambda: len(relay.seen) == 2 and relay.accepted, within_s=70, what="the message again")
    assert time.monotonic() - killed_s <= 70
    assert len({mail["Message-ID"] for mail in relay.seen}) == 1
    until(lambda: attempts(made) == "unknown accepted", what="both attempts in the books")


def test_three_engines_send_each_message_once(made, relay):
    made.send_mails(90)

    for name in ("one", "two", "three"):
        made.engine(name)

    until(lambda: len(set(recipients(relay))) == 90, 40, what="all mails")
    assert len(recipients(relay)) == 90


def test_connections_cut_under_load_need_no_hand(relay, postgres):
    with portal(EMAIL_URL=relay.url, DATABASE_URL=postgres) as made:
        up = made.up()
        until(made.is_ready, what="a pulse")
        made.send_mails(120)

        for _ in range(8):
            cut_connections(postgres)
            time.sleep(0.25)  # a load, not an order: the database comes and goes meanwhile
        let_leases_run_out(made)

        until(lambda: len(set(recipients(relay))) == 120, 60, what="all mails")
        until(made.is_ready, 40, what="readiness without a hand")
        assert up.is_alive()
        assert "starting again" not in made.told("up")


def cut_connections(url: str) -> None:
    """End every connection to a database but our own, as a restart does."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as operator:
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
