"""While a service is being worked on, its pages escalate no further (field/oncall.md rule 26).

Messages that people's own rules have still to send go out; what is held begins at the first step afterwards.
"""

from datetime import datetime, timedelta

from django.db import transaction

from oncall.messaging import doorbell
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from oncall.models import Page, PageEvent, Service, ServiceMaintenance, User
from oncall.page_events import move, record

LONGEST = timedelta(days=60)


@transaction.atomic
def begin(
    service: Service,
    *,
    end: datetime,
    reason: str,
    start: datetime | None = None,
    reference: str = "",
    by: User | None,
    at: datetime,
) -> ServiceMaintenance:
    """Page nobody new for the service from ``start`` (by default now) to ``end``.

    One that is going on already, or one of the same ``reference`` that is not over yet, is changed instead. Raises
    ``DomainError``: ``bad_time``, ``no_reason``.
    """
    start, reason = start or at, clean_header(reason, limit=200)
    if not reason:
        raise DomainError("no_reason", "Say why: whoever is held back will want to know.")
    if not max(start, at) < end <= start + LONGEST:
        raise DomainError("bad_time", "A maintenance ends after it begins, in the future, within 60 days.")
    row = _same(service, reference, start, at) or ServiceMaintenance(
        service=service, start=start, reference=reference, created_by=by, created_at=at
    )
    if (row.end, row.reason) != (end, reason):
        row.end, row.reason = end, reason
        _save(row, by, at, "Maintenance")
        _hold_until(service, at)
    return row


@transaction.atomic
def finish(row: ServiceMaintenance, *, by: User | None, at: datetime) -> ServiceMaintenance:
    """It is over sooner than planned, or does not take place: what it held begins now. Again: nothing changes."""
    row = ServiceMaintenance.objects.select_for_update(of=("self",)).select_related("service").get(pk=row.pk)
    if row.end > at:
        row.start, row.end = min(row.start, at), at
        _save(row, by, at, "Ended early")
        _hold_until(row.service, at)
    return row


def finish_all(*, reference: str, by: User | None, at: datetime) -> None:
    """End whatever belongs to ``reference`` and is not over yet."""
    for row in ServiceMaintenance.objects.to_come(at).filter(reference=reference):
        finish(row, by=by, at=at)


def now_on(service: Service | None, at: datetime) -> ServiceMaintenance | None:
    """The maintenance that holds the service's pages at ``at``; of several the one that ends last."""
    if service is None:
        return None
    return ServiceMaintenance.objects.going_on(at).filter(service=service).order_by("-end", "-pk").first()


def in_words(row: ServiceMaintenance) -> str:
    """``Checkout is under maintenance until Mon 09 Mar 12:00 UTC (new switches)``."""
    return f"{row.service} is under maintenance until {row.end:%a %d %b %H:%M} UTC ({row.reason})"


def hold_back(page: Page, *, at: datetime) -> bool:
    """Let a locked page wait while its service is under maintenance; False if it need not."""
    row = now_on(page.service, at)
    if row is None:
        return False
    known = page.held_for == Page.Hold.MAINTENANCE
    held = {"state": Page.State.HELD, "held_for": Page.Hold.MAINTENANCE}
    move(page, **held, next_step_at=row.end, attempts=0)
    if not known:
        text = f"{in_words(row)}: nobody new is paged"
        until = row.end.isoformat()
        record(page, PageEvent.Kind.HELD, text, at=at, held_for=page.held_for, until=until)
    return True


def refuse(page: Page, *, at: datetime) -> None:
    """Raise ``DomainError("in_maintenance")`` with the reason, if the page's service is under maintenance."""
    row = now_on(page.service, at)
    if row:
        advice = "Page a person or a team directly, or end the maintenance."
        raise DomainError("in_maintenance", f"{in_words(row)}. {advice}")


def _same(service: Service, reference: str, start: datetime, at: datetime) -> ServiceMaintenance | None:
    rows = ServiceMaintenance.objects.select_for_update(of=("self",)).filter(service=service)
    rows = rows.to_come(at).filter(reference=reference)
    if reference:
        return rows.first()
    return rows.going_on(at).first() if start <= at else rows.filter(start=start).first()


def _hold_until(service: Service, at: datetime) -> None:
    """What is held looks again at once: it goes on if nothing holds it any more, else waits for the new end."""
    held = Page.objects.filter(service=service, state=Page.State.HELD, held_for=Page.Hold.MAINTENANCE)
    for page in held.select_for_update(of=("self",)).order_by("pk"):
        move(page, next_step_at=at)
    doorbell.ring()


def _save(row: ServiceMaintenance, by: User | None, at: datetime, why: str) -> None:
    row._history_user, row._history_date, row._change_reason = by, at, why
    row.save()
