"""The one place that reads the clock, and the one place that turns wall clocks into instants.

A *wall* value is naive: what a clock on the wall of a zone shows. An *instant* is aware, in UTC.
Source of the rules: ``field/oncall.md`` section 3.1.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name, read once: the library looks through the system's files each time it is asked."""
    return frozenset(available_timezones())


def resolve(naive: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock of ``zone`` has shown ``naive`` or later.

    A time that happens twice is its first occurrence; a time that is skipped is the end of the gap.
    It is monotone (``a <= b`` gives ``resolve(a) <= resolve(b)``), so a chain of local boundaries becomes
    a chain of half-open intervals that neither gap nor overlap.
    """
    if naive.fold:
        naive = naive.replace(fold=0)
    offset = zone.utcoffset(naive)
    instant = EPOCH + (naive - NAIVE_EPOCH - offset)  # three times as fast as replace and astimezone
    if instant.astimezone(zone).utcoffset() != offset:
        return _end_of_gap(naive, zone)
    return instant


def wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock of ``zone`` shows at ``instant``, naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def high_water(instant: datetime, zone: ZoneInfo) -> datetime:
    """The latest time, naive, that the clock of ``zone`` has shown up to ``instant``.

    It stands still while a clock that was put back repeats an hour. Everywhere else it is ``wall``. For
    every naive ``n``: ``high_water(u, zone) >= n`` exactly when ``u >= resolve(n, zone)``, so questions
    about one instant are plain naive arithmetic.
    """
    local = instant.astimezone(zone)
    if not local.fold:
        return local.replace(tzinfo=None)
    return _wall_before_set_back(instant.astimezone(UTC), local, zone)


def _end_of_gap(naive: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the jump that skips ``naive``, found by halving.

    PEP 495 brackets it: the offset after the jump (fold=1) gives an instant before it, the offset before
    the jump (fold=0) one after it. Jumps happen on whole seconds.
    """
    before = naive.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(microsecond=0)
    after = naive.replace(tzinfo=zone, fold=0).astimezone(UTC).replace(microsecond=0) + SECOND
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if wall(middle, zone) >= naive:
            after = middle
        else:
            before = middle
    return after


def _wall_before_set_back(instant: datetime, local: datetime, zone: ZoneInfo) -> datetime:
    """The last time shown before the clock was put back to the hour that ``local`` repeats."""
    repeated = local.replace(fold=0).utcoffset() - local.utcoffset()
    before, after = (instant - repeated).replace(microsecond=0), instant
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if middle.astimezone(zone).utcoffset() == local.utcoffset():
            after = middle
        else:
            before = middle
    set_back = after.replace(microsecond=0)
    return wall(set_back - TICK, zone)
