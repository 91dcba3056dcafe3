"""The escalation engine: what happens to pages by itself, as time passes. One step is taken in ``oncall.steps``.

Pages are claimed one by one; each is worked in a transaction of its own. Source: design.md sections 4 and 6,
field/oncall.md section 5.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from oncall import acknowledging, maintenance, plans
from oncall.models import Page, PageEvent
from oncall.page_events import Lost, begin_again, locked, move, record
from oncall.steps import take_step

logger = logging.getLogger(__name__)
Kind, State = PageEvent.Kind, Page.State

BATCH = 100
TRIES = 5


def advance_due(*, now: Callable[[], datetime]) -> int:
    """Pulse line: take every page whose time has come one step further; the number worked."""
    due = Page.objects.due(now()).values_list("pk", flat=True)[:BATCH]
    return sum(_alone(page_id, _advance, now()) for page_id in list(due))


def expire_acknowledgements(*, now: Callable[[], datetime]) -> int:
    """Pulse line: ask whoever acknowledged and let it lie, then begin again (rule 19)."""
    due = Page.objects.unanswered_too_long(now()).values_list("pk", flat=True)[:BATCH]
    return sum(_alone(page_id, _run_out, now()) for page_id in list(due))


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
    if maintenance.hold_back(page, at=now):
        return True
    if page.state == State.SNOOZED:
        begin_again(page, next_step_at=now + plans.read(page.plan).first_wait)
        record(page, Kind.WOKE, "The snooze is over; paging begins again at the first step", at=now)
    elif page.state == State.HELD:
        _release(page, now)
    if page.next_step_at <= now:
        take_step(page, at=now)
    return True


def _release(page: Page, now: datetime) -> None:
    """What held the page is over: after a maintenance from the first step (rule 26), else where it stands."""
    if page.held_for == Page.Hold.MAINTENANCE:
        begin_again(page, next_step_at=now + plans.read(page.plan).first_wait)
        record(page, Kind.RELEASED, "The maintenance is over; paging begins at the first step", at=now)
    else:
        move(page, state=State.ACTIVE, held_for="")


def _run_out(page_id: int, now: datetime) -> bool:
    page = _claimed(Page.objects.unanswered_too_long(now), page_id)
    if page is None:
        return False
    acknowledging.run_out(page, at=now)
    return True


def _claimed(pages, page_id: int) -> Page | None:
    """The page, locked, if it still is among ``pages`` and nobody else has it in hand."""
    rows = pages.select_for_update(skip_locked=True, of=("self",)).select_related("service", "team")
    return rows.filter(pk=page_id).first()


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
    elif attempts < TRIES or page.state == State.SNOOZED or page.held_for == Page.Hold.MAINTENANCE:
        move(page, attempts=attempts, next_step_at=later)
    elif page.step < resorts:
        move(page, attempts=0, state=State.ACTIVE, held_for="", step=page.step + 1, next_step_at=now)
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
