"""How often one person is disturbed over one medium: later messages wait a little and then go as one.

A limit delays and never drops, and it says so: the delivery keeps ``held_until``. Nothing is held twice, and a
message about something the person was not told of lately waits for nobody. Pure: no ORM, no clock.
Source: field/oncall.md rules 29 and 30, field/reliability.md P27 and P28.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

BURST_WINDOW = timedelta(seconds=30)
#: Priorities below this are urgent: no message that is not urgent ever holds one up.
QUIET = 5


@dataclass(frozen=True)
class Limit:
    """``pause``: after a message about something, more about the same wait so long since then.

    ``burst``: so many messages, about whatever, within ``BURST_WINDOW``.
    """

    pause: timedelta
    burst: int


#: Programs are not disturbed. A voice call takes a minute itself; a telephone that rings without end is put away.
LIMITS: dict[str, Limit | None] = {
    "webhook": None,
    "voice": Limit(timedelta(minutes=2), 1),
    "sms": Limit(timedelta(minutes=1), 3),
}
USUAL = Limit(timedelta(seconds=30), 5)


def of(medium: str) -> Limit | None:
    """The limit of a medium; None where there is none."""
    return LIMITS.get(medium, USUAL)


@dataclass(frozen=True)
class Told:
    """One message that the person got: what about, how urgent, when, and whether it was one by itself.

    What went along in another's bundle tells of its subject but is no message of its own.
    """

    about: str
    priority: int
    at: datetime
    alone: bool = True


def release_at(
    about: str, priority: int, told: Iterable[Told], *, limit: Limit, at: datetime
) -> datetime | None:
    """When a message about something may go to a person who was told all that; None: at once."""
    heard = [one for one in told if priority >= QUIET or one.priority < QUIET]
    same = [one.at + limit.pause for one in heard if about and one.about == about]
    burst = sorted(one.at for one in heard if one.alone and one.at > at - BURST_WINDOW)
    crowded = [burst[-limit.burst] + BURST_WINDOW] if len(burst) >= limit.burst else []
    release = max(same + crowded, default=at)
    return release if release > at else None
