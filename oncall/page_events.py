"""How a page changes: one guarded update, one event, one signal. Every writer of ``Page`` goes through here.

What ``data`` says, by kind of event (people by username):

    opened          {"policy"}
    paged           {"user", "name", "step", "loop", "cycle", "why", "policy", "mediums"}, and as far as they are
                    the reason {"schedule", "layer", "turn", "exceptions"} or {"team"}
    already_paged   {"user", "step"}                 fallback    {"user", "medium"}
    unreachable     {"user", "step"}                 webhook     {"step", "loop", "cycle", "host"}
    undelivered     {"user", "delivery"}             skipped     {"step"}
    held            {"held_for", "until"}, of a step {"step"}
    quiet           {"user", "until"}
    nobody          {"step", "reasons"}              repeated    {"loop"}
    failed          {"step", "attempts"}             exhausted   {"reached_anybody"}
    answered        {"user", "awaited", "cycle"}     reminded    {"user", "until"}
    unacknowledged  {"user", "cycle"}                given_back  {"user"}
    escalated       {"step"}                         snoozed     {"until"}
    moved           {"policy", "service"}            merged      {"into"}
    others          {}

``step`` counts from 1, as people do.
"""

from datetime import datetime
from typing import Any

from django.db.models import F

from oncall import follow_ups
from oncall.messaging.render import clean_header
from oncall.models import Page, PageEvent, User
from oncall.signals import page_changed


class Lost(Exception):
    """Somebody else changed the page since it was read."""


def locked(page: Page) -> Page:
    """The page as it is now, held until the transaction ends (SQLite holds the whole file by itself)."""
    return Page.objects.select_for_update(of=("self",)).get(pk=page.pk)


def read_place(text: str) -> tuple[int, int | None]:
    """Step and pass from ``Page.place``. Older messages say the step alone; what is no place fits no page."""
    step, point, loop = text.partition(".")
    return _whole(step), _whole(loop) if point else None


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1


def move(page: Page, **changes: Any) -> Page:
    """Write ``changes`` if the page is still as it was read, and let it fit again.

    Raises ``Lost`` otherwise, so that two writers never build on the same state.
    """
    read = Page.objects.filter(pk=page.pk, generation=page.generation)
    if not read.update(generation=F("generation") + 1, **changes):
        raise Lost(f"page {page.pk} moved on from generation {page.generation}")
    page.generation += 1
    for name, value in changes.items():
        setattr(page, name, value)
    return page


def begin_again(page: Page, *, next_step_at: datetime, **changes: Any) -> Page:
    """A new cycle: from the first step, everybody may be paged anew (rules 19, 20, 23)."""
    return move(
        page,
        state=Page.State.ACTIVE,
        held_for="",
        cycle=page.cycle + 1,
        step=0,
        loop=0,
        attempts=0,
        reached_anybody=False,
        next_step_at=next_step_at,
        acknowledged_at=None,
        acknowledged_by=None,
        unacknowledge_at=None,
        reminded_at=None,
        **changes,
    )


def record(page: Page, kind: str, text: str, *, by: User | None = None, at: datetime, **data: Any) -> None:
    """Note what happened, tell whoever listens above, and whoever got a message that can be changed."""
    text = clean_header(text, limit=500)
    PageEvent.objects.create(page=page, at=at, kind=kind, by=by, text=text, data=data)
    page_changed.send(sender=Page, page=page, change=kind, by=by, at=at, data={"text": text, **data})
    if kind in follow_ups.TOLD:
        follow_ups.tell(page, kind, text, by=by, at=at)
