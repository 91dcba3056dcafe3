"""Shifts changing hands by consent: ask, take, take back, cancel; or take at once.

A person acts for herself; who may change schedules acts for others. The past is never rewritten: of a shift
under way only the rest is handed over, or back.
Source: field/oncall.md section 1.1 "Consent swaps with history" and section 2.1 rows 12 and 13.
"""

from datetime import datetime, timedelta

from django.db import transaction

from oncall import letters, rotation, schedules, shifts
from oncall.messaging.errors import DomainError
from oncall.models import Schedule, Swap, User

MANAGES = "oncall.change_schedule"
TAKES = "oncall.add_scheduleexception"
State = Swap.State
#: States in which a swap stands in the way of another one of the same shift.
STANDING = (State.ASKED, State.TAKEN)
FARTHEST = timedelta(days=731)


@transaction.atomic
def ask(
    schedule: Schedule,
    *,
    requester: User | None = None,
    start: datetime,
    end: datetime,
    note: str = "",
    by: User | None,
    at: datetime,
) -> Swap:
    """Ask the others on a schedule to take a shift of ``requester`` (by default of who asks).

    The same once more returns the one that stands. DomainError ``forbidden``, ``past``, ``no_shift`` or
    ``swap_overlaps``.
    """
    requester = requester or by
    if not _speaks_for(by, requester):
        raise DomainError("forbidden", "You can ask for your own shifts only.")
    swap, made = _open(schedule, requester, start, end, note, by=by, at=at)
    if made:
        for user in _others(swap):
            _tell(swap, user, f"{requester} asks for cover", "Can you take it?", by=by, at=at)
    return swap


@transaction.atomic
def take(swap: Swap, *, taker: User | None = None, by: User | None, at: datetime) -> Swap:
    """Take a shift that was asked for. Taking it again changes nothing; another taker comes too late."""
    taker = taker or by
    swap = _locked(swap)
    if swap.state == State.TAKEN and swap.taker == taker:
        return swap
    _check_taker(taker, swap.requester, by)
    if swap.state != State.ASKED:
        raise DomainError("swap_not_open", f"Nobody asks for this any more: it is {_words(swap)}.")
    _check_time(swap.end, at)
    check_is_there(taker, swap.start, swap.end, at=at)
    return _hand_over(swap, taker, by=by, at=at)


@transaction.atomic
def take_at_once(
    schedule: Schedule,
    *,
    requester: User,
    start: datetime,
    end: datetime,
    taker: User | None = None,
    note: str = "",
    by: User | None,
    at: datetime,
) -> Swap:
    """Take a shift of ``requester`` without being asked; she is told, and may take it back."""
    taker = taker or by
    _check_taker(taker, requester, by)
    same = _same(schedule, requester, start, end).filter(state=State.TAKEN, taker=taker).first()
    if same:
        return same
    check_is_there(taker, start, end, at=at)
    swap, _ = _open(schedule, requester, start, end, note, by=by, at=at)
    return _hand_over(swap, taker, by=by, at=at)


@transaction.atomic
def take_back(swap: Swap, *, by: User | None, at: datetime) -> Swap:
    """The shift, or what is left of it, is the requester's again. Either of the two may; again changes nothing."""
    swap = _locked(swap)
    if not _speaks_for(by, swap.requester, swap.taker):
        raise DomainError("forbidden", "Only the two who swapped can take it back.")
    if swap.state == State.TAKEN_BACK:
        return swap
    if swap.state != State.TAKEN:
        raise DomainError("swap_not_taken", f"There is nothing to take back: it is {_words(swap)}.")
    _check_time(swap.end, at)
    if swap.exception:
        schedules.end_exception(swap.exception, by=by, at=at)
        swap.exception = None
    swap.state = State.TAKEN_BACK
    _save(swap, by, at)
    for user in (swap.requester, swap.taker):
        whose = (
            "your shift is yours again"
            if user == swap.requester
            else f"the shift is {swap.requester}’s again"
        )
        _tell(swap, user, f"Taken back: {whose}", "", by=by, at=at)
    return swap


@transaction.atomic
def cancel(swap: Swap, *, by: User | None, at: datetime) -> Swap:
    """Ask no longer. Again changes nothing; what is taken is taken back instead."""
    swap = _locked(swap)
    if not _speaks_for(by, swap.requester):
        raise DomainError("forbidden", "Only who asked can cancel it.")
    if swap.state == State.CANCELLED:
        return swap
    if swap.state != State.ASKED:
        raise DomainError("swap_not_open", f"It is {_words(swap)}; cancelling is too late.")
    swap.state = State.CANCELLED
    return _save(swap, by, at)


def check(schedule: Schedule, requester: User, start: datetime, end: datetime, *, at: datetime) -> None:
    """Raise the DomainError with which a new swap of this shift would be refused."""
    if not start < end <= at + FARTHEST:
        raise DomainError("bad_span", "End after the start, and within two years from now.")
    _check_time(end, at)
    standing = schedule.swaps.filter(requester=requester, state__in=STANDING, start__lt=end, end__gt=start)
    if other := standing.select_related("taker").first():
        whose = f"{other.taker} has it" if other.state == State.TAKEN else "it is asked for"
        text = f"Another swap of {requester}’s shift lies in that time: {whose}."
        raise DomainError("swap_overlaps", text)
    if not shifts.of(requester, [schedule], max(start, at), end, though_absent=True):
        raise DomainError("no_shift", f"{requester} is not on call on {schedule} in that time.")


def check_is_there(taker: User, start: datetime, end: datetime, *, at: datetime) -> None:
    """Raise DomainError ``taker_away`` where the taker is away in that time: then nobody would be on call."""
    if taker.absences.filter(start__lt=end, end__gt=max(start, at)).exists():
        raise DomainError("taker_away", f"{taker} is away then. Choose somebody else, or end the absence.")


def speaks_for(by: User, *people: User | None) -> bool:
    """Whether ``by`` is one of these people or may change schedules."""
    return by in people or by.has_perm(MANAGES)


def _speaks_for(by: User | None, *people: User | None) -> bool:
    return by is None or speaks_for(by, *people)


def _open(
    schedule: Schedule,
    requester: User,
    start: datetime,
    end: datetime,
    note: str,
    *,
    by: User | None,
    at: datetime,
) -> tuple[Swap, bool]:
    """The request for this very shift, and whether it is new. Holds the schedule: two exclude each other."""
    row = Schedule.objects.select_for_update().get(pk=schedule.pk)
    same = _same(row, requester, start, end).filter(state=State.ASKED).first()
    if same:
        return _locked(same), False
    check(row, requester, start, end, at=at)
    swap = Swap(schedule=row, requester=requester, start=start, end=end, note=note)
    return _save(swap, by, at), True


def _hand_over(swap: Swap, taker: User, *, by: User | None, at: datetime) -> Swap:
    swap.exception = schedules.make_exception(
        swap.schedule,
        kind=rotation.REPLACE,
        user=swap.requester,
        cover=taker,
        start=max(swap.start, at.replace(microsecond=0)),
        end=swap.end,
        reason=swap.note,
        by=by,
        at=at,
    )
    swap.taker, swap.state = taker, State.TAKEN
    _save(swap, by, at)
    _tell(swap, swap.requester, f"{taker} takes your shift", "", by=by, at=at)
    _tell(swap, taker, f"You take {swap.requester}’s shift", "", by=by, at=at)
    return swap


def _check_taker(taker: User, requester: User, by: User | None) -> None:
    if not _speaks_for(by, taker):
        raise DomainError("forbidden", "You can take shifts for yourself only.")
    if by == taker and by is not None and not (by.has_perm(TAKES) or by.has_perm(MANAGES)):
        raise DomainError("forbidden", "Your account may not take shifts.")
    if taker == requester:
        raise DomainError("own_shift", "It is that person’s own shift.")
    if not taker.is_active:
        raise DomainError("taker_inactive", f"{taker}’s account is not active.")


def _check_time(end: datetime, at: datetime) -> None:
    if end <= at:
        raise DomainError("past", "That time is over; the past stays as it was.")


def _same(schedule: Schedule, requester: User, start: datetime, end: datetime):
    return schedule.swaps.filter(requester=requester, start=start, end=end)


def _locked(swap: Swap) -> Swap:
    """The row as it is now, ours until the transaction ends; the schedule's first, as everywhere here."""
    Schedule.objects.select_for_update().get(pk=swap.schedule_id)
    Swap.objects.select_for_update().get(pk=swap.pk)
    return Swap.objects.select_related("schedule", "requester", "taker", "exception").get(pk=swap.pk)


def _save(swap: Swap, by: User | None, at: datetime) -> Swap:
    swap._history_user, swap._history_date = by, at
    swap.save()
    return swap


def _others(swap: Swap) -> list[User]:
    """Everybody else whom the schedule names."""
    names = rotation.people_named(schedules.load(swap.schedule))
    return list(User.objects.filter(username__in=names).exclude(pk=swap.requester_id).order_by("pk"))


def _tell(swap: Swap, user: User, news: str, question: str, *, by: User | None, at: datetime) -> None:
    """Write to one of those concerned, unless she did it herself."""
    if user == by:
        return
    when = letters.span(swap.start, swap.end, user)
    note = f"Note: {swap.note}" if swap.note else ""
    text = "\n".join(filter(None, [f"{news} on {swap.schedule}:", when, note, question]))
    letters.write(
        user,
        subject=f"{news}: {swap.schedule}, {letters.moment(swap.start, user)}",
        text=text,
        path=f"/admin/oncall/swap/{swap.pk}/change/",
        key=f"swap:{swap.pk}:{swap.state}:{user.pk}",
        topic=f"swap:{swap.pk}",
        at=at,
    )


def _words(swap: Swap) -> str:
    return swap.get_state_display().lower()
