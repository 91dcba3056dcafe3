"""What people, and the floors above, do to a page. By itself it moves on in ``oncall.escalation``.

Every verb is one transaction, writes an event for what it changed, and is harmless when repeated. Whoever answers
need not have been paged (field/oncall.md rule 17); edges ask ``may_answer`` first.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from oncall import answers, maintenance, plans
from oncall.acknowledging import acknowledge, confirm, last_for, unacknowledge
from oncall.escalation import advance_due, expire_acknowledgements
from oncall.messaging import doorbell, outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header, clean_text
from oncall.midflight import (
    belong_to,
    describe,
    follow_own_policy,
    follow_policy,
    follow_service,
    hand_over,
    lower_urgency,
    policy_changed_since,
    raise_urgency,
    restart_with_current_policy,
    start_over,
    tell_where_it_goes_on,
)
from oncall.models import AnswerToken, EscalationPolicy, Page, PageEvent, Service, Team, User
from oncall.page_events import locked, move, record
from oncall.steps import take_step

__all__ = [
    "acknowledge",
    "advance_due",
    "answer",
    "belong_to",
    "confirm",
    "describe",
    "escalate_now",
    "expire_acknowledgements",
    "follow_own_policy",
    "follow_policy",
    "follow_service",
    "hand_over",
    "last_for",
    "lock",
    "lower_urgency",
    "may_answer",
    "page",
    "policy_changed_since",
    "raise_urgency",
    "resolve",
    "restart_with_current_policy",
    "snooze",
    "start_over",
    "tell_where_it_goes_on",
    "unacknowledge",
]

Kind, State = PageEvent.Kind, Page.State

LONGEST_SNOOZE = timedelta(days=7)
#: What an answered, ended or sleeping page has no more.
AT_REST: dict[str, Any] = {"held_for": "", "unacknowledge_at": None, "reminded_at": None, "attempts": 0}


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
    policy_reason: str = "",
    ack_timeout: timedelta | None = None,
    by: User | None,
    at: datetime,
) -> Page:
    """Begin to page: by a policy, else a person, else a team's members, else the service's policy.

    None of these, and a policy that reaches nobody, end at the team's admins and the portal's catch-all. The
    engine takes the first step, woken by the doorbell. ``facts`` is what the answer page shows; ``policy_reason``
    says whose the policy is, if not the service's; ``ack_timeout`` holds in place of the policy's.
    """
    plan, policy, owner = plans.begin(policy=policy, user=user, team=team, service=service)
    made = Page.objects.create(
        title=clean_header(title, limit=500),
        text=clean_text(text),
        urgency=urgency,
        service=service,
        team=owner,
        policy=policy,
        policy_reason=clean_header(policy_reason, limit=60),
        ack_timeout=ack_timeout,
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
    whom += f", the policy of {policy_reason}" if policy_reason else ""
    record(made, Kind.OPENED, f"Paging {whom}", by=by, at=at, policy=policy.slug if policy else "")
    doorbell.ring()
    return made


@transaction.atomic
def resolve(page: Page, *, by: User | None, at: datetime, reason: str = "") -> Page:
    """It is over: nothing more is sent, and nothing ever begins again by itself."""
    page = locked(page)
    if page.state == State.RESOLVED:
        return page
    move(page, state=State.RESOLVED, next_step_at=None, ended_at=at, **AT_REST)
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
    move(page, state=State.SNOOZED, next_step_at=until, **AT_REST)
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
def escalate_now(
    page: Page, *, expected_step: int, expected_loop: int | None = None, by: User | None, at: datetime
) -> Page:
    """Page whoever is next without waiting, also when somebody has acknowledged (rule 22).

    ``expected_step`` is the ``page.step`` that the person saw, ``expected_loop`` its ``page.loop`` (a policy of
    one step stands at the same step in every pass): of two who press at once, or a double click, the second is
    refused and skips nobody. Raises ``DomainError``: ``ended``, ``stale_step``, ``exhausted``, ``in_maintenance``.
    """
    page = locked(page)
    _refuse_if_over(page)
    if page.state == State.EXHAUSTED:
        raise DomainError("exhausted", "Everybody has been paged. Restart the page to page them again.")
    if page.step != expected_step or expected_loop not in (None, page.loop):
        raise DomainError("stale_step", "It has gone on to the next step already. Look who is paged now.")
    maintenance.refuse(page, at=at)
    move(page, state=State.ACTIVE, next_step_at=at, acknowledged_at=None, acknowledged_by=None, **AT_REST)
    record(page, Kind.ESCALATED, f"{by or 'The portal'} escalated", by=by, at=at, step=page.step + 1)
    return take_step(page, at=at, hurry=True)


@transaction.atomic
def answer(
    token: AnswerToken,
    choice: str,
    *,
    expected_step: int,
    expected_loop: int | None = None,
    at: datetime,
) -> Page:
    """Do what the link's person chose: ``acknowledge``, ``escalate`` or ``resolve``; the link is used up.

    Whatever is refused leaves the link good. Raises ``DomainError``: ``link_used`` and those of the verbs.
    """
    answers.spend(token, use=choice, at=at)
    if choice == "escalate":
        seen = {"expected_step": expected_step, "expected_loop": expected_loop}
        return escalate_now(token.page, **seen, by=token.user, at=at)
    verb = {"acknowledge": acknowledge, "resolve": resolve}[choice]
    return verb(token.page, by=token.user, at=at)


def lock(pages: Iterable[Page]) -> list[Page]:
    """Hold pages, in one order, until the transaction ends: before a verb above locks its own row."""
    keys = sorted(page.pk for page in pages)
    return list(Page.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk"))


def may_answer(page: Page, user: User) -> bool:
    """Whether a person may acknowledge, escalate, snooze and so on: by right, or because she was paged."""
    return user.has_perm("oncall.change_page") or page.notified.filter(user=user).exists()


def _refuse_if_over(page: Page) -> None:
    if page.state == State.RESOLVED:
        raise DomainError("ended", "This page is over.")
