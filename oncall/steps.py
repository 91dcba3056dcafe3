"""Taking a step: what ``oncall.course`` decides is written down in one transaction; messages leave later.

Source: field/oncall.md section 5, rules 6 to 16, 31, 32, 34.
"""

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from oncall import contacts, course, messages, partly, plans, standing
from oncall.course import Progress, Reached, Stop
from oncall.messaging import doorbell
from oncall.models import Notified, Page, PageEvent, Step
from oncall.page_events import move, record
from oncall.plans import Plan
from oncall.targets import Directory, turn_taken

logger = logging.getLogger(__name__)
Kind, State = PageEvent.Kind, Page.State
NO_WAY = "There is no way to reach {user}: the message is kept in the inbox"


def take_step(page: Page, *, at: datetime, hurry: bool = False) -> Page:
    """Page whoever is next, or hold, or end; ``hurry``: a person asked for it (rule 22)."""
    plan = plans.read(page.plan)
    asks = standing.directory(page, locks=True)
    progress = course.advance(plan, standing.of(page), urgency=page.urgency, at=at, asks=asks, hurry=hurry)
    for stop in progress.stops:
        _write_down(page, plan, stop, at)
        _move_turns(asks, plan, stop)
    _settle(page, plan, progress, at)
    _keep(page, progress, at)
    if progress.fired:
        _send(page, progress, at)
    if page.next_step_at and page.next_step_at <= at:
        doorbell.ring()  # two steps at the same time
    return page


# -- what a position came to -------------------------------------------------------------------------------
def _write_down(page: Page, plan: Plan, stop: Stop, at: datetime) -> None:
    """Everything that a position did or could not do, each with its reason."""
    for reached in stop.people:
        _note_person(page, plan, stop, reached, at)
    for user in stop.already:
        answered = page.notified.filter(user=user, cycle=page.cycle, acknowledged_at__isnull=False).exists()
        why = "has acknowledged already" if answered else "is being paged already"
        record(page, Kind.ALREADY_PAGED, f"{user} {why}", at=at, user=user.username, step=stop.step + 1)
    for user in stop.unreachable:
        text = NO_WAY.format(user=user)
        record(page, Kind.UNREACHABLE, text, at=at, user=user.username, step=stop.step + 1)
    for address in stop.webhooks:
        about = {"step": stop.step + 1, "loop": stop.loop, "cycle": page.cycle}
        host = messages.host_of(address)
        record(page, Kind.WEBHOOK, f"{host} is told", at=at, host=host, **about)
    if stop.passed_over == course.HOURS:
        text = f"Step {stop.step + 1} is passed: it pages only within its hours"
        record(page, Kind.SKIPPED, text, at=at, step=stop.step + 1)
    elif stop.nobody or stop.empty:
        _say_nobody(page, plan, stop, at)
    if stop.repeats:
        text = f"Pass {stop.loop + 2} is next unless somebody answers"
        record(page, Kind.REPEATED, text, at=at, loop=stop.loop + 1)


def _note_person(page: Page, plan: Plan, stop: Stop, reached: Reached, at: datetime) -> None:
    """Who is paged and why, for whoever asks "why me?" (rule 34)."""
    user, ways = reached.person, reached.ways
    why = _why(stop, reached)
    Notified.objects.create(
        page=page,
        user=user,
        cycle=page.cycle,
        loop=stop.loop,
        step=stop.step,
        at=at,
        why=why[:300],
        must_acknowledge=stop.everyone,
    )
    record(
        page,
        Kind.PAGED,
        f"{user} is paged. {why}",
        at=at,
        user=user.username,
        name=str(user),
        step=stop.step + 1,
        loop=stop.loop,
        cycle=page.cycle,
        why=why,
        policy=plan.name,
        mediums=[way.medium for way in ways],
        **reached.about,
    )
    if ways[0].fallback:
        record(page, Kind.FALLBACK, ways[0].fallback, at=at, user=user.username, medium=ways[0].medium)
    held = min((way.held_until for way in ways if way.held_until), default=None)
    if held:
        words = messages.clock_time(held, user.time_zone, today=at)
        text = f"Held until {words} by the quiet hours of {user}"
        record(page, Kind.QUIET, text, at=at, user=user.username, until=held.isoformat())


def _why(stop: Stop, reached: Reached) -> str:
    if stop.round_robin_of is not None:
        return f"{reached.why}, whose turn it is of {stop.waiting + 1}"
    return f"{reached.why}. Everybody in this step must acknowledge" if stop.everyone else reached.why


def _say_nobody(page: Page, plan: Plan, stop: Stop, at: datetime) -> None:
    """An empty step is skipped at once and said so; a step half empty is said too (rule 12)."""
    name = f"Step {stop.step + 1}" if stop.step < len(plan.steps) else "Last resort"
    reasons = "; ".join(stop.nobody) or "no target can be reached"
    text = f"{name} reaches nobody: {reasons}. Going on at once" if stop.empty else f"{name}: {reasons}"
    record(page, Kind.NOBODY, text, at=at, step=stop.step + 1, reasons=list(stop.nobody))
    if stop.empty:
        logger.warning("Page %s: %s", page.pk, text)


def _move_turns(asks: Directory, plan: Plan, stop: Stop) -> None:
    """Whoever was picked has had her turn; her row is locked since she was picked (rule 11)."""
    if stop.round_robin_of is not None and stop.people:
        turns = turn_taken(asks.turns(plan.steps[stop.step]), stop.people[0].person)
        Step.objects.filter(pk=stop.round_robin_of).update(turns=turns)


# -- what the page does now --------------------------------------------------------------------------------
def _settle(page: Page, plan: Plan, progress: Progress, at: datetime) -> None:
    stands = progress.standing
    changes = {
        "step": stands.step,
        "loop": stands.loop,
        "next_step_at": progress.next_at,
        "attempts": 0,
        "reached_anybody": stands.reached_anybody,
    }
    if progress.next_at is None:
        move(page, **changes, state=State.EXHAUSTED)
        _say_exhausted(page, at)
    elif progress.held_for:
        move(page, **changes, state=State.HELD, held_for=progress.held_for)
        _say_held(page, plan, at)
    else:
        move(page, **changes)


def _say_exhausted(page: Page, at: datetime) -> None:
    """The end of the line: the catch-all was told once, and the page stands visibly unanswered (rules 10, 13)."""
    said = partly.in_part(page).words
    text = (
        f"Everybody was paged. {said}" if said
        else "Everybody was paged and nobody has answered" if page.reached_anybody
        else "Nobody could be paged: set a catch-all in the portal settings"
    )  # fmt: skip
    record(page, Kind.EXHAUSTED, text, at=at, reached_anybody=page.reached_anybody)
    logger.error("Page %s (%s) is exhausted: %s", page.pk, page, text)


def _say_held(page: Page, plan: Plan, at: datetime) -> None:
    """A step that waits says until when, on the clock of its hours (rules 31, 32)."""
    hours = plan.steps[page.step].hours
    zone = hours.time_zone if hours else "UTC"
    until = f"{page.next_step_at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M} ({messages.city(zone)})"
    waits = {
        Page.Hold.HOURS: f"its hours begin {until}",
        Page.Hold.DUTY: f"somebody is on call {until}",
    }[page.held_for]
    record(
        page,
        Kind.HELD,
        f"Step {page.step + 1} waits until {waits}",
        at=at,
        step=page.step + 1,
        held_for=page.held_for,
        until=page.next_step_at.isoformat(),
    )


def _keep(page: Page, progress: Progress, at: datetime) -> None:
    """Whoever cannot be reached finds a message in her inbox, once in a cycle; nobody waits for it (rule 15)."""
    unreachable = dict.fromkeys(user for stop in progress.stops for user in stop.unreachable)
    kept = [
        (user, "no other way leads to you", [contacts.inbox(user, NO_WAY.format(user=user))])
        for user in unreachable
    ]
    if kept:
        messages.to_people(page, kept, loop=0, at=at)


def _send(page: Page, progress: Progress, at: datetime) -> None:
    stop = progress.fired
    if stop.people:
        people = [(reached.person, _why(stop, reached), list(reached.ways)) for reached in stop.people]
        messages.to_people(page, people, loop=stop.loop, at=at, stands=progress.standing)
    for address in stop.webhooks:
        messages.to_webhook(page, address, step=stop.step, loop=stop.loop, at=at)
