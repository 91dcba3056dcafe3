"""The pulse: the one list of everything that happens by itself, and how one line of it is run.

``manage.py engine`` and Celery work through the same list. Running any line anywhere, twice or late does no
harm: the urgent lines claim their rows one by one, the slow ones are claimed here through ``PulseLine``.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.models import F

from config import audit as auditor
from config.models import PulseLine
from incidents import communication, heartbeats
from incidents.intake import ingest
from oncall import (
    audit,
    calendars,
    canary,
    clock,
    codes,
    duty_log,
    escalation,
    handover,
    notices,
    presses,
    receipts,
    undelivered,
)
from oncall.messaging import callbacks, outbox, threads
from postmortems import actions, drafting
from statuspage import (
    component_news,
    endpoints,
    exporting,
    fanout,
    maintenance,
    planning,
    pushing,
    recurring,
    reminders,
    snapshots,
    subscriptions,
    suppression,
    watch,
)

log = logging.getLogger("muster.pulse")

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
#: A line with at most this period is urgent: every engine runs it, unclaimed, whenever the doorbell rings.
URGENT = timedelta(seconds=5)
#: Who claimed a slow line and then died is replaced after this time, or after the period if that is shorter.
LEASE = timedelta(minutes=10)
#: A slow line that failed tries again after this time, or after the period if that is shorter.
RETRY = timedelta(minutes=5)
#: How often the urgent lines write down that they run, in seconds.
NOTE_EVERY_S = 10.0


@dataclass(frozen=True)
class Line:
    """Something that happens by itself.

    ``function(now=clock)`` works what is due and returns the number of rows; it isolates its rows. ``name`` is
    floor and line, also the name of the Celery task. Lines of one ``lane`` wait for each other, lanes do not:
    a relay that hangs holds up no page. An engine that starts runs it first after ``first_after``.
    """

    name: str
    period: timedelta
    function: Callable[..., int]
    what: str
    lane: str = "rest"
    first_after: timedelta = timedelta()

    @property
    def is_urgent(self) -> bool:
        return self.period <= URGENT


LINES: list[Line] = [
    # Every second, in this order, and at once when the doorbell rings.
    Line("incidents.take_in", SECOND, ingest.take_in, "Turns stored requests into alerts.", "alerts"),
    Line("oncall.advance_pages", SECOND, escalation.advance_due, "Pages the next person.", "pages"),
    Line("messaging.deliver", SECOND, outbox.deliver_due, "Sends what is due, pages first.", "messages"),
    Line("statuspage.publish", SECOND, snapshots.publish_due, "Renders the status page.", "status page"),
    Line(
        "statuspage.sweep",
        10 * SECOND,
        snapshots.sweep_due,
        "Renders the past of the status page.",
        "past of the status page",
    ),
    Line(
        "statuspage.export",
        2 * SECOND,
        exporting.keep_up,
        "Writes the status page to STATUSPAGE_EXPORT.",
        "status page",
    ),
    Line("statuspage.fan_out", SECOND, fanout.fan_out, "Writes each subscriber's mail about an update."),
    Line(
        "statuspage.tell_changes",
        SECOND,
        component_news.tell,
        "Tells webhooks which components changed.",
    ),
    Line(
        "statuspage.confirm_echoes",
        5 * SECOND,
        endpoints.confirm_echoes,
        "Confirms webhooks that repeated their challenge.",
    ),
    Line(
        "incidents.notice_silence",
        5 * SECOND,
        heartbeats.notice_silence,
        "Notices heartbeats that fell silent.",
    ),
    Line("statuspage.turn_edges", 5 * SECOND, maintenance.turn_edges, "Begins and ends maintenance."),
    Line(
        "statuspage.publish_planned",
        5 * SECOND,
        planning.publish_due,
        "Publishes posts and updates that were written ahead.",
    ),
    # Slower, one process of all at a time.
    Line(
        "oncall.expire_acknowledgements",
        10 * SECOND,
        escalation.expire_acknowledgements,
        "Pages again where an acknowledgement has run out.",
    ),
    Line(
        "oncall.note_undelivered",
        10 * SECOND,
        undelivered.note_undelivered,
        "Goes on at once where a page's message did not arrive.",
    ),
    Line(
        "oncall.tell_of_shifts",
        15 * SECOND,
        notices.tell,
        "Tells people of their shifts: before, after, when one changes hands, and every week.",
    ),
    Line(
        "oncall.record_duty",
        15 * SECOND,
        duty_log.record,
        "Writes down who is on call, whether or not anybody asks.",
    ),
    Line(
        "oncall.hand_over",
        15 * SECOND,
        handover.hand_over,
        "Mails the notes of those who go off call to those who come on.",
        "hand-overs",
    ),
    Line(
        "oncall.report_overdue",
        60 * SECOND,
        audit.report_overdue,
        "Tells the administrators when pages stand still.",
    ),
    Line("oncall.canary", 10 * SECOND, canary.fly, "Pages the canary, to see that the chain works."),
    Line(
        "incidents.remind_updates",
        30 * SECOND,
        communication.remind_updates,
        "Reminds the incident manager of an update that is late.",
    ),
    Line(
        "postmortems.open_reviews",
        60 * SECOND,
        drafting.open_reviews,
        "Drafts the post-mortem of what is resolved and must be reviewed.",
    ),
    Line("postmortems.remind_owners", 30 * SECOND, actions.remind_owners, "Reminds owners of their actions."),
    Line(
        "oncall.refresh_calendars",
        60 * SECOND,
        calendars.refresh,
        "Reads imported calendars again.",
        "calendars",
    ),
    Line(
        "oncall.look_up_receipts",
        10 * SECOND,
        receipts.look_up,
        "Learns what people have acknowledged in Pushover.",
        "receipts",
    ),
    Line(
        "statuspage.push",
        10 * SECOND,
        pushing.keep_up,
        "Sends the status page to the bucket in STATUSPAGE_EXPORT.",
        "storage",
    ),
    Line("oncall.forget_callbacks", HOUR, presses.forget, "Forgets old calls of chat and push services."),
    Line("oncall.forget_codes", HOUR, codes.forget, "Forgets the numbers to which codes went that are over."),
    Line(
        "messaging.forget_callbacks",
        HOUR,
        callbacks.forget,
        "Forgets what came from providers of text messages and calls, with the numbers, after 30 days.",
    ),
    Line(
        "statuspage.remind_maintenance",
        15 * SECOND,
        reminders.remind_due,
        "Reminds subscribers of maintenance that begins soon.",
    ),
    Line(
        "statuspage.plan_maintenance",
        60 * SECOND,
        recurring.plan_ahead,
        "Announces maintenance that comes again.",
    ),
    Line(
        "statuspage.remind_writers",
        60 * SECOND,
        watch.remind_writers,
        "Reminds the writers of open incidents of which nothing was said for long.",
    ),
    Line(
        "statuspage.notice_refusals",
        30 * SECOND,
        endpoints.notice_refusals,
        "Stops mail to addresses that the relay refused for good.",
    ),
    Line(
        "statuspage.switch_off",
        600 * SECOND,
        endpoints.switch_off_failing,
        "Switches off webhooks that failed for days, and tells their owners.",
    ),
    Line(
        "statuspage.end_followed",
        60 * SECOND,
        endpoints.end_followed,
        "Ends what was subscribed to a single incident that is over.",
    ),
    Line(
        "statuspage.release_held",
        HOUR,
        suppression.release,
        "Tries addresses again that were held back for soft bounces.",
    ),
    Line("statuspage.forget", HOUR, subscriptions.forget, "Deletes the addresses of those who left."),
    # Apart from all others, so that it notices when one of them hangs.
    Line(
        auditor.NAME,
        auditor.PERIOD,
        lambda *, now: auditor.look(now=now, urgent=[line.name for line in LINES if line.is_urgent]),
        "Checks that nothing lies, and tells the outside watchdog.",
        "audit",
        first_after=auditor.PERIOD,  # at the very start nobody has had a turn, which is no fault of anybody
    ),
]


@dataclass(frozen=True)
class Run:
    """How one run of a line went."""

    rows: int
    error: str = ""
    no_database: bool = False


@dataclass
class Tally:
    """What this process has yet to write down about a line."""

    noted_at: float = float("-inf")
    rows: int = 0
    took_s: float = 0.0
    noted_error: str = ""
    logged_error: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


_tallies: dict[str, Tally] = {}


@cache
def owner() -> str:
    """This process, for the rows it claims."""
    return f"{socket.gethostname()}:{os.getpid()}"


def ensure_rows() -> None:
    """One row for each line of the list, none for lines that are gone."""
    known = set(PulseLine.objects.values_list("name", flat=True))
    names = {line.name for line in LINES}
    missing = [PulseLine(name=name, due_at=clock.now()) for name in sorted(names - known)]
    PulseLine.objects.bulk_create(missing, ignore_conflicts=True)
    PulseLine.objects.filter(name__in=known - names).delete()


def turn(line: Line) -> Run | None:
    """Run a line if it is ours to run: an urgent one always, a slow one if the claim succeeds; else None."""
    if not connection.in_atomic_block:
        threads.keep_connection()
    try:
        ours = line.is_urgent or claim(line, at=clock.now())
    except DatabaseError as failure:
        _drop_connection()
        return Run(0, _log(line, failure), no_database=True)
    return run(line) if ours else None


def claim(line: Line, *, at: datetime) -> bool:
    """Take a slow line for this turn: one conditional update, so that one process of many wins."""
    row = PulseLine.objects.filter(name=line.name)
    taken = {"due_at": at + min(line.period, LEASE), "owner": owner()}
    if row.claimable(at, line.period, LEASE).update(**taken):
        return True
    if row.exists():
        return False
    ensure_rows()
    return bool(row.claimable(at, line.period, LEASE).update(**taken))


def run(line: Line) -> Run:
    """Run a line now; its error is recorded and stops nothing else.

    The one place that catches everything: the pulse outlives whatever a line does.
    """
    started, clock_s = clock.now(), time.monotonic()
    try:
        done = Run(line.function(now=clock.now))
        _tally(line).logged_error = ""
    except (OperationalError, InterfaceError) as failure:
        done = Run(0, _log(line, failure), no_database=True)
        _drop_connection()
    except Exception as failure:
        done = Run(0, _log(line, failure))
    _note(line, started, time.monotonic() - clock_s, done)
    return done


def wait_s(line: Line) -> float:
    """How long until a slow line falls due, in seconds, as the database knows it; at most its period."""
    due_at = PulseLine.objects.values_list("due_at", flat=True).filter(name=line.name).first()
    left = due_at - clock.now() if due_at else timedelta()
    return min(max(left, SECOND), line.period).total_seconds()


def _drop_connection() -> None:
    """Let the next query open a new one; a transaction around us (a test's) keeps its own."""
    if not connection.in_atomic_block:
        connection.close()


def _tally(line: Line) -> Tally:
    return _tallies.setdefault(line.name, Tally())


def _log(line: Line, failure: Exception) -> str:
    """Log a failure once, not each second anew, and return it as a sentence."""
    error = f"{type(failure).__name__}: {failure}".replace("\x00", "").strip()[:500]
    tally = _tally(line)
    if error != tally.logged_error:
        trace = None if isinstance(failure, OperationalError | InterfaceError) else failure
        log.error("%s failed: %s", line.name, error, exc_info=trace)
        tally.logged_error = error
    return error


def _note(line: Line, started: datetime, took_s: float, done: Run) -> None:
    """Write down a run: a slow line's at once, an urgent one's every few seconds or when its luck turns."""
    tally = _tally(line)
    with tally.lock:
        tally.rows += done.rows
        tally.took_s = max(tally.took_s, took_s)
        fresh = time.monotonic() - tally.noted_at < NOTE_EVERY_S and done.error == tally.noted_error
        if line.is_urgent and fresh:
            return
        changes = {"rows": F("rows") + tally.rows, "took_ms": int(tally.took_s * 1000)}
        if _write(line, started, done.error, changes):
            tally.noted_at, tally.noted_error = time.monotonic(), done.error
            tally.rows, tally.took_s = 0, 0.0


def _write(line: Line, started: datetime, error: str, changes: dict) -> bool:
    """Store a note; False if the database would not have it: then it is tried with the next run."""
    changes |= {"ran_at": started, "owner": owner(), "error": error}
    if not error:
        changes |= {"ok_at": clock.now(), "failing_since": None}
    if not line.is_urgent:
        changes["due_at"] = started + (min(line.period, RETRY) if error else line.period)
    try:
        row = PulseLine.objects.filter(name=line.name)
        if not row.update(**changes):
            ensure_rows()
            row.update(**changes)
        if error:
            row.filter(failing_since=None).update(failing_since=started)
    except DatabaseError as failure:
        log.debug("%s: not noted: %s", line.name, failure)
        _drop_connection()
        return False
    return True
