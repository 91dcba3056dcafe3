"""What the flow tests run on: SQLite always; PostgreSQL and Redis where they are."""

import os
import shutil
from pathlib import Path

import pytest

from tests.flow.portal import Relay, database_of_its_own, redis_of_its_own


@pytest.fixture
def relay():
    with Relay() as started:
        yield started


@pytest.fixture
def postgres():
    """The address of a fresh PostgreSQL database."""
    server = os.environ.get("TEST_DATABASE_URL", "")
    if not server.startswith("postgres"):
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    with database_of_its_own(server) as url:
        yield url


@pytest.fixture
def redis(tmp_path: Path):
    """A Redis server of our own: (address, process)."""
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    with redis_of_its_own(tmp_path) as started:
        yield started
