"""From stored bytes to alerts: the line of the pulse that reads what ``incidents.webhooks`` wrote.

Claim, then work, then record (design.md section 4). Events of one source are taken in the order of receipt,
by one engine at a time; a source with a backlog does not hold up the others. An event that fails is tried
again and in the end stands as failed, where staff see it and replay it.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import BinaryField, Case, F, Min, Q, When
from django.db.models.functions import Length

from incidents.intake import alerts, guard, runs
from incidents.intake.dialects import DIALECTS, Notification, ParseError
from incidents.models import AlertSource, StoredEvent
from oncall.messaging import doorbell
from oncall.messaging.errors import DomainError
from oncall.models import User

logger = logging.getLogger(__name__)

BUDGET = timedelta(seconds=2)  # pages and deliveries wait behind us
BATCH = 50  # of one source, before the next has its turn
SMALL = 64 * 1024  # bytes: bodies up to here are read with their batch, larger ones one at a time
LEASE = timedelta(seconds=15)  # after a crash the source waits so long
MOST_ATTEMPTS = 6
_FIRST_WAIT_S = 2


def take_in(*, now: Callable[[], datetime]) -> int:
    """Take in stored events that are due, for about ``BUDGET`` at most; the number of events worked."""
    ends_at, worked, full = now() + BUDGET, 0, True
    while full:  # what comes in after a batch that was not full rings for itself
        full = False
        for source in _sources_with_due_events(now()):
            claimed = _claim(source, at=now())
            _take_batch(claimed, at=now())
            worked += len(claimed)
            full |= len(claimed) == BATCH
            if now() >= ends_at:
                return worked
    return worked


@transaction.atomic
def replay(event: StoredEvent, *, by: User | None, at: datetime) -> StoredEvent:
    """Take an event in once more, after what stopped it was repaired.

    Nothing happens to one that still waits; one that was taken in is refused, since it would count twice.
    """
    event = StoredEvent.objects.select_for_update().get(pk=event.pk)
    if event.state == StoredEvent.State.DONE:
        raise DomainError("already_taken_in", "This event was taken in; its alert stands in the list.")
    if event.state != StoredEvent.State.NEW:
        event.state, event.due_at, event.lease_until = StoredEvent.State.NEW, at, None
        event.attempts, event.generation = 0, event.generation + 1
        event.save(update_fields=["state", "due_at", "lease_until", "attempts", "generation"])
        logger.info("Event %s is replayed by %s.", event.pk, by or "the machine")
        doorbell.ring()
    return event


def _sources_with_due_events(at: datetime) -> list[int]:
    """Those whose oldest event has waited longest come first; each gets one batch per turn."""
    due = StoredEvent.objects.due(at).order_by().values("source")
    return list(due.annotate(oldest=Min("id")).order_by("oldest").values_list("source", flat=True))


@transaction.atomic
def _claim(source: int, *, at: datetime) -> list[StoredEvent]:
    """The oldest due events of a source, leased; none while another engine works on this source.

    Attempts are counted before the work, so that an event that kills its reader is known by its count.
    """
    # Without a key lock, which would make the webhook wait to insert events of this source.
    skip = connection.features.has_select_for_update_skip_locked
    free = AlertSource.objects.select_for_update(skip_locked=skip, no_key=skip, of=("self",)).filter(pk=source)
    free = free.select_related("service__policy", "service__team")
    if not free or StoredEvent.objects.filter(source=source, lease_until__gt=at).exists():
        return []
    # Locked: an event that a slow engine still works on, its lease over, is waited for and then not due any more.
    due = StoredEvent.objects.due(at).filter(source=source).defer("body").annotate(size=Length("body"))
    small = Case(When(size__lte=SMALL, then=F("body")), default=None, output_field=BinaryField())
    events = list(due.annotate(small=small).select_for_update()[:BATCH])
    until = at + LEASE
    StoredEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        lease_until=until, due_at=until, attempts=F("attempts") + 1, generation=F("generation") + 1
    )
    for event in events:
        event.source = free[0]
        event.attempts, event.generation = event.attempts + 1, event.generation + 1
        if event.small is not None:
            event.body = event.small
    return events


def _take_batch(events: list[StoredEvent], *, at: datetime) -> None:
    """Events of one source in their order: together as far as that makes no difference, else one by one."""
    if any(event.attempts > 1 for event in events):
        for event in events:  # one of them failed, or killed its reader: find out which
            _take(event, at=at)
        return
    for some, run in runs.split(_told(events, at=at)):
        if len(some) > 1 and _take_together([event for event, _ in some], run, at=at):
            continue
        for event, notification in some:
            _take(event, notification, at=at)


def _told(
    events: list[StoredEvent], *, at: datetime
) -> Iterator[tuple[tuple[StoredEvent, Notification], Notification, datetime]]:
    """What can be understood; whatever else is put away by itself, where its neighbours do not notice."""
    for event in events:
        try:
            notification = _understand(event)
        except Exception:
            _take(event, at=at)
        else:
            yield (event, notification), notification, event.received_at


def _take_together(events: list[StoredEvent], run: runs.Run, *, at: datetime) -> bool:
    """A whole run in one transaction; False, with nothing written, if anything is in the way."""
    try:
        with transaction.atomic():
            held = StoredEvent.objects.filter(
                pk__in=[event.pk for event in events], lease_until__isnull=False
            )
            mine = Q()
            for generation in {event.generation for event in events}:
                ids = [event.pk for event in events if event.generation == generation]
                mine |= Q(pk__in=ids, generation=generation)
            done = held.filter(mine).update(
                state=StoredEvent.State.DONE, error="", due_at=None, lease_until=None
            )
            if done != len(events):
                raise _Passed
            alerts.record_run(events[0].source, run, at=at)
    except (_Passed, runs.Entangled):
        return False
    except Exception:
        logger.exception("%s events of %s are taken in one by one.", len(events), events[0].source)
        return False
    return True


class _Passed(Exception):
    """Some of the events are in other hands meanwhile."""


def _take(event: StoredEvent, notification: Notification | None = None, *, at: datetime) -> None:
    """One event, isolated from its neighbours: whatever goes wrong with it is recorded on it."""
    if event.attempts > MOST_ATTEMPTS:
        _finish(event, StoredEvent.State.FAILED, error=event.error or "Its reader stopped every time.")
        return
    try:
        notification = notification or _understand(event)
        with transaction.atomic():
            # First the write-back: it fails if the event has passed into other hands, and it locks the row.
            if _finish(event, StoredEvent.State.DONE):
                alerts.record(event.source, notification, seen_at=event.received_at, at=at)
    except (guard.Refused, ParseError) as error:
        _finish(event, StoredEvent.State.NOT_UNDERSTOOD, error=str(error))
    except Exception as error:
        logger.exception("Event %s of %s could not be taken in.", event.pk, event.source)
        _retry(event, f"{type(error).__name__}: {error}", at=at)


def _understand(event: StoredEvent) -> Notification:
    dialect = DIALECTS.get(event.dialect)
    if dialect is None:
        raise ParseError(f"The dialect {event.dialect!r} is not spoken here any more.")
    return dialect.parse(guard.load(bytes(event.body)), event.headers)


def _retry(event: StoredEvent, error: str, *, at: datetime) -> None:
    if event.attempts >= MOST_ATTEMPTS:
        _finish(event, StoredEvent.State.FAILED, error=error)
    else:
        wait = timedelta(seconds=_FIRST_WAIT_S * 2 ** (event.attempts - 1))
        _finish(event, StoredEvent.State.NEW, error=error, due_at=at + wait)


def _finish(event: StoredEvent, state: str, *, error: str = "", due_at: datetime | None = None) -> bool:
    """Write back and end the lease; False when somebody else has claimed the event meanwhile."""
    held = StoredEvent.objects.filter(pk=event.pk, generation=event.generation)
    return bool(held.update(state=state, error=error[:2000], due_at=due_at, lease_until=None))
