"""What an operator asks: is it alive, is it ready, how does it do.

``/healthz`` touches no database, so that a database restart does not get the web server killed. ``/readyz``
gives strangers a bare word and staff (or a holder of METRICS_TOKEN) the reasons. ``/metrics`` is Prometheus
text, for this machine and holders of METRICS_TOKEN.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config import audit, pulse
from config.models import PulseLine
from incidents.models import Incident, StoredEvent
from oncall import canary, clock
from oncall.canary import Flight
from oncall.messaging.models import Delivery
from oncall.models import Page
from statuspage.models import MAIN, StatusPage

PULSE_LATE = timedelta(seconds=30)
WORK_LATE = timedelta(seconds=60)
CANARY_LATE = timedelta(minutes=5)
PROBE_S = 1.0

#: Every queue of urgent work: its name, the rows that are due, and the column that says since when.
QUEUES: list[tuple[str, Callable[[datetime], QuerySet], str]] = [
    ("alerts", StoredEvent.objects.due, "due_at"),
    ("pages", Page.objects.due, "next_step_at"),
    ("deliveries", Delivery.objects.due, "due_at"),
]


@dataclass(frozen=True)
class PulseState:
    """How the pulse beats: shown on the admin's first page, judged by /readyz, counted by /metrics.

    ``age`` is the time since every urgent line last succeeded, None if one never did. ``waiting`` names each
    queue with how long its oldest due row has waited. ``failing`` are lines whose last run ended in an error.
    """

    at: datetime
    age: timedelta | None
    waiting: dict[str, timedelta]
    failing: list[PulseLine] = field(default_factory=list)
    silent_auditor: timedelta | None = None
    canary: Flight | None = None
    lines: list[PulseLine] = field(default_factory=list)

    @property
    def is_late(self) -> bool:
        return self.age is None or self.age > PULSE_LATE

    @property
    def oldest_due(self) -> timedelta:
        return max(self.waiting.values(), default=timedelta())

    @property
    def is_stuck(self) -> bool:
        return self.oldest_due > WORK_LATE

    @property
    def is_well(self) -> bool:
        return not self.troubles

    @property
    def troubles(self) -> list[str]:
        """What is wrong, each in a sentence a person can act on; empty when all is well."""
        found = []
        if self.age is None:
            found.append("The pulse has never beaten: start `manage.py up` or `manage.py engine`.")
        elif self.is_late:
            found.append(
                f"The pulse last beat {_seconds(self.age)} s ago: nobody is paged. Start `manage.py engine`."
            )
        for name, wait in self.waiting.items():
            if wait > WORK_LATE:
                found.append(f"The oldest of the due {name} has waited {_seconds(wait)} s.")
        if self.silent_auditor:
            found.append(
                f"The auditor has not looked for {_seconds(self.silent_auditor)} s: nobody would notice."
            )
        if self.canary and self.canary.late and self.canary.late > CANARY_LATE:
            found.append(f"The canary is under way for {_seconds(self.canary.late)} s: pages may not arrive.")
        found += [
            f"{row.name} fails since {row.failing_since:%H:%M} UTC: {row.error}" for row in self.failing
        ]
        return found


def pulse_state(now: datetime) -> PulseState:
    """Look at the pulse: five cheap queries."""
    rows = {row.name: row for row in PulseLine.objects.all()}
    urgent = [rows.get(line.name) for line in pulse.LINES if line.is_urgent]
    beats = [row.ok_at if row else None for row in urgent]
    age = None if None in beats else now - min(beats, default=now)
    waiting = {}
    for name, due, column in QUEUES:
        oldest = due(now).order_by().aggregate(oldest=Min(column))["oldest"]
        if oldest:
            waiting[name] = now - oldest
    failing = [row for row in rows.values() if row.error]
    silent = audit.silence(rows.values(), now)
    return PulseState(now, age, waiting, failing, silent, canary.flight(now), list(rows.values()))


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())


# -- ready -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Readiness:
    """Whether this portal can do its work; ``degraded`` does not make it unready."""

    problems: list[str]
    degraded: list[str] = field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        return not self.problems


def readiness(now: datetime) -> Readiness:
    """Judge database, migrations and pulse; Redis only wakes us up, so its loss is no reason to be unready."""
    if not migrations_are_applied():
        return Readiness(["Migrations are pending: run `manage.py migrate`."])
    state = pulse_state(now)
    stands = state.is_late or state.is_stuck or state.silent_auditor
    stopping = state.troubles if stands else []
    degraded = [trouble for trouble in state.troubles if trouble not in stopping]
    return Readiness(stopping, degraded + _redis_troubles())


_seen_applied = threading.Event()


def migrations_are_applied() -> bool:
    """Whether the database has the form this code wants.

    Read until it is so, and remembered then: reading every migration costs more than all else that a probe
    asks, and this process's code does not change.
    """
    if not _seen_applied.is_set():
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _seen_applied.set()
    return True


def _redis_troubles() -> list[str]:
    if not settings.REDIS_URL:
        return []
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.3, socket_connect_timeout=0.3) as link:
            link.ping()
    except (redis.RedisError, OSError) as failure:
        return [f"Redis does not answer, the engine works alone: {failure}"]
    return []


_prober = ThreadPoolExecutor(max_workers=1, thread_name_prefix="probe")


def _within(limit_s: float, ask: Callable[[datetime], Any], now: datetime) -> Any:
    """The answer of ``ask`` from the probe's own thread and connection, or TookTooLong.

    A database that hangs holds up one thread, never the web server's hands.
    """

    def probe() -> Any:
        connection.close_if_unusable_or_obsolete()
        return ask(now)

    pending: Future = _prober.submit(probe)
    try:
        return pending.result(timeout=limit_s)
    finally:
        pending.cancel()


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 or 503 and one word; staff and holders of the metrics token also read why."""
    try:
        found = _within(PROBE_S, readiness, clock.now())
    except (DatabaseError, TookTooLong):
        found = Readiness([f"The database did not answer within {PROBE_S:.0f} s."])
    status = 200 if found.is_ready else 503
    word = "ready" if found.is_ready else "not ready"
    if not _may_know(request):
        return HttpResponse(f"{word}\n", status=status, content_type="text/plain")
    answer = {"status": word, "problems": found.problems, "degraded": found.degraded}
    return JsonResponse(answer, status=status)


def _may_know(request: HttpRequest) -> bool:
    """Holder of the metrics token, or staff. A database that is away makes nobody staff."""
    if _has_token(request):
        return True
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    try:
        return request.user.is_active and request.user.is_staff
    except DatabaseError:
        return False


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(settings.METRICS_TOKEN) and compare_digest(given.encode(), settings.METRICS_TOKEN.encode())


# -- metrics -----------------------------------------------------------------------------------------------
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever sits on this machine or holds METRICS_TOKEN."""
    if not (_is_local(request) or _has_token(request)):
        return HttpResponse("Send METRICS_TOKEN as a bearer token.\n", status=403, content_type="text/plain")
    try:
        text = "".join(_exposition(clock.now()))
    except DatabaseError:
        return HttpResponse("The database does not answer.\n", status=503, content_type="text/plain")
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _is_local(request: HttpRequest) -> bool:
    """A direct request from this machine; behind a proxy everybody would look like that."""
    if settings.TRUSTED_PROXIES or "X-Forwarded-For" in request.headers:
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


Sample = tuple[dict[str, str], float]


def _exposition(now: datetime) -> Iterator[str]:
    for name, kind, what, samples in _figures(now):
        yield f"# HELP muster_{name} {what}\n# TYPE muster_{name} {kind}\n"
        for labels, value in samples:
            inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
            yield f"muster_{name}{f'{{{inside}}}' if inside else ''} {value:g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _figures(now: datetime) -> Iterator[tuple[str, str, str, list[Sample]]]:
    """(name, type, help, samples) of every figure."""
    state = pulse_state(now)
    yield "open_incidents", "gauge", "Incidents not ended, by state.", _by("state", Incident.objects.open())
    yield "open_pages", "gauge", "Pages not ended, by state.", _by("state", Page.objects.open())
    yield "deliveries", "gauge", "Deliveries, by state.", _by("state", Delivery.objects.all())
    waits = [({"queue": name}, _age_s(state.waiting.get(name))) for name, _, _ in QUEUES]
    yield "oldest_due_seconds", "gauge", "How long the oldest due row has waited.", waits
    if state.age is not None:
        yield (
            "pulse_age_seconds",
            "gauge",
            "Since every urgent line last succeeded.",
            [({}, _age_s(state.age))],
        )
    yield (
        "audit_silent_seconds",
        "gauge",
        "How long the auditor has been silent; 0 while it looks.",
        [({}, _age_s(state.silent_auditor))],
    )
    if state.canary and state.canary.took:
        yield (
            "canary_seconds",
            "gauge",
            "From the last canary's page to its message being handed over.",
            [({}, _age_s(state.canary.took))],
        )
    yield (
        "status_page_age_seconds",
        "gauge",
        "Since the public page was last rendered.",
        [({"page": page.slug}, _age_s(now - page.rendered_at)) for page in _rendered_pages()],
    )
    yield (
        "status_page_behind",
        "gauge",
        "1 while a change of the public page waits to be rendered.",
        [({"page": page.slug}, float(page.rendered_version != page.version)) for page in _rendered_pages()],
    )
    if settings.STATUSPAGE_EXPORT:
        yield (
            "status_page_export_behind",
            "gauge",
            "1 while the exported files are not what the page says.",
            [({"page": page.slug}, float(page.exported_serial != page.serial)) for page in _exported_pages()],
        )
    yield (
        "status_page_lag_seconds",
        "gauge",
        "How old what readers see is while a change waits; 0 while nothing does.",
        [({"page": page.slug}, _lag_s(page, now)) for page in _rendered_pages()],
    )
    yield (
        "line_duration_seconds",
        "gauge",
        "The longest recent run of a line.",
        [({"line": row.name}, row.took_ms / 1000) for row in state.lines],
    )
    yield (
        "line_rows_total",
        "counter",
        "Rows a line has worked.",
        [({"line": row.name}, row.rows) for row in state.lines],
    )
    yield (
        "line_failing",
        "gauge",
        "1 while the last run of a line ended in an error.",
        [({"line": row.name}, float(bool(row.error))) for row in state.lines],
    )


def _rendered_pages() -> QuerySet[StatusPage]:
    """Public pages; of others no copy is kept, so none can be old."""
    return StatusPage.objects.public().exclude(rendered_at=None)


def _lag_s(page: StatusPage, now: datetime) -> float:
    return _age_s(now - page.rendered_at) if page.rendered_version != page.version else 0.0


def _exported_pages() -> QuerySet[StatusPage]:
    return _rendered_pages().filter(slug=MAIN)


def _by(column: str, rows: QuerySet) -> list[Sample]:
    counted = rows.order_by().values_list(column).annotate(n=Count("pk"))
    return [({column: value}, n) for value, n in sorted(counted)]


def _age_s(wait: timedelta | None) -> float:
    return max(0.0, wait.total_seconds()) if wait else 0.0
