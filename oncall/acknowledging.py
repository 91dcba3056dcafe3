"""Somebody answers: acknowledging, confirming, taking it back, and an acknowledgement that runs out.

Source: field/oncall.md section 5, rules 17 to 19 and 21.
"""

from datetime import datetime, timedelta

from django.db import transaction

from oncall import messages, partly, plans
from oncall.messaging import doorbell, outbox
from oncall.messaging.errors import DomainError
from oncall.models import Page, PageEvent, User
from oncall.page_events import begin_again, locked, move, record

Kind, State = PageEvent.Kind, Page.State

#: An acknowledgement that ends is followed by a new one within seconds more often than by nothing (rule 21).
GRACE = timedelta(seconds=10)
#: Pressing "acknowledge" twice is one confirmation.
CONFIRMS_EVERY = timedelta(minutes=1)


@transaction.atomic
def acknowledge(page: Page, *, by: User | None, at: datetime) -> Page:
    """Somebody answers: nothing more is sent for this page, nor to her for others of the same incident.

    Where a step asks everyone, each answer stops the messages to whoever gave it, and the last one the page. A
    second person is noted, the first stays its owner; the owner again gets the whole time anew, if
    acknowledgements run out. After the page is over nothing changes (rules 17, 18).
    """
    others = _direct_pages(page, by)
    page, *others = _locked_in_order(page, others)
    for other in others if page.state != State.RESOLVED else ():
        _acknowledge(other, by, at)
    return _acknowledge(page, by, at)


def _acknowledge(page: Page, by: User | None, at: datetime) -> Page:
    if page.state == State.RESOLVED:
        return page
    if page.state == State.ACKNOWLEDGED:
        return _again(page, by, at)
    _note_answer(page, by, at)
    awaited = awaited_from(page)
    if awaited:
        return _answered_in_part(page, by, awaited, at)
    first = _first_to_answer(page) or by
    move(
        page,
        state=State.ACKNOWLEDGED,
        held_for="",
        next_step_at=None,
        acknowledged_at=at,
        acknowledged_by=first,
        unacknowledge_at=_runs_out_at(page, at),
        reminded_at=None,
        attempts=0,
    )
    outbox.cancel(topic=page.topic, at=at, reason="acknowledged")
    last = "; now everybody has who must" if first != by else ""
    record(page, Kind.ACKNOWLEDGED, f"{by or 'The alert source'} acknowledged{last}", by=by, at=at)
    return page


def _again(page: Page, by: User | None, at: datetime) -> Page:
    if by is not None and by != page.acknowledged_by:
        if not page.events.filter(kind=Kind.ALSO_ACKNOWLEDGED, by=by, at__gte=page.acknowledged_at).exists():
            record(page, Kind.ALSO_ACKNOWLEDGED, f"{by} acknowledged as well", by=by, at=at)
        return page
    return _wind_up(page, by, at)


# -- other pages of the same incident ----------------------------------------------------------------------
def _direct_pages(page: Page, by: User | None) -> list[Page]:
    """Waiting pages about the same to nobody but her: whoever answers one has answered them all (rule 17)."""
    if by is None:
        return []
    about = Page.objects.filter(pk=page.pk).exclude(reference="").values("reference")
    same = Page.objects.waiting().filter(reference__in=about, policy__isnull=True).exclude(pk=page.pk)
    return [other for other in same if _is_direct_to(by, other)]


def _is_direct_to(user: User, page: Page) -> bool:
    targets = [target for step in plans.read(page.plan).steps for target in step.targets]
    return [(target.kind, target.id) for target in targets] == [("user", user.pk)]


def _locked_in_order(page: Page, others: list[Page]) -> list[Page]:
    """The pages as they are now, ``page`` first; locked in one order, so that two who answer cannot meet."""
    keys = sorted({page.pk, *(other.pk for other in others)})
    rows = Page.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    return sorted(rows, key=lambda row: row.pk != page.pk)


# -- a step that asks everyone -----------------------------------------------------------------------------
def awaited_from(page: Page) -> list[User]:
    """Who must acknowledge and has not, in order of being paged; deactivated people are not waited for."""
    return list(partly.answers(page).awaited)


def _note_answer(page: Page, by: User | None, at: datetime) -> None:
    if by is not None:
        mine = page.notified.filter(user=by, cycle=page.cycle, acknowledged_at__isnull=True)
        mine.update(acknowledged_at=at)


def _first_to_answer(page: Page) -> User | None:
    answered = page.notified.filter(cycle=page.cycle, must_acknowledge=True, acknowledged_at__isnull=False)
    first = answered.select_related("user").order_by("acknowledged_at", "pk").first()
    return first.user if first else None


def _answered_in_part(page: Page, by: User | None, awaited: list[User], at: datetime) -> Page:
    """One of several who must: her messages stop, the page goes on for the others."""
    if page.events.filter(kind=Kind.ANSWERED, by=by, data__cycle=page.cycle).exists():
        return page
    if by is not None:
        outbox.cancel(topic=page.topic, recipient=by.username, at=at, reason="acknowledged")
    names = ", ".join(str(user) for user in awaited)
    text = f"{by or 'The alert source'} acknowledged; {names} must as well"
    about = {"user": by.username if by else "", "awaited": [user.username for user in awaited]}
    record(page, Kind.ANSWERED, text, by=by, at=at, cycle=page.cycle, **about)
    return page


# -- how long it lasts -------------------------------------------------------------------------------------
def _runs_out_at(page: Page, at: datetime) -> datetime | None:
    timeout = page.ack_timeout or plans.read(page.plan).ack_timeout
    return at + timeout if timeout else None


@transaction.atomic
def confirm(page: Page, *, by: User | None, at: datetime) -> Page:
    """Somebody is at work on what the page is about: an acknowledgement that runs out gets its whole time anew."""
    page = locked(page)
    return _wind_up(page, by, at) if page.state == State.ACKNOWLEDGED else page


def _wind_up(page: Page, by: User | None, at: datetime) -> Page:
    runs_out_at = _runs_out_at(page, at)
    if runs_out_at is None:
        return page
    if page.reminded_at:
        outbox.cancel(topic=page.topic, at=at, reason="confirmed")
        move(page, unacknowledge_at=runs_out_at, reminded_at=None)
        record(page, Kind.CONFIRMED, f"{by or 'The alert source'} is still at work", by=by, at=at)
    elif page.unacknowledge_at is None or runs_out_at - page.unacknowledge_at >= CONFIRMS_EVERY:
        move(page, unacknowledge_at=runs_out_at)
    return page


@transaction.atomic
def last_for(page: Page, timeout: timedelta | None, *, by: User | None, at: datetime) -> Page:
    """Let acknowledgements last so long, in place of what the policy says; None: as it says (rule 19).

    One that has been given lasts so long from now on. Whoever has been asked already has what time she was told.
    """
    page = locked(page)
    if page.ack_timeout == timeout or page.state == State.RESOLVED:
        return page
    move(page, ack_timeout=timeout)
    if page.state == State.ACKNOWLEDGED and page.reminded_at is None:
        move(page, unacknowledge_at=_runs_out_at(page, at))
    return page


def run_out(page: Page, *, at: datetime) -> Page:
    """The time of an acknowledgement is over: first its owner is asked, then paging begins again (rule 19).

    For the engine, on a locked page. Where nobody can be asked it begins again at once.
    """
    owner = page.acknowledged_by
    if page.reminded_at is None and owner is not None and owner.is_active:
        return _ask(page, owner, at)
    begin_again(page, next_step_at=at + GRACE)
    outbox.cancel(topic=page.topic, at=at, reason="begun again")
    text = f"{owner or 'Whoever'} acknowledged, then nothing came for too long; paging begins again"
    data = {"user": owner.username, "cycle": page.cycle} if owner else {}
    record(page, Kind.UNACKNOWLEDGED, text, at=at, **data)
    return page


def _ask(page: Page, owner: User, at: datetime) -> Page:
    until = at + plans.read(page.plan).ack_grace
    move(page, reminded_at=at, unacknowledge_at=until, attempts=0)
    text = f"{owner} is asked whether she is still at work"
    record(page, Kind.REMINDED, text, at=at, user=owner.username, until=until.isoformat())
    messages.remind(page, owner, until=until, at=at)
    return page


@transaction.atomic
def unacknowledge(page: Page, *, by: User | None, at: datetime) -> Page:
    """Give it back: paging begins again at the first step, unless somebody answers within seconds (rule 21).

    What nobody has acknowledged stays as it is. Raises ``DomainError``: ``ended``.
    """
    page = locked(page)
    if page.state == State.RESOLVED:
        raise DomainError("ended", "This page is over.")
    if page.state != State.ACKNOWLEDGED:
        return page
    owner = page.acknowledged_by
    begin_again(page, next_step_at=at + GRACE)
    outbox.cancel(topic=page.topic, at=at, reason="given back")
    text = f"{by or 'The portal'} gave it back; paging begins again at the first step"
    record(page, Kind.GIVEN_BACK, text, by=by, at=at, user=owner.username if owner else "")
    doorbell.ring()
    return page
