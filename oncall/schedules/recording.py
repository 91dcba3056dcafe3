"""Who is on call from now on, stored; and who was, written into the log.

The stored answer (``OnDuty``) is a cache, the log (``DutyLog``) the record. Both are written here, in one
transaction. Source: field/oncall.md section 3.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from oncall import rotation
from oncall.models import DutyLog, DutyLogPerson, OnDuty, Schedule, User
from oncall.schedules.loading import load_many

#: What is noted within this time counts as noted when it happened.
PROMPT = timedelta(minutes=5)
Reason = DutyLog.Reason


@dataclass(frozen=True)
class Piece:
    """An entry of the log to be; ``end`` is None for the one that runs."""

    start: datetime
    end: datetime | None
    people: tuple[str, ...]
    computed: bool = False
    reason: str = Reason.HANDOVER


def renew(schedules: Iterable[Schedule], at: datetime) -> list[OnDuty]:
    """Compute and store who is on call, and log what was and is; as many queries for one schedule as for many.

    Of two that do so at once either may store the answer, both are right; the log is written by the first.
    """
    known = {schedule.pk: schedule for schedule in sorted(schedules, key=lambda schedule: schedule.pk)}
    running = {entry.schedule_id: entry for entry in DutyLog.objects.running().filter(schedule__in=known)}
    ends = _ends(known, running, at)
    plans = load_many(known.values(), since=min([at, *(end for end, _ in ends.values())]))
    duties = {pk: _on_duty(schedule, plans[pk], at) for pk, schedule in known.items()}
    pieces = {
        pk: _pieces(plans[pk], tuple(duties[pk].usernames), end, reason, at)
        for pk, (end, reason) in ends.items()
    }
    with transaction.atomic():
        _store(duties.values())
        _append(duties, running, pieces, at)
    return list(duties.values())


def _on_duty(schedule: Schedule, plan: rotation.Schedule, at: datetime) -> OnDuty:
    return OnDuty(
        schedule=schedule,
        version=schedule.version,
        from_at=at,
        until_at=rotation.next_change(plan, at),
        usernames=list(rotation.on_call_at(plan, at).people),
    )


# -- what the log lacks ------------------------------------------------------------------------------------
def _ends(
    known: dict[int, Schedule], running: dict[int, DutyLog], at: datetime
) -> dict[int, tuple[datetime, str]]:
    """When the running entries ended that hold no more, and why; ``at`` where a schedule has none yet.

    Left alone is what another process has written since ``at``, or of a newer version of the schedule.
    """
    changes, bereft = _changes(known, running), _bereft(running)
    found = dict.fromkeys(known.keys() - running.keys(), (at, Reason.FIRST))
    for pk, entry in running.items():
        ends = []
        if entry.due_at is not None and entry.due_at <= at:
            ends.append((entry.due_at, Reason.HANDOVER))
        if entry.version < known[pk].version:
            ends.append((changes.get(pk, at), Reason.CHANGED))
        if pk in bereft:
            ends.append((at, Reason.CHANGED))
        if ends and entry.from_at <= at and entry.version <= known[pk].version:
            end, reason = min(ends)
            found[pk] = min(max(end, entry.from_at), at), reason
    return found


def _changes(known: dict[int, Schedule], running: dict[int, DutyLog]) -> dict[int, datetime]:
    """When schedules first changed after their running entries were written, as their history says."""
    versions = {pk: entry.version for pk, entry in running.items() if entry.version < known[pk].version}
    if not versions:
        return {}
    since = min(running[pk].from_at for pk in versions)
    rows = Schedule.history.filter(id__in=versions, history_date__gte=since).order_by("-history_date")
    rows = rows.values_list("id", "version", "history_date")
    return {pk: changed_at for pk, version, changed_at in rows if version > versions[pk]}


def _bereft(running: dict[int, DutyLog]) -> set[int]:
    """The schedules whose running entry names somebody who has been deleted."""
    people = DutyLogPerson.objects.filter(entry__in=running.values())
    gone = people.exclude(Exists(User.objects.filter(pk=OuterRef("user_id"))))
    return set(gone.values_list("entry__schedule_id", flat=True))


def _pieces(
    plan: rotation.Schedule, people: tuple[str, ...], start: datetime, reason: str, at: datetime
) -> list[Piece]:
    """The entries from ``start`` to ``at`` as the configuration stands, and the one that runs from then on.

    What nobody noted within ``PROMPT`` is marked as computed: also the first part of a duty under way.
    """
    segments = rotation.final(plan, start, at) if start < at else []
    found = [Piece(each.start, each.end, each.people, at - each.start > PROMPT) for each in segments]
    goes_on = bool(found) and found[-1].people == people
    if goes_on and not found[-1].computed:
        found[-1] = replace(found[-1], end=None)
    else:
        found.append(Piece(at, None, people, reason=Reason.RESUMED if goes_on else Reason.HANDOVER))
    found[0] = replace(found[0], reason=reason)
    return found


# -- writing -----------------------------------------------------------------------------------------------
def _store(duties: Iterable[OnDuty]) -> None:
    """The rows stay locked, in the order of their schedules, until the log is written too."""
    columns = ["version", "from_at", "until_at", "usernames"]
    OnDuty.objects.bulk_create(
        duties, update_conflicts=True, unique_fields=["schedule"], update_fields=columns
    )


def _append(
    duties: dict[int, OnDuty], running: dict[int, DutyLog], pieces: dict[int, list[Piece]], at: datetime
) -> None:
    """End the entries that hold no more and add the missing ones, but where another process just has."""
    now = dict(DutyLog.objects.running().filter(schedule__in=pieces).values_list("schedule_id", "pk"))
    before = {pk: entry.pk for pk, entry in running.items()}
    ours = {pk: found for pk, found in pieces.items() if now.get(pk) == before.get(pk)}
    _end([running[pk] for pk in ours if pk in running], {pk: found[0].start for pk, found in ours.items()})
    added = [(_entry(duties[pk], piece, at), piece.people) for pk, found in ours.items() for piece in found]
    DutyLog.objects.bulk_create([entry for entry, _ in added])
    names = {name for _, people in added for name in people}
    users = {user.username: user for user in User.objects.filter(username__in=names)}
    DutyLogPerson.objects.bulk_create(
        _person(entry, users[name]) for entry, people in added for name in people if name in users
    )


def _end(entries: list[DutyLog], ends: dict[int, datetime]) -> None:
    """What ended the moment it began was never so: an entry without a length goes."""
    for entry in entries:
        entry.until_at = ends[entry.schedule_id]
    DutyLog.objects.bulk_update([e for e in entries if e.until_at > e.from_at], ["until_at"])
    DutyLog.objects.filter(pk__in=[e.pk for e in entries if e.until_at == e.from_at]).delete()


def _entry(duty: OnDuty, piece: Piece, at: datetime) -> DutyLog:
    return DutyLog(
        schedule_id=duty.schedule_id,
        schedule_slug=duty.schedule.slug,
        schedule_name=duty.schedule.name,
        team_id=duty.schedule.team_id,
        version=duty.version,
        from_at=piece.start,
        until_at=piece.end,
        due_at=None if piece.end else duty.until_at,
        reason=piece.reason,
        computed=piece.computed,
        noted_at=at,
    )


def _person(entry: DutyLog, user: User) -> DutyLogPerson:
    return DutyLogPerson(
        entry=entry,
        user=user,
        username=user.username,
        name=str(user),
        time_zone=user.time_zone,
        from_at=entry.from_at,
    )
