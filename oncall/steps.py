"""Taking one step: who is reached from here, what is written down, what comes after.

A page waits at a *position*: one of its plan's steps, or one of the two last resorts after them: the team's admins
(only when nobody was reached), then the portal's catch-all. A position that reaches nobody new is passed at once,
loudly. What a position causes is written in one transaction; messages leave later, from the outbox.
Source: field/oncall.md section 5, rules 6 to 16.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from oncall import contacts, messages, plans, targets
from oncall.contacts import Way
from oncall.messaging import doorbell
from oncall.models import Notified, Page, PageEvent, User
from oncall.page_events import move, record
from oncall.plans import Plan
from oncall.targets import Found
from oncall.upcoming import pass_ends_at

logger = logging.getLogger(__name__)
Kind, State = PageEvent.Kind, Page.State


@dataclass
class Firing:
    """What one position reached: people who were not paged in this pass yet, and webhooks.

    ``kept`` are those who cannot be reached: a message waits in the inbox, which keeps nobody else waiting.
    """

    step: int
    loop: int
    people: list[tuple[User, str, list[Way]]] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)
    kept: list[tuple[User, str, list[Way]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.people or self.webhooks)


def take_step(page: Page, *, at: datetime, hurry: bool = False) -> Page:
    """Page whoever is next: the first position from the page's own on that reaches somebody new.

    ``next_step_at`` counts from ``at``, not from when the step was due: after a long stop a chain takes one step,
    not a burst (rule 3). ``hurry``: a person asked for it, so no pause at the end of a pass is kept.
    """
    plan = plans.read(page.plan)
    step, loop, pass_fired = page.step, page.loop, page.step > 0
    kept: list[tuple[User, str, list[Way]]] = []
    while True:
        firing = _fire(page, plan, step, loop, at)
        firing.kept = kept = [*kept, *firing.kept]  # of the positions passed over as well
        if step > len(plan.steps):
            return _exhaust(page, firing, at)
        pass_fired = pass_fired or bool(firing)
        wait = _wait_after(page, plan, step, firing, pass_fired=pass_fired, at=at)
        if step == len(plan.steps) - 1 and loop < plan.repeat and pass_fired:
            step, loop, pass_fired = 0, loop + 1, False
            record(page, Kind.REPEATED, f"Pass {loop + 1} is next unless somebody answers", at=at, loop=loop)
        else:
            step += 1
        if firing or (wait and not hurry):
            break
    _settle(page, firing, step=step, loop=loop, next_step_at=at + wait)
    _send(page, firing, at)
    return page


def _fire(page: Page, plan: Plan, step: int, loop: int, at: datetime) -> Firing:
    """Look the position's people up, note each, and say loudly when there is nobody."""
    if step < len(plan.steps):
        found = targets.look_up(plan.steps[step].targets, at=at)
        _add_earlier_owner(page, found, step, loop)
    elif step > len(plan.steps):
        found = targets.catch_all()
    elif page.reached_anybody:
        return Firing(step, loop)  # admins stand in for people who cannot be reached, not for sleepers
    else:
        found = targets.team_admins(page.team)
    firing = _note(page, found, step, loop, at)
    if found.nobody or not (firing or found.people):
        _say_nobody(page, plan, found, firing, step, at)
    return firing


def _add_earlier_owner(page: Page, found: Found, step: int, loop: int) -> None:
    """Whoever acknowledged and let it lie is paged beside whoever is on call now (rule 19)."""
    if not page.cycle or step or loop:
        return
    expired = page.events.filter(kind=Kind.UNACKNOWLEDGED, data__cycle=page.cycle).first()
    if expired:
        owner = User.objects.filter(username=expired.data["user"])
        found.add(owner, why="Acknowledged it before", otherwise="Whoever acknowledged it before is gone")


def _note(page: Page, found: Found, step: int, loop: int, at: datetime) -> Firing:
    """Sort the people found: paged now, paged before in this pass, impossible to reach (rules 8, 15)."""
    contacts.load(found.people)
    before = set(page.notified.filter(cycle=page.cycle, loop=loop).values_list("user_id", flat=True))
    firing = Firing(step, loop)
    for user, why in found.people.items():
        about = {"user": user.username, "step": step + 1}
        ways = contacts.hold(user, contacts.ways(user, page.urgency), urgency=page.urgency, at=at)
        if user.pk in before:
            record(page, Kind.ALREADY_PAGED, f"{user} is being paged already", at=at, **about)
        elif not ways:
            text = f"There is no way to reach {user}: the message is kept in the inbox"
            record(page, Kind.UNREACHABLE, text, at=at, **about)
            firing.kept.append((user, why, [contacts.inbox(user, text)]))
        else:
            firing.people.append((user, why, ways))
            _note_person(page, user, why, ways, step=step, loop=loop, at=at)
    for address in found.webhooks:
        firing.webhooks.append(address)
        host = messages.host_of(address)
        record(page, Kind.WEBHOOK, f"{host} is told", at=at, step=step + 1, host=host)
    return firing


def _note_person(
    page: Page, user: User, why: str, ways: list[Way], *, step: int, loop: int, at: datetime
) -> None:
    Notified.objects.create(
        page=page, user=user, cycle=page.cycle, loop=loop, step=step, at=at, why=why[:300]
    )
    record(
        page,
        Kind.PAGED,
        f"{user} is paged. {why}",
        at=at,
        user=user.username,
        name=str(user),
        step=step + 1,
        loop=loop,
        why=why,
        mediums=[way.medium for way in ways],
    )
    if ways[0].fallback:
        record(page, Kind.FALLBACK, ways[0].fallback, at=at, user=user.username, medium=ways[0].medium)
    held = min((way.held_until for way in ways if way.held_until), default=None)
    if held:
        words = messages.clock_time(held, user.time_zone, today=at)
        text = f"Held until {words} by the quiet hours of {user}"
        record(page, Kind.QUIET, text, at=at, user=user.username, until=held.isoformat())


def _say_nobody(page: Page, plan: Plan, found: Found, firing: Firing, step: int, at: datetime) -> None:
    """An empty step is skipped at once and said so; a step half empty is said too (rule 12)."""
    name = f"Step {step + 1}" if step < len(plan.steps) else "Last resort"
    reasons = "; ".join(found.nobody) or "no target can be reached"
    text = f"{name}: {reasons}" if firing else f"{name} reaches nobody: {reasons}. Going on at once"
    record(page, Kind.NOBODY, text, at=at, step=step + 1, reasons=found.nobody)
    if not firing:
        logger.warning("Page %s: %s", page.pk, text)


def _wait_after(
    page: Page, plan: Plan, step: int, firing: Firing, *, pass_fired: bool, at: datetime
) -> timedelta:
    """How long until the position after ``step``.

    A step without effect keeps nobody waiting; where it ends a pass, the people reached before it have their time
    first. A pass that reached nothing at all is not repeated, so an empty policy cannot spin (rule 12).
    """
    last = len(plan.steps) - 1
    if step < last:
        return plan.steps[step + 1].after if firing else timedelta()
    if firing:
        return max(plan.pass_wait, plan.first_wait) if step == last else plan.pass_wait
    if step == last and pass_fired:
        return max(pass_ends_at(page, plan, at) - at, timedelta())
    return timedelta()


def _exhaust(page: Page, firing: Firing, at: datetime) -> Page:
    """The end of the line: the catch-all was told once, and the page stands visibly unanswered (rules 10, 13)."""
    _settle(page, firing, state=State.EXHAUSTED, next_step_at=None)
    text = (
        "Everybody was paged and nobody has answered"
        if page.reached_anybody
        else "Nobody could be paged: set a catch-all in the portal settings"
    )
    record(page, Kind.EXHAUSTED, text, at=at, reached_anybody=page.reached_anybody)
    logger.error("Page %s (%s) is exhausted: %s", page.pk, page, text)
    _send(page, firing, at)
    return page


def _send(page: Page, firing: Firing, at: datetime) -> None:
    if firing.kept:  # once in a cycle, however often the page comes by
        messages.to_people(page, firing.kept, loop=0, at=at)
    if firing.people:
        messages.to_people(page, firing.people, loop=firing.loop, at=at)
    for address in firing.webhooks:
        messages.to_webhook(page, address, step=firing.step, loop=firing.loop, at=at)
    if page.next_step_at and page.next_step_at <= at:
        doorbell.ring()  # two steps at the same time


def _settle(page: Page, firing: Firing, **changes) -> None:
    reached = page.reached_anybody or bool(firing.people)
    move(page, attempts=0, reached_anybody=reached, **changes)
