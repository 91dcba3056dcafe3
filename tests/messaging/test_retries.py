import pytest

from oncall.messaging.retries import wait_s


@pytest.mark.parametrize(
    ("attempt", "wait"), [(1, 10), (2, 30), (3, 60), (4, 120), (5, 300), (6, 300), (99, 300)]
)
def test_a_page_waits_longer_each_time_up_to_five_minutes(attempt, wait):
    assert wait_s("page", attempt) == wait


def test_bulk_waits_up_to_an_hour():
    assert [wait_s("bulk", attempt) for attempt in range(1, 7)] == [60, 300, 900, 1800, 3600, 3600]


def test_waits_are_spread_by_a_fifth_either_way():
    assert wait_s("page", 1, chance=0) == 8
    assert wait_s("page", 1, chance=0.999) == pytest.approx(12, abs=0.1)


def test_a_provider_gets_the_time_it_asks_for_up_to_15_minutes():
    assert wait_s("page", 1, retry_after_s=120) == 120
    assert wait_s("page", 1, retry_after_s=86_400) == 900
    assert wait_s("page", 5, retry_after_s=1) == 300
