"""How a page changes: one guarded update, one event, one signal. Every writer of ``Page`` goes through here.

What ``data`` says, by kind of event (people by username):

    opened          {"policy"}                       paged       {"user", "name", "step", "loop", "why", "mediums"}
    already_paged   {"user", "step"}                 fallback    {"user", "medium"}
    unreachable     {"user", "step"}                 webhook     {"step", "host"}
    undelivered     {"user", "delivery"}             quiet       {"user", "until"}
    nobody          {"step", "reasons"}              repeated    {"loop"}
    failed          {"step", "attempts"}             exhausted   {"reached_anybody"}
    unacknowledged  {"user"}                         escalated   {"step"}
    snoozed, woke   {"until"} / {}                   others      {}

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


def record(page: Page, kind: str, text: str, *, by: User | None = None, at: datetime, **data: Any) -> None:
    """Note what happened, tell whoever listens above, and whoever got a message that can be changed."""
    text = clean_header(text, limit=500)
    PageEvent.objects.create(page=page, at=at, kind=kind, by=by, text=text, data=data)
    page_changed.send(sender=Page, page=page, change=kind, by=by, at=at, data={"text": text, **data})
    if kind in follow_ups.TOLD:
        follow_ups.tell(page, kind, text, by=by, at=at)
