"""The auditor: somebody apart from the engine's own lines checks that none of them has left anything lying.

While all is well it pings an outside watchdog (``WATCHDOG_URL``), which raises the alarm when the pings end:
nobody inside can report that everything inside has stopped. Source: field/oncall.md rule 5, field/reliability.md
P4 and P29.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Min, QuerySet

from config.models import PulseLine
from incidents.models import Heartbeat, StoredEvent
from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError
from oncall.messaging.models import Delivery
from oncall.models import Page

logger = logging.getLogger(__name__)

NAME = "config.audit"
PERIOD = timedelta(seconds=30)
#: An auditor that has not looked for so long has stopped.
SILENT = timedelta(minutes=3)
LATE = timedelta(seconds=60)
PULSE_LATE = timedelta(seconds=30)
PING_LIMIT_S = 10.0

#: What must not lie: its name, the rows that are due, and the column that says since when.
QUEUES: list[tuple[str, Callable[[datetime], QuerySet], str]] = [
    ("alerts", StoredEvent.objects.due, "due_at"),
    ("pages", Page.objects.due, "next_step_at"),
    ("acknowledgements that ran out", Page.objects.unanswered_too_long, "unacknowledge_at"),
    ("messages of pages", lambda at: Delivery.objects.due(at).filter(lane=Delivery.Lane.PAGE), "due_at"),
    ("heartbeats", Heartbeat.objects.overdue, "due_at"),
]


class Unclean(Exception):
    """Something lies that should have been worked, or the watchdog does not hear us."""


def look(*, now: Callable[[], datetime], urgent: Iterable[str]) -> int:
    """Pulse line: find what lies, and ping the watchdog if nothing does; the number of pings.

    ``urgent`` are the names of the lines that every engine must keep running. Raises ``Unclean``, which then
    stands on the first page, in /readyz and in /metrics as any other failing line does.
    """
    if found := list(faults(now(), urgent)):
        raise Unclean(" ".join(found))
    return _ping()


def faults(at: datetime, urgent: Iterable[str]) -> Iterator[str]:
    """Each thing that lies, as a sentence."""
    for name, due, column in QUEUES:
        oldest = due(at).order_by().aggregate(oldest=Min(column))["oldest"]
        if oldest and at - oldest > LATE:
            yield f"The oldest of the due {name} has waited {_seconds(at - oldest)} s."
    astray = Page.objects.filter(state=Page.State.ACTIVE, next_step_at=None).count()
    if astray:  # the database refuses it; a constraint that was dropped does not
        yield f"{astray} open pages have no next step."
    for row in PulseLine.objects.filter(name__in=list(urgent)):
        if row.ok_at is None or at - row.ok_at > PULSE_LATE:
            yield f"{row.name} has not succeeded lately: {row.error or 'nobody runs it'}."


def silence(rows: Iterable[PulseLine], at: datetime) -> timedelta | None:
    """How long the auditor has been silent; None while it looks as it should, or was never there to look."""
    row = next((row for row in rows if row.name == NAME), None)
    if row is None or row.ran_at is None or at - row.ran_at <= SILENT:
        return None
    return at - row.ran_at


def _ping() -> int:
    if not settings.WATCHDOG_URL:
        return 0
    try:
        answer = egress.request("GET", settings.WATCHDOG_URL, limit_s=PING_LIMIT_S)
    except DeliveryError as error:
        raise Unclean(f"The watchdog does not hear us: {error.text}") from None
    if not 200 <= answer.status < 300:
        raise Unclean(f"The watchdog does not hear us: it answers {answer.status}.")
    return 1


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())
