"""No link that acts for its holder stands in a log."""

import logging

import pytest

from config.logs import Discreet

SECRET = "Zm9vYmFyYmF6cXV4-_0123456789abcdef"


@pytest.mark.parametrize(
    "path",
    [
        f"/a/{SECRET}/",
        f"/u/{SECRET}/",
        f"/manage/{SECRET}/",
        f"/calendars/{SECRET}.ics",
        f"/heartbeats/{SECRET}",
        f"/in/alertmanager/{SECRET}",
    ],
)
def test_the_secret_part_of_an_address_is_taken_out(path):
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Not Found: %s", (path,), None)

    Discreet().filter(record)

    assert SECRET not in record.getMessage()
    assert record.getMessage().startswith("Not Found: /")


def test_other_lines_stay_as_they_are():
    record = logging.LogRecord("x", logging.INFO, "", 0, "Page %s of %s", (4, "/admin/"), None)

    Discreet().filter(record)

    assert record.getMessage() == "Page 4 of /admin/"


def test_every_handler_of_the_portal_is_discreet(settings):
    handlers = settings.LOGGING["handlers"].values()

    assert all("discreet" in handler["filters"] for handler in handlers)
