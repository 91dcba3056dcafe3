"""Pages that stand still are noticed."""

import pytest

from oncall import paging
from oncall.audit import report_overdue
from oncall.messaging.models import Delivery

pytestmark = pytest.mark.django_db


def report(at, clock: str) -> int:
    return report_overdue(now=lambda: at(clock))


def test_a_page_in_time_is_no_news(page, root, at):
    assert report(at, "10:02") == 0


def test_a_page_that_is_minutes_late_is_told_to_the_administrators_once_an_hour(page, root, at, caplog):
    assert [report(at, clock) for clock in ("10:04", "10:05", "11:00")] == [1, 1, 1]

    told = Delivery.objects.filter(message__purpose="notice")
    assert list(told.values_list("recipient", flat=True)) == ["root", "root"]
    assert "1 page should have gone on since 10:00 UTC" in caplog.text


def test_an_answered_page_is_not_late(page, alice, root, at):
    paging.acknowledge(page, by=alice, at=at("10:01"))

    assert report(at, "10:30") == 0
