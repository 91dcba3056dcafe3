"""An alert's whole life through real processes, on each of the ways to run."""

import pytest

from tests.flow.portal import portal, until
from tests.flow.story import Story, found_company

pytestmark = pytest.mark.flow


def test_embedded(relay):
    with portal(EMAIL_URL=relay.url) as made:
        made.up()
        found_company(made)

        Story(made, relay).tell()


def test_on_postgresql(relay, postgres):
    with portal(EMAIL_URL=relay.url, DATABASE_URL=postgres) as made:
        made.up()
        found_company(made)

        Story(made, relay).tell()


def test_with_celery_alone(relay, postgres, redis):
    with portal(EMAIL_URL=relay.url, DATABASE_URL=postgres, REDIS_URL=redis[0]) as made:
        made.up("--no-engine")
        found_company(made)
        made.celery()
        until(made.is_ready, 60, "a pulse from Celery", lambda: made.told("worker"))

        Story(made, relay).tell()


def test_with_redis_stopped_half_way(relay, postgres, redis):
    address, server = redis
    with portal(EMAIL_URL=relay.url, DATABASE_URL=postgres, REDIS_URL=address) as made:
        made.up()
        found_company(made)
        made.celery()
        until(lambda: b"ready" in made.processes["worker"].log.read_bytes(), 60, what="Celery's worker")

        Story(made, relay).tell(half_way=server.kill)
