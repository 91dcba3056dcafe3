"""When people come on call in place of others: the hand-overs of a schedule. Pure.

A hand-over is an instant at which somebody comes on call who was not so before. Who comes back after a stretch
with nobody on call was relieved by nobody, so that is none: office hours in turns of a week have one hand-over in
each week and not seven.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from oncall import clock, rotation

#: A longer stretch with nobody on call hides who had it before.
LOOKS_BACK = timedelta(days=31)
#: In steps, since most schedules hand over within a week.
LOOKS_AHEAD = (timedelta(days=8), timedelta(days=40), timedelta(days=400))


@dataclass(frozen=True)
class Relief:
    """One hand-over: usernames of those who had it since the one before, and of those who come on."""

    at: datetime
    before: tuple[str, ...]
    coming: tuple[str, ...]


def reliefs(segments: Iterable[rotation.Segment]) -> Iterator[Relief]:
    """The hand-overs within neighbouring segments; whoever is on call when they begin came on before."""
    last: tuple[str, ...] = ()
    held: dict[str, None] = {}
    for number, segment in enumerate(segments):
        coming = tuple(name for name in segment.people if name not in last)
        if coming and number:
            yield Relief(segment.start, tuple(n for n in held if n not in coming) or tuple(held), coming)
            held = {}
        held |= dict.fromkeys(segment.people)
        last = segment.people or last


def after(plan: rotation.Schedule, at: datetime) -> Relief | None:
    """The first hand-over after an instant; None where none comes within 400 days."""
    for ahead in LOOKS_AHEAD:
        for relief in reliefs(rotation.final(plan, at - LOOKS_BACK, at + ahead)):
            if relief.at > at:
                return relief
    return None


def between(plan: rotation.Schedule, since: datetime, until: datetime) -> Relief | None:
    """All hand-overs after ``since`` up to and with ``until`` as one, for those still on call; None without any.

    After a long stop nobody is told of turns that came and went meanwhile.
    """
    segments = rotation.final(plan, since - LOOKS_BACK, until + clock.TICK)
    missed = [relief for relief in reliefs(segments) if relief.at > since]
    if not missed:
        return None
    had_it = _on_before(segments, missed[0].at)
    coming = tuple(name for name in segments[-1].people if name not in had_it)
    return Relief(missed[-1].at, missed[0].before, coming) if coming else None


def holding(plan: rotation.Schedule, at: datetime) -> tuple[str, ...]:
    """Who is on call at an instant, or was so last."""
    segments = rotation.final(plan, at - LOOKS_BACK, at + clock.TICK)
    return next((segment.people for segment in reversed(segments) if segment.people), ())


def _on_before(segments: list[rotation.Segment], at: datetime) -> tuple[str, ...]:
    earlier = [segment for segment in segments if segment.start < at and segment.people]
    return earlier[-1].people if earlier else ()
