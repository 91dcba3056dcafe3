"""Who is paged next, and when: one computation for the mail, the answer page and the console.

A forecast: the course that the engine will follow, asked for the time of the step, as the schedules stand now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from oncall import course, plans, standing
from oncall.course import Standing, Stop
from oncall.models import Page, User
from oncall.plans import Plan

#: A forecast goes through as many waits that page nobody before it gives up.
LOOKS = 10


@dataclass(frozen=True)
class Upcoming:
    """One thing that a page does by itself. ``what`` continues "at 08:47 …"; ``step`` counts from 1."""

    at: datetime
    what: str
    people: tuple[User, ...] = ()
    step: int | None = None
    loop: int = 0


def upcoming(page: Page, stands: Standing | None = None) -> Upcoming | None:
    """What happens at ``page.next_step_at``; None when nothing will (answered, exhausted, over)."""
    return next(iter(ahead(page, count=1, stands=stands)), None)


def ahead(page: Page, *, count: int, stands: Standing | None = None) -> list[Upcoming]:
    """The next ``count`` things that the page does by itself unless somebody answers; fewer where it ends.

    Whoever knows where it ``stands`` spares the reading.
    """
    if page.next_step_at is None:
        return []
    if page.state == Page.State.SNOOZED:
        return [Upcoming(page.next_step_at, "the snooze ends and paging begins again")]
    if page.held_for == Page.Hold.MAINTENANCE:
        what = "the maintenance ends and paging begins at the first step"
        return [Upcoming(page.next_step_at, what)]
    plan, asks = plans.read(page.plan), standing.directory(page)
    stands, at = stands or standing.of(page), page.next_step_at
    found: list[Upcoming] = []
    for _ in range(LOOKS):
        going = course.advance(plan, stands, urgency=page.urgency, at=at, asks=asks)
        if going.fired:
            found.append(_said(plan, going.fired, at))
            asks.foresee(plan, going.fired)
        if going.next_at is None:
            return found if going.fired else [*found, Upcoming(at, "nobody is left to page")]
        if len(found) >= count:
            return found
        stands, at = going.standing, going.next_at
    return found or [Upcoming(at, "the next step comes")]


def _said(plan: Plan, stop: Stop, at: datetime) -> Upcoming:
    is_step = stop.step < len(plan.steps)
    what = _paged(stop) if is_step else f"{_paged(stop)}, as the last resort"
    return Upcoming(at, what, _people(stop), stop.step + 1 if is_step else None, stop.loop)


def listed(names: Iterable[str]) -> str:
    """``a, b and c``."""
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _people(stop: Stop) -> tuple[User, ...]:
    return tuple(reached.person for reached in stop.people)


def _paged(stop: Stop) -> str:
    count = len(stop.webhooks)
    names = [str(user) for user in _people(stop)] or [f"{count} webhook{'s' * (count > 1)}"]
    again = " again" if stop.loop and stop.people else ""
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} paged{again}"
