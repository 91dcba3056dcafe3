"""What every test stands on: a database that was migrated once and is copied."""

import os

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import databases

# A busy machine is no fault of the code: no time is asserted, and the same examples are tried everywhere.
hypothesis_settings.register_profile(
    "muster", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("muster")

COMMITTING = {"transactional_db", "live_server", "django_db_reset_sequences"}


def pytest_addoption(parser):
    parser.addoption(
        "--database-only",
        action="store_true",
        help="leave out the tests that ask no database: they say the same on every one",
    )


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.get_closest_marker("flow") or item.get_closest_marker("browser"):
            # What starts processes for a whole module starts them once: one of pytest's workers plays it all.
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    if config.getoption("--database-only"):
        kept = [item for item in items if _asks_a_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


def _asks_a_database(item) -> bool:
    """Whether a test asks the database of the suite; a whole portal has one of its own and says so by name."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("flow"):
        return "postgres" in fixtures or "postgresql" in item.name
    if item.get_closest_marker("browser"):  # what a page looks like is no matter of the database
        return False
    return bool({"db", *COMMITTING} & fixtures or item.get_closest_marker("django_db"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """Begin with a copy of the template; what Django then has left to migrate is nothing."""
    test = settings.DATABASES["default"].setdefault("TEST", {})
    if connection.vendor == "postgresql":
        test["TEMPLATE"] = databases.postgres_template(os.environ["TEST_DATABASE_URL"])
    else:
        databases.copy_sqlite(test["NAME"])


@pytest.fixture(scope="session")
def django_db_keepdb(request):
    """On SQLite the file is in a folder of this run already, so keep it."""
    return connection.vendor == "sqlite" or request.config.getvalue("reuse_db")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Every content type is known from the start, so that no test's queries depend on the tests before it."""
    with django_db_blocker.unblock():
        ContentType.objects.get_for_models(*apps.get_models())


@pytest.fixture(scope="session")
def pristine(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        return databases.Pristine(connection)


# Django would empty two hundred tables by a command that takes seconds. Ours makes them what they were.
TransactionTestCase._fixture_teardown = lambda self: None


KEEPER = pytest.StashKey()


@pytest.fixture(autouse=True)
def shipped_rows(request):
    """What migrations ship survives tests that commit: pytest's workers may run any test after one of them."""
    marker = request.node.get_closest_marker("django_db")
    if (marker and marker.kwargs.get("transaction")) or COMMITTING & set(request.fixturenames):
        blocker = request.getfixturevalue("django_db_blocker")
        request.node.stash[KEEPER] = request.getfixturevalue("pristine"), blocker


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """Only when every fixture has ended is the database put back, whatever the order in which they began."""
    ended = yield
    if KEEPER in item.stash and nextitem is not None:  # after the last test the database is gone
        keeper, blocker = item.stash[KEEPER]
        with blocker.unblock():
            keeper.put_back()
    return ended
