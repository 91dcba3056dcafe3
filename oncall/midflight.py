"""What changes while a page is under way: its urgency, its policy, what it is about.

Verbs for the floor above and for whoever edits services. Source: field/oncall.md section 5, rules 23 to 25 and 27.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from oncall import contacts, messages, plans
from oncall.messaging import doorbell, outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.messaging.render import clean_header
from oncall.models import EscalationPolicy, Notified, Page, PageEvent, Service, Urgency, User
from oncall.page_events import begin_again, locked, move, record
from oncall.plans import Plan

Kind, State = PageEvent.Kind, Page.State
#: Pages whose next step is still to come, or that nobody answered.
UNANSWERED = (State.ACTIVE, State.HELD, State.EXHAUSTED)


# -- the policy --------------------------------------------------------------------------------------------
@transaction.atomic
def restart_with_current_policy(page: Page, *, by: User | None, at: datetime) -> Page:
    """Forget how far it came and page by the policy as it is now (rule 23).

    Raises ``DomainError``: ``ended``; ``no_policy`` where a person or a team was paged directly.
    """
    page = locked(page)
    if page.state == State.RESOLVED:
        raise DomainError("ended", "This page is over.")
    if page.policy is None:
        raise DomainError("no_policy", "This page has no policy. Page the people again directly.")
    plan = plans.freeze(page.policy)
    outbox.cancel(topic=page.topic, at=at, reason="begun again")
    begin_again(page, next_step_at=at + plan.first_wait, plan=plan.as_json())
    record(page, Kind.RESTARTED, f"{by or 'The portal'} began again with the current policy", by=by, at=at)
    doorbell.ring()
    return page


def policy_changed_since(page: Page) -> bool:
    """Whether the policy pages others, or at other times, than it did when this page began."""
    if page.policy is None:
        return False
    return not plans.same_course(plans.read(page.plan), plans.freeze(page.policy))


@transaction.atomic
def follow_service(service: Service, *, by: User | None, at: datetime) -> int:
    """The service has another policy: its open pages follow that one from its first step (rule 24); how many.

    For whoever saves services. Again: nothing changes. What goes by another's policy goes on by that.
    """
    stray = Page.objects.open().filter(service=service, policy_reason="").order_by("pk")
    rows = [page for page in stray.select_for_update(of=("self",)) if page.policy_id != service.policy_id]
    for page in rows:
        hand_over(page, service, by=by, at=at)
    return len(rows)


@transaction.atomic
def hand_over(page: Page, service: Service, *, by: User | None, at: datetime) -> Page:
    """Page for this service, by its policy as it is now, from the first step; nothing more by the one before.

    Whoever was paged before is paged anew only where the new policy names her. What is acknowledged or snoozed
    stays so and follows the new policy if it begins again. A page that is over stays as it is, and one that goes
    by another's policy goes on by that where it stands (rule 24).
    """
    page = locked(page)
    if page.state == State.RESOLVED or (page.service_id, page.policy_id) == (service.pk, service.policy_id):
        return page
    if page.policy_reason and page.service_id == service.pk:
        return page
    if page.policy_reason:
        move(page, service=service)
        text = f"It is about {service} from here, and paged by {page.policy} as before"
        record(page, Kind.MOVED, text, by=by, at=at, policy=page.policy.slug, service=service.slug)
        return page
    plan, policy, team = plans.begin(policy=service.policy, user=None, team=service.team, service=service)
    _go_by(page, plan, {"policy": policy, "team": team, "service": service}, str(service), by=by, at=at)
    return page


@transaction.atomic
def follow_policy(page: Page, policy: EscalationPolicy, *, why: str, by: User | None, at: datetime) -> Page:
    """Page by this policy in place of the service's, from its first step; nothing more by the one before.

    ``why`` names whose policy it is: a severity's. As with ``hand_over``, what is acknowledged stays so, and a
    page that is over stays as it is; again, nothing changes (rules 24 and 25).
    """
    page = locked(page)
    if page.state == State.RESOLVED or page.policy_id == policy.pk:
        return page
    plan, policy, team = plans.begin(policy=policy, user=None, team=None, service=page.service)
    reason = clean_header(why, limit=60)
    _go_by(page, plan, {"policy": policy, "team": team, "policy_reason": reason}, reason, by=by, at=at)
    return page


@transaction.atomic
def follow_own_policy(page: Page, *, by: User | None, at: datetime) -> Page:
    """Page by the service's policy again, from its first step. Where it does so already nothing changes."""
    page = locked(page)
    if page.state == State.RESOLVED or not page.policy_reason:
        return page
    return hand_over(move(page, policy_reason=""), page.service, by=by, at=at)


def _go_by(page: Page, plan: Plan, now: dict[str, Any], whose: str, *, by: User | None, at: datetime) -> None:
    """Put a locked page under another policy, from the first step where nobody has answered it."""
    now["plan"] = plan.as_json()
    if page.state in UNANSWERED:
        outbox.cancel(topic=page.topic, at=at, reason="it follows another policy")
        begin_again(page, next_step_at=at + plan.first_wait, **now)
    else:
        move(page, **now)
    text = f"{whose} is paged by {plan.name or 'no policy'} from here, from the first step"
    policy, service = now["policy"], page.service
    about = {"policy": policy.slug if policy else "", "service": service.slug if service else ""}
    record(page, Kind.MOVED, text, by=by, at=at, **about)
    doorbell.ring()


# -- the urgency -------------------------------------------------------------------------------------------
@transaction.atomic
def raise_urgency(page: Page, *, by: User | None, at: datetime) -> Page:
    """It is worse than thought: whoever was told quietly and has not answered is told loudly, from her first rule.

    How far the page came stays as it is; what waited for duty, has reached nobody yet or was exhausted begins
    again at once. An answered page stays answered (rule 25). Again, or after the page is over, nothing changes.
    """
    page = locked(page)
    if page.urgency == Urgency.HIGH or page.state == State.RESOLVED:
        return page
    unheard = page.state == State.ACTIVE and not page.reached_anybody
    if unheard or page.state == State.EXHAUSTED or page.held_for == Page.Hold.DUTY:
        begin_again(page, next_step_at=at, urgency=Urgency.HIGH)
    else:
        move(page, urgency=Urgency.HIGH)
    record(page, Kind.LOUDER, "The urgency was raised", by=by, at=at)
    if page.state in UNANSWERED:
        outbox.cancel(topic=page.topic, at=at, reason="urgency raised")
        for told in _unanswered(page):
            _tell_anew(page, told, began_at=at, at=at)
        doorbell.ring()
    return page


@transaction.atomic
def lower_urgency(page: Page, *, by: User | None, at: datetime) -> Page:
    """It is less bad than thought: nobody is called off, and what people's rules have still to send goes quietly.

    Messages of the loud rules that wait are replaced by those of the quiet ones whose time is still to come; of
    somebody who has been told nothing yet by all of them (rule 25).
    """
    page = locked(page)
    if page.urgency == Urgency.LOW or page.state == State.RESOLVED:
        return page
    move(page, urgency=Urgency.LOW)
    record(page, Kind.QUIETER, "The urgency was lowered; nobody is called off", by=by, at=at)
    if page.state in UNANSWERED:
        for told in _unanswered(page):
            _quieten(page, told, at)
    return page


def _unanswered(page: Page) -> list[Notified]:
    """Whom this pass of the page has reached and who has not acknowledged."""
    rows = page.notified.filter(cycle=page.cycle, user__is_active=True).select_related("user").order_by("pk")
    latest = {row.user_id: row for row in rows}
    return [row for row in latest.values() if row.acknowledged_at is None]


def _quieten(page: Page, told: Notified, at: datetime) -> None:
    mine = Delivery.objects.filter(topic=page.topic, recipient=told.user.username)
    waiting = mine.filter(state=Delivery.State.PENDING, attempt_count=0, due_at__gt=at)
    if not waiting.exists():
        return
    heard = mine.exclude(pk__in=waiting).exclude(state=Delivery.State.CANCELLED).exists()
    outbox.cancel(topic=page.topic, recipient=told.user.username, at=at, reason="urgency lowered")
    _tell_anew(page, told, began_at=told.at, at=at, only_later=heard)


def _tell_anew(
    page: Page, told: Notified, *, began_at: datetime, at: datetime, only_later: bool = False
) -> None:
    ways = contacts.ways(told.user, page.urgency)
    if only_later:
        ways = [way for way in ways if began_at + way.after > at]
    people = [(told.user, told.why, ways)]
    anew = f":{page.urgency}:{page.generation}"
    messages.to_people(page, people, loop=told.loop, at=at, anew=anew, began_at=began_at)


# -- what it is about --------------------------------------------------------------------------------------
def describe(page: Page, facts: dict[str, Any]) -> Page:
    """Change what the answer page and later messages say; no state, so no event and no generation."""
    page.facts, page.private = facts, bool(facts.get("private"))
    page.title = clean_header(facts.get("title") or page.title, limit=500)
    Page.objects.filter(pk=page.pk).update(facts=facts, private=page.private, title=page.title)
    return page


@transaction.atomic
def belong_to(page: Page, *, reference: str, url: str, by: User | None, at: datetime) -> Page:
    """From now on the page is about something else, and goes on as it stands (rule 27)."""
    page = locked(page)
    if page.reference == reference:
        return page
    before = page.reference
    move(page, reference=clean_header(reference, limit=40), url=url)
    record(page, Kind.MERGED, f"{before} goes on as {reference}", by=by, at=at, into=reference)
    return page


def tell_where_it_goes_on(page: Page, *, was: str, into: str, title: str, url: str, at: datetime) -> int:
    """Tell everybody whom the page has reached, once and quietly, that another incident goes on with it (rule 27).

    Returns the number told. ``was`` and ``into`` are the incidents' keys; ``title`` is empty where it is private.
    """
    people = {row.user for row in page.notified.filter(user__is_active=True).select_related("user")}
    about = {"was": was, "into": into, "title": title, "url": url}
    return sum(messages.tell_merged(page, user, about, at=at) for user in sorted(people, key=lambda u: u.pk))


@transaction.atomic
def start_over(page: Page, *, why: str, by: User | None, at: datetime) -> Page:
    """Begin an unanswered page again at the first step, by its policy as it is now (rule 27).

    What is acknowledged, snoozed or over stays as it is.
    """
    page = locked(page)
    if page.state not in UNANSWERED:
        return page
    plan = plans.freeze(page.policy) if page.policy else plans.read(page.plan)
    outbox.cancel(topic=page.topic, at=at, reason="begun again")
    begin_again(page, next_step_at=at + plan.first_wait, plan=plan.as_json())
    record(page, Kind.RESTARTED, f"{why}; paging begins again at the first step", by=by, at=at)
    doorbell.ring()
    return page
