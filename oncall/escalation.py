"""The escalation engine: what happens to a page by itself, as time passes.

A page waits at a *position*: one of its plan's steps, or one of the two last resorts after them: the team's admins
(only when nobody was reached), then the portal's catch-all. A position that reaches nobody new is passed at once,
loudly. What a position causes is written in one transaction; messages leave later, from the outbox.
Source: design.md section 6, field/oncall.md section 5.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from oncall import contacts, messages, plans, targets
from oncall.contacts import Way
from oncall.messaging import doorbell
from oncall.models import Notified, Page, PageEvent, User
from oncall.page_events import Lost, locked, move, record
from oncall.plans import Plan
from oncall.targets import Found

logger = logging.getLogger(__name__)
Kind, State = PageEvent.Kind, Page.State

BATCH = 100
TRIES = 5
#: An acknowledgement that runs out is followed by a new one within seconds more often than by nothing (rule 21).
GRACE = timedelta(seconds=10)


@dataclass
class Firing:
    """What one position reached: people who were not paged in this pass yet, and webhooks."""

    step: int
    loop: int
    people: list[tuple[User, str, list[Way]]] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.people or self.webhooks)


def advance_due(*, now: Callable[[], datetime]) -> int:
    """Pulse line: take every page whose time has come one step further; the number worked."""
    due = Page.objects.due(now()).values_list("pk", flat=True)[:BATCH]
    return sum(_alone(page_id, _advance, now()) for page_id in list(due))


def expire_acknowledgements(*, now: Callable[[], datetime]) -> int:
    """Pulse line: begin again with pages that were acknowledged and then left lying (rule 19)."""
    due = Page.objects.unanswered_too_long(now()).values_list("pk", flat=True)[:BATCH]
    return sum(_alone(page_id, _unacknowledge, now()) for page_id in list(due))


def _alone(page_id: int, work: Callable[[int, datetime], bool], now: datetime) -> bool:
    """Work one page by itself: its failure is counted and written down, its neighbours go on."""
    try:
        with transaction.atomic():
            return work(page_id, now)
    except Lost:
        return False  # another engine or a person was faster
    except Exception as error:
        logger.exception("Page %s could not be worked", page_id)
        with transaction.atomic():
            _put_off(page_id, error, now)
        return True


def _advance(page_id: int, now: datetime) -> bool:
    page = _claimed(Page.objects.due(now), page_id)
    if page is None:
        return False
    if page.state == State.SNOOZED:
        begin_again(page, next_step_at=now + plans.read(page.plan).first_wait)
        record(page, Kind.WOKE, "The snooze is over; paging begins again at the first step", at=now)
    if page.next_step_at <= now:
        take_step(page, at=now)
    return True


def _unacknowledge(page_id: int, now: datetime) -> bool:
    page = _claimed(Page.objects.unanswered_too_long(now), page_id)
    if page is None:
        return False
    owner = page.acknowledged_by
    begin_again(page, next_step_at=now + GRACE)
    text = f"{owner or 'Whoever'} acknowledged, then nothing came for too long; paging begins again"
    data = {"user": owner.username, "cycle": page.cycle} if owner else {}
    record(page, Kind.UNACKNOWLEDGED, text, at=now, **data)
    return True


def _claimed(pages, page_id: int) -> Page | None:
    """The page, locked, if it still is among ``pages`` and nobody else has it in hand."""
    return pages.select_for_update(skip_locked=True, of=("self",)).filter(pk=page_id).first()


def begin_again(page: Page, *, next_step_at: datetime, **changes) -> Page:
    """A new cycle: from the first step, everybody may be paged anew (rules 19, 20, 23)."""
    return move(
        page,
        state=State.ACTIVE,
        cycle=page.cycle + 1,
        step=0,
        loop=0,
        attempts=0,
        reached_anybody=False,
        next_step_at=next_step_at,
        acknowledged_at=None,
        acknowledged_by=None,
        unacknowledge_at=None,
        **changes,
    )


def take_step(page: Page, *, at: datetime) -> Page:
    """Page whoever is next: the first position from the page's own on that reaches somebody new.

    ``next_step_at`` counts from ``at``, not from when the step was due: after a long stop a chain takes one step,
    not a burst (rule 3).
    """
    plan = plans.read(page.plan)
    began, step, loop = page.step, page.step, page.loop
    while True:
        firing = _fire(page, plan, step, loop, at)
        earlier = began > 0 or bool(firing)
        wait = _wait_after(plan, step, fired=bool(firing), pass_fired=earlier)
        step, loop = _next_position(plan, step, loop, pass_fired=earlier)
        if step > len(plan.steps) + 1:
            return _exhaust(page, firing, at)
        if wait or firing:
            break
    repeats = loop > page.loop
    _settle(page, firing, step=step, loop=loop, next_step_at=at + wait)
    if repeats:
        record(page, Kind.REPEATED, f"Pass {loop + 1} is next unless somebody answers", at=at, loop=loop)
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
        return Firing(
            step, loop
        )  # the admins stand in for people who could not be reached, not for people who slept
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
        ways = contacts.ways(user, page.urgency)
        if user.pk in before:
            record(page, Kind.ALREADY_PAGED, f"{user} is being paged already", at=at, **about)
        elif not ways:
            record(page, Kind.UNREACHABLE, f"There is no way to reach {user}", at=at, **about)
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
        record(page, Kind.FALLBACK, ways[0].fallback, at=at, user=user.username, address=ways[0].address)


def _say_nobody(page: Page, plan: Plan, found: Found, firing: Firing, step: int, at: datetime) -> None:
    """An empty step is skipped at once and said so; a step half empty is said too (rule 12)."""
    name = f"Step {step + 1}" if step < len(plan.steps) else "Last resort"
    reasons = "; ".join(found.nobody) or "no target can be reached"
    text = f"{name}: {reasons}" if firing else f"{name} reaches nobody: {reasons}. Going on at once"
    record(page, Kind.NOBODY, text, at=at, step=step + 1, reasons=found.nobody)
    if not firing:
        logger.warning("Page %s: %s", page.pk, text)


def _next_position(plan: Plan, step: int, loop: int, *, pass_fired: bool) -> tuple[int, int]:
    """(step, loop) after ``step``. A whole pass that reached nothing is not repeated: it cannot spin (rule 12)."""
    if step == len(plan.steps) - 1 and loop < plan.repeat and pass_fired:
        return 0, loop + 1
    return step + 1, loop


def _wait_after(plan: Plan, step: int, *, fired: bool, pass_fired: bool) -> timedelta:
    """How long the people of ``step`` have. A step without effect waits only where the pass ends."""
    last = len(plan.steps) - 1
    if step < last:
        return plan.steps[step + 1].after if fired else timedelta()
    if step == last:
        return max(plan.pass_wait, plan.first_wait) if pass_fired else timedelta()
    return plan.pass_wait if fired else timedelta()


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
    if firing.people:
        messages.to_people(page, firing.people, loop=firing.loop, at=at)
    for address in firing.webhooks:
        messages.to_webhook(page, address, step=firing.step, loop=firing.loop, at=at)
    if page.next_step_at and page.next_step_at <= at:
        doorbell.ring()  # two steps at the same time


def _settle(page: Page, firing: Firing, **changes) -> None:
    reached = page.reached_anybody or bool(firing.people)
    move(page, attempts=0, reached_anybody=reached, **changes)


def _put_off(page_id: int, error: Exception, now: datetime) -> None:
    """After a failure: try the same step again soon; after ``TRIES`` failures pass it over."""
    page = locked(Page(pk=page_id))
    due_at = page.next_step_at or page.unacknowledge_at
    if due_at is None or due_at > now:
        return  # a person was faster
    attempts = page.attempts + 1
    later = now + timedelta(seconds=min(2**attempts, 60))
    resorts = len(page.plan.get("steps", ())) + 1
    if page.state == State.ACKNOWLEDGED:
        move(page, attempts=attempts, unacknowledge_at=later)
    elif attempts < TRIES or page.state == State.SNOOZED:
        move(page, attempts=attempts, next_step_at=later)
    elif page.step < resorts:
        move(page, attempts=0, step=page.step + 1, next_step_at=now)
    else:
        move(page, attempts=attempts, state=State.EXHAUSTED, next_step_at=None)
    _record_failure(page, error, attempts, now)


def _record_failure(page: Page, error: Exception, attempts: int, now: datetime) -> None:
    """Write the failure down even where telling the floor above is what fails."""
    text = f"Step {page.step + 1} failed ({type(error).__name__}), try {attempts} of {TRIES}"
    about = {"step": page.step + 1, "attempts": attempts}
    try:
        with transaction.atomic():
            record(page, Kind.FAILED, text, at=now, **about)
    except Exception:
        logger.exception("The failure of page %s could not be told", page.pk)
        PageEvent.objects.create(page=page, at=now, kind=Kind.FAILED, text=text, data=about)
