"""Who is paged next, and when: one computation for the mail, the answer page and the console.

A forecast: the course that the engine will follow, asked for the time of the step, as the schedules stand now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from oncall import course, plans, standing
from oncall.course import Stop
from oncall.models import Page, User

#: A forecast goes through as many waits that page nobody before it gives up.
LOOKS = 10


@dataclass(frozen=True)
class Upcoming:
    """The next thing that a page does by itself. ``what`` continues "at 08:47 …"."""

    at: datetime
    what: str
    people: tuple[User, ...] = ()


def upcoming(page: Page) -> Upcoming | None:
    """What happens at ``page.next_step_at``; None when nothing will (answered, exhausted, over)."""
    if page.next_step_at is None:
        return None
    if page.state == Page.State.SNOOZED:
        return Upcoming(page.next_step_at, "the snooze ends and paging begins again")
    if page.held_for == Page.Hold.MAINTENANCE:
        return Upcoming(page.next_step_at, "the maintenance ends and paging begins at the first step")
    plan, asks = plans.read(page.plan), standing.directory(page)
    stands, at = standing.of(page), page.next_step_at
    for _ in range(LOOKS):
        ahead = course.advance(plan, stands, urgency=page.urgency, at=at, asks=asks)
        if ahead.fired:
            resort = ", as the last resort" if ahead.fired.step >= len(plan.steps) else ""
            return Upcoming(at, _paged(ahead.fired) + resort, _people(ahead.fired))
        if ahead.next_at is None:
            return Upcoming(at, "nobody is left to page")
        stands, at = ahead.standing, ahead.next_at
    return Upcoming(at, "the next step comes")


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
