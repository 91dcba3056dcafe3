"""Calendars elsewhere, read into layers: fetched when due, stored when good, told of when not."""

import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from oncall import schedules
from oncall.calendars import matching
from oncall.calendars.matching import Directory, Span
from oncall.calendars.reading import LARGEST, read
from oncall.calendars.recurrence import CalendarError
from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.render import clean_header
from oncall.models import CalendarImport, ContactMethod, Schedule, User

log = logging.getLogger("muster.calendars")

DAY = timedelta(days=1)
BACK, AHEAD = 100 * DAY, 400 * DAY
EVERY, LONGEST_WAIT = timedelta(minutes=10), timedelta(hours=6)
#: Who took a calendar to read it and then died is replaced after this time.
LEASE = timedelta(minutes=10)
MOST_AT_ONCE = 20
MOST_PROBLEMS = 50
HEADERS = {"Accept": "text/calendar, */*;q=0.1"}


def check_address(url: str) -> str:
    """The address as it will be asked, ``webcal:`` as ``https:``; DomainError ``url`` where we would not go."""
    scheme, found, rest = url.strip().partition("://")
    url = f"https://{rest}" if found and scheme.lower() in ("webcal", "webcals") else url.strip()
    try:
        return egress.parse(url).url
    except DeliveryError as error:
        raise DomainError("url", error.text) from None


@transaction.atomic
def settle(row: CalendarImport, *, by: User | None, at: datetime) -> CalendarImport:
    """Note that an import is new or was edited: read it soon, and compute its schedule anew."""
    schedules.touch(row.schedule, by=by, at=at)
    CalendarImport.objects.filter(pk=row.pk).update(due_at=at, fingerprint="")
    row.refresh_from_db()
    return row


@transaction.atomic
def remove(row: CalendarImport, *, by: User | None, at: datetime) -> None:
    """Take an imported calendar off its schedule."""
    row._history_user, row._history_date = by, at
    schedules.touch(row.schedule, by=by, at=at)
    row.delete()


def read_again(row: CalendarImport, *, by: User | None, at: datetime) -> CalendarImport:
    """Read it with the pulse's next beat, whether it has changed or not."""
    CalendarImport.objects.filter(pk=row.pk).update(due_at=at, fingerprint="")
    row.refresh_from_db()
    return row


def refresh(*, now: Callable[[], datetime]) -> int:
    """Read the calendars that are due; how many were read. One that fails waits longer and holds up no other."""
    done = 0
    for row in CalendarImport.objects.due(now()).select_related("schedule")[:MOST_AT_ONCE]:
        at = now()
        if CalendarImport.objects.filter(pk=row.pk, due_at=row.due_at).update(due_at=at + LEASE):
            _refresh(row, at)
            done += 1
    return done


def _refresh(row: CalendarImport, at: datetime) -> None:
    try:
        body = fetch(row.url)
        fingerprint = _fingerprint(row, body, at)
        if fingerprint == row.fingerprint:
            _again(row, at, {})
            return
        spans, problems = _read(row, body, at)
    except DeliveryError as error:
        _failed(row, error.text, at)
    except CalendarError as error:
        _failed(row, str(error), at)
    except Exception as error:  # a calendar that trips the reader must not stop the others
        log.exception("calendar %s could not be read", row.pk)
        _failed(row, f"The calendar could not be read: {type(error).__name__}.", at)
    else:
        _store(row, spans, problems, fingerprint, at)


def fetch(url: str) -> bytes:
    """The file behind an address; DeliveryError or CalendarError with a sentence where there is none."""
    answer = egress.request("GET", url, headers=HEADERS, answer_limit=LARGEST + 1)
    if 300 <= answer.status < 400:
        raise CalendarError("The address leads to another one (a redirect). Enter that one instead.")
    if answer.status != 200:
        raise CalendarError(f"The address answers with status {answer.status} instead of a calendar.")
    return answer.body


def _read(row: CalendarImport, body: bytes, at: datetime) -> tuple[list[Span], list[str]]:
    first, last = _range(at)
    happenings, problems = read(body, zone=ZoneInfo(row.schedule.time_zone), start=first, end=last)
    spans, unclear = matching.spans(happenings, _directory())
    return spans, problems + unclear


def _directory() -> Directory:
    """Everybody active, with the account's address and the verified ones."""
    by_email: dict[str, set[int]] = {}
    by_name: dict[str, set[int]] = {}
    for user in User.objects.filter(is_active=True).only("pk", "email", "first_name", "last_name"):
        if user.email:
            by_email.setdefault(user.email.lower(), set()).add(user.pk)
        if user.get_full_name():
            by_name.setdefault(user.get_full_name(), set()).add(user.pk)
    verified = ContactMethod.objects.filter(medium="email", verified_at__isnull=False, user__is_active=True)
    for address, pk in verified.values_list("address", "user"):
        by_email.setdefault(address.lower(), set()).add(pk)
    return Directory(by_email, by_name)


@transaction.atomic
def _store(
    row: CalendarImport, spans: list[Span], problems: list[str], fingerprint: str, at: datetime
) -> None:
    """Keep what was read, unless the import was edited meanwhile. The past stays as it was known.

    The schedule is held first, as everywhere: a person who edits it, or takes the calendar off it, does so too.
    """
    Schedule.objects.select_for_update().get(pk=row.schedule_id)
    fresh = CalendarImport.objects.select_for_update().filter(pk=row.pk, url=row.url).first()
    if fresh is None:
        return
    if fresh.refreshed_at is not None:
        spans = _spliced(_spans(fresh.events), spans, at)
    events = [[int(a.timestamp()), int(b.timestamp()), sorted(people)] for a, b, people in spans]
    if events != fresh.events:
        why = clean_header(f"Imported calendar {fresh} has changed", 100)
        schedules.touch(fresh.schedule, by=None, at=at, why=why)
    if len(problems) > MOST_PROBLEMS:
        problems = [*problems[:MOST_PROBLEMS], f"{len(problems) - MOST_PROBLEMS} more."]
    problems = [clean_header(text, 300) for text in problems]
    _again(row, at, {"events": events, "problems": problems, "fingerprint": fingerprint})


def _spliced(old: list[Span], new: list[Span], at: datetime) -> list[Span]:
    """``old`` up to now and ``new`` from now on: an edit elsewhere does not rewrite who was on call here."""
    first, _ = _range(at)
    past = [(a, min(b, at), people) for a, b, people in old if a < at and b > first]
    future = [(max(a, at), b, people) for a, b, people in new if b > at]
    return matching.apart([*past, *future])


def _spans(events: list) -> list[Span]:
    return [
        (datetime.fromtimestamp(a, UTC), datetime.fromtimestamp(b, UTC), frozenset(people))
        for a, b, people in events
    ]


def _again(row: CalendarImport, at: datetime, changes: dict) -> None:
    changes |= {"refreshed_at": at, "due_at": at + EVERY, "error": "", "failures": 0}
    CalendarImport.objects.filter(pk=row.pk, url=row.url).update(**changes)


def _failed(row: CalendarImport, why: str, at: datetime) -> None:
    """The last good copy stays; the next try comes later each time."""
    wait = min(EVERY * 2 ** min(row.failures, 10), LONGEST_WAIT)
    changes = {"due_at": at + wait, "error": clean_header(why, 500), "failures": F("failures") + 1}
    CalendarImport.objects.filter(pk=row.pk, url=row.url).update(**changes)


def _fingerprint(row: CalendarImport, body: bytes, at: datetime) -> str:
    """What a reading depends on: the file, the zone, and the day, since people and the range change with time."""
    told = f"{row.schedule.time_zone} {at.date()} ".encode()
    return hashlib.sha256(told + body).hexdigest()


def _range(at: datetime) -> tuple[datetime, datetime]:
    midnight = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    return midnight - BACK, midnight + AHEAD
