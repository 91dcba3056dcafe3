"""What people, and the floors above, do to a page. By itself it moves on in ``oncall.escalation``.

Every verb is one transaction, writes an event for what it changed, and is harmless when repeated. Whoever answers
need not have been paged (field/oncall.md rule 17); edges ask ``may_answer`` first.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from oncall import answers, plans
from oncall.escalation import advance_due, begin_again, expire_acknowledgements
from oncall.messaging import doorbell, outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header, clean_text
from oncall.models import AnswerToken, EscalationPolicy, Page, PageEvent, Service, Team, Urgency, User
from oncall.page_events import locked, move, record
from oncall.steps import take_step

__all__ = [
    "acknowledge",
    "advance_due",
    "answer",
    "describe",
    "escalate_now",
    "expire_acknowledgements",
    "lock",
    "may_answer",
    "page",
    "policy_changed_since",
    "raise_urgency",
    "resolve",
    "restart_with_current_policy",
    "snooze",
]

Kind, State = PageEvent.Kind, Page.State

LONGEST_SNOOZE = timedelta(days=7)
#: Pressing "acknowledge" twice is one confirmation.
CONFIRMS_EVERY = timedelta(minutes=1)


@transaction.atomic
def page(
    *,
    title: str,
    text: str = "",
    urgency: str,
    policy: EscalationPolicy | None = None,
    user: User | None = None,
    team: Team | None = None,
    service: Service | None = None,
    facts: dict[str, Any] | None = None,
    reference: str = "",
    url: str = "",
    by: User | None,
    at: datetime,
) -> Page:
    """Begin to page: by a policy, else a person, else a team's members, else the service's policy.

    None of these, and a policy that reaches nobody, end at the team's admins and the portal's catch-all. The
    engine takes the first step, woken by the doorbell. ``facts`` is what the answer page shows.
    """
    plan, policy, owner = plans.begin(policy=policy, user=user, team=team, service=service)
    made = Page.objects.create(
        title=clean_header(title, limit=500),
        text=clean_text(text),
        urgency=urgency,
        service=service,
        team=owner,
        policy=policy,
        plan=plan.as_json(),
        facts=facts or {},
        private=bool((facts or {}).get("private")),
        reference=clean_header(reference, limit=40),
        url=url,
        next_step_at=at + plan.first_wait,
        created_at=at,
        created_by=by,
    )
    whom = f"{plan.name}" if plan.name else "nobody by name: there is no policy"
    record(made, Kind.OPENED, f"Paging {whom}", by=by, at=at, policy=policy.slug if policy else "")
    doorbell.ring()
    return made


@transaction.atomic
def acknowledge(page: Page, *, by: User | None, at: datetime) -> Page:
    """Somebody answers: nothing more is sent for this page.

    A second person is noted, the first stays its owner; the owner again gets the whole time anew, if
    acknowledgements run out. After the page is over nothing changes (rules 17, 18).
    """
    page = locked(page)
    if page.state == State.RESOLVED:
        return page
    if page.state == State.ACKNOWLEDGED:
        return _acknowledge_again(page, by, at)
    move(
        page,
        state=State.ACKNOWLEDGED,
        next_step_at=None,
        acknowledged_at=at,
        acknowledged_by=by,
        unacknowledge_at=_runs_out_at(page, at),
        attempts=0,
    )
    outbox.cancel(topic=page.topic, at=at, reason="acknowledged")
    record(page, Kind.ACKNOWLEDGED, f"{by or 'The alert source'} acknowledged", by=by, at=at)
    return page


def _acknowledge_again(page: Page, by: User | None, at: datetime) -> Page:
    if by is not None and by != page.acknowledged_by:
        if not page.events.filter(kind=Kind.ALSO_ACKNOWLEDGED, by=by, at__gte=page.acknowledged_at).exists():
            record(page, Kind.ALSO_ACKNOWLEDGED, f"{by} acknowledged as well", by=by, at=at)
        return page
    runs_out_at = _runs_out_at(page, at)
    if runs_out_at and runs_out_at - page.unacknowledge_at >= CONFIRMS_EVERY:
        move(page, unacknowledge_at=runs_out_at)
    return page


def _runs_out_at(page: Page, at: datetime) -> datetime | None:
    timeout = plans.read(page.plan).ack_timeout
    return at + timeout if timeout else None


@transaction.atomic
def resolve(page: Page, *, by: User | None, at: datetime, reason: str = "") -> Page:
    """It is over: nothing more is sent, and nothing ever begins again by itself."""
    page = locked(page)
    if page.state == State.RESOLVED:
        return page
    move(page, state=State.RESOLVED, next_step_at=None, unacknowledge_at=None, ended_at=at, attempts=0)
    outbox.cancel(topic=page.topic, at=at, reason="over")
    text = f"Over{f': {reason}' if reason else ''}"
    record(page, Kind.RESOLVED, text, by=by, at=at)
    return page


@transaction.atomic
def snooze(page: Page, *, until: datetime, by: User | None, at: datetime) -> Page:
    """Be quiet until a time, then begin again at the first step (rule 20).

    Raises ``DomainError``: ``ended``, ``bad_time``.
    """
    page = locked(page)
    _refuse_if_over(page)
    if not at < until <= at + LONGEST_SNOOZE:
        raise DomainError("bad_time", "Snooze until a time in the future, at most 7 days from now.")
    if page.state == State.SNOOZED and page.next_step_at == until:
        return page
    move(page, state=State.SNOOZED, next_step_at=until, unacknowledge_at=None, attempts=0)
    outbox.cancel(topic=page.topic, at=at, reason="snoozed")
    record(
        page,
        Kind.SNOOZED,
        f"{by or 'The portal'} snoozed it until {until:%a %d %b %H:%M} UTC",
        by=by,
        at=at,
        until=until.isoformat(),
    )
    return page


@transaction.atomic
def escalate_now(page: Page, *, expected_step: int, by: User | None, at: datetime) -> Page:
    """Page whoever is next without waiting, also when somebody has acknowledged (rule 22).

    ``expected_step`` is the ``page.step`` that the person saw: of two who press at once, or a double click, the
    second is refused and skips nobody. Raises ``DomainError``: ``ended``, ``stale_step``, ``exhausted``.
    """
    page = locked(page)
    _refuse_if_over(page)
    if page.state == State.EXHAUSTED:
        raise DomainError("exhausted", "Everybody has been paged. Restart the page to page them again.")
    if page.step != expected_step:
        raise DomainError("stale_step", "It has gone on to the next step already. Look who is paged now.")
    move(
        page,
        state=State.ACTIVE,
        next_step_at=at,
        acknowledged_at=None,
        acknowledged_by=None,
        unacknowledge_at=None,
    )
    record(page, Kind.ESCALATED, f"{by or 'The portal'} escalated", by=by, at=at, step=page.step + 1)
    return take_step(page, at=at, hurry=True)


@transaction.atomic
def restart_with_current_policy(page: Page, *, by: User | None, at: datetime) -> Page:
    """Forget how far it came and page by the policy as it is now (rule 23).

    Raises ``DomainError``: ``ended``; ``no_policy`` where a person or a team was paged directly.
    """
    page = locked(page)
    _refuse_if_over(page)
    if page.policy is None:
        raise DomainError("no_policy", "This page has no policy. Page the people again directly.")
    plan = plans.freeze(page.policy)
    outbox.cancel(topic=page.topic, at=at, reason="begun again")
    begin_again(page, next_step_at=at + plan.first_wait, plan=plan.as_json())
    record(page, Kind.RESTARTED, f"{by or 'The portal'} began again with the current policy", by=by, at=at)
    doorbell.ring()
    return page


@transaction.atomic
def raise_urgency(page: Page, *, by: User | None, at: datetime) -> Page:
    """It is worse than thought: page loudly, and wake again whoever was told quietly and has not answered.

    A page that is loud already or over stays as it is; nothing ever makes one quieter.
    """
    page = locked(page)
    if page.urgency == Urgency.HIGH or page.state == State.RESOLVED:
        return page
    if page.state != State.ACTIVE:
        return move(page, urgency=Urgency.HIGH)
    outbox.cancel(topic=page.topic, at=at, reason="urgency raised")
    begin_again(page, next_step_at=at, urgency=Urgency.HIGH)
    record(page, Kind.RESTARTED, "The urgency was raised; paging begins again", by=by, at=at)
    doorbell.ring()
    return page


def describe(page: Page, facts: dict[str, Any]) -> Page:
    """Change what the answer page and later messages say; no state, so no event and no generation."""
    page.facts, page.private = facts, bool(facts.get("private"))
    page.title = clean_header(facts.get("title") or page.title, limit=500)
    Page.objects.filter(pk=page.pk).update(facts=facts, private=page.private, title=page.title)
    return page


@transaction.atomic
def answer(token: AnswerToken, choice: str, *, expected_step: int, at: datetime) -> Page:
    """Do what the link's person chose: ``acknowledge``, ``escalate`` or ``resolve``; the link is used up.

    Whatever is refused leaves the link good. Raises ``DomainError``: ``link_used`` and those of the verbs.
    """
    answers.spend(token, use=choice, at=at)
    if choice == "escalate":
        return escalate_now(token.page, expected_step=expected_step, by=token.user, at=at)
    verb = {"acknowledge": acknowledge, "resolve": resolve}[choice]
    return verb(token.page, by=token.user, at=at)


def lock(pages: Iterable[Page]) -> list[Page]:
    """Hold pages, in one order, until the transaction ends: before a verb above locks its own row."""
    keys = sorted(page.pk for page in pages)
    return list(Page.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk"))


def may_answer(page: Page, user: User) -> bool:
    """Whether a person may acknowledge, escalate, snooze and so on: by right, or because she was paged."""
    return user.has_perm("oncall.change_page") or page.notified.filter(user=user).exists()


def policy_changed_since(page: Page) -> bool:
    """Whether the policy pages others, or at other times, than it did when this page began."""
    if page.policy is None:
        return False
    return not plans.same_course(plans.read(page.plan), plans.freeze(page.policy))


def _refuse_if_over(page: Page) -> None:
    if page.state == State.RESOLVED:
        raise DomainError("ended", "This page is over.")
