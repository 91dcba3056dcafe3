from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from oncall.clock import resolve

BERLIN, NEW_YORK, LORD_HOWE = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"))


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        ("2026-01-15T09:00", BERLIN, "2026-01-15T08:00"),
        ("2026-03-29T02:00", BERLIN, "2026-03-29T01:00"),
        ("2026-03-29T02:30", BERLIN, "2026-03-29T01:00"),
        ("2026-03-29T03:00", BERLIN, "2026-03-29T01:00"),
        ("2026-10-25T02:30", BERLIN, "2026-10-25T00:30"),
        ("2026-10-25T03:00", BERLIN, "2026-10-25T02:00"),
        ("2026-03-08T02:59:59", NEW_YORK, "2026-03-08T07:00"),
        ("2026-10-04T02:15", LORD_HOWE, "2026-10-03T15:30"),
    ],
)
def test_a_wall_clock_time_is_the_first_instant_that_shows_it_or_later(wall, zone, instant):
    resolved = resolve(datetime.fromisoformat(wall), zone)

    assert resolved == datetime.fromisoformat(instant).replace(tzinfo=UTC)
