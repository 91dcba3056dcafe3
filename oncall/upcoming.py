"""Who is paged next, and when: one computation for the mail, the answer page and the console.

A forecast: people are looked up for the time of the step, as the schedules stand now.
"""

from dataclasses import dataclass
from datetime import datetime

from oncall import plans, targets
from oncall.models import Page, PageEvent, User
from oncall.plans import Plan
from oncall.targets import Found


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
    plan = plans.read(page.plan)
    before = set(page.notified.filter(cycle=page.cycle, loop=page.loop).values_list("user_id", flat=True))
    for step in range(page.step, len(plan.steps)):
        found = targets.look_up(plan.steps[step].targets, at=page.next_step_at)
        people = tuple(user for user in found.people if user.pk not in before)
        if people or found.webhooks:
            return Upcoming(page.next_step_at, _paged(people, found.webhooks, page.loop), people)
    if page.step >= len(plan.steps):
        return Upcoming(page.next_step_at, *_after_the_steps(page, plan, before))
    return Upcoming(pass_ends_at(page, plan, page.next_step_at), *_after_the_steps(page, plan, before))


def pass_ends_at(page: Page, plan: Plan, at: datetime) -> datetime:
    """When a pass is over whose last steps reach nobody new: not before those reached have had their time."""
    reached = page.events.filter(kind__in=[PageEvent.Kind.PAGED, PageEvent.Kind.WEBHOOK])
    latest = reached.order_by("-pk").values_list("at", flat=True).first()
    return max(at, latest + plan.pass_wait) if latest else at


def _paged(people: tuple[User, ...], webhooks: list[str], loop: int) -> str:
    names = [str(user) for user in people] or [f"{len(webhooks)} webhook{'s' * (len(webhooks) > 1)}"]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    again = " again" if loop and people else ""
    return f"{listed} {'is' if len(names) == 1 else 'are'} paged{again}"


def _after_the_steps(page: Page, plan: Plan, before: set[int]) -> tuple[str, tuple[User, ...]]:
    if before and page.loop < plan.repeat and page.step < len(plan.steps):
        return "everybody is paged again, from the first step", ()
    for found in _last_resorts(page):
        people = tuple(user for user in found.people if user.pk not in before)
        if people:
            return f"{_paged(people, [], 0)}, as the last resort", people
    return "nobody is left to page", ()


def _last_resorts(page: Page) -> list[Found]:
    admins = [] if page.reached_anybody else [targets.team_admins(page.team)]
    return [*admins, targets.catch_all()]
