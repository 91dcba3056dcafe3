"""Updates to staff and executives, and the clock that says when the next one is owed."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from incidents import attention, facts, milestones, rights, roles, timeline, transitions
from incidents.metrics import clocks
from incidents.models import Incident, Role, Severity, Update
from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header, clean_text
from oncall.models import User

logger = logging.getLogger(__name__)
Audience = Update.Audience
BATCH = 100
EXECUTIVE_GROUP = "Executive"
LONGEST_PROMISE = timedelta(days=7)


# -- the clock ---------------------------------------------------------------------------------------------
def due(incident: Incident, *, at: datetime, state: str = "") -> datetime | None:
    """When the next update is owed; None before it is declared and after it is resolved.

    ``state`` is the one it is about to enter. Until somebody has classified it, it may be the worst: the limits of
    the highest severity hold.
    """
    state = state or incident.state
    if state not in transitions.OPEN or incident.declared_at is None:
        return None
    severity = incident.severity or Severity.objects.order_by("rank").first()
    last = incident.updates.order_by("-at", "-id").first()
    return clocks.cadence(
        declared=incident.declared_at,
        first_within=severity.first_update_after if severity else None,
        every=severity.update_every if severity else None,
        last_update=last.at if last else None,
        promised=last.next_update_at if last else None,
        now=at,
        state=state,
    ).due


# -- sending -----------------------------------------------------------------------------------------------
@transaction.atomic
def send(
    incident: Incident,
    *,
    audience: str,
    text: str,
    by: User | None,
    at: datetime,
    next_update_in: timedelta | None = None,
) -> Incident:
    """Tell staff or executives how things stand; each gets one mail, by the outbox.

    Customers are told on the status page. The same words to the same people within seconds are one update.
    """
    attention.given(incident, by=by, at=at)
    incident = _locked(incident)
    rights.require(by, transitions.verb("send_update"), incident)
    if incident.state in transitions.ENDED:
        raise DomainError("not_open", f"{incident.key} is {incident.get_state_display().lower()}.")
    if audience not in (Audience.STAFF, Audience.EXECUTIVES):
        raise DomainError(
            "audience_unknown", "Updates go to staff or executives; customers read the status page."
        )
    text = clean_text(text).strip()
    if not text:
        raise DomainError("text_missing", "Say how things stand: the update is empty.")
    last = incident.updates.order_by("-id").first()
    again = last and (last.audience, last.text, last.by) == (audience, text, by)
    if again and at - last.at < timeline.DOUBLE_CLICK:
        return incident
    people = audience_of(incident, audience)
    update = _keep(
        incident, audience, text, by=by, at=at, next_update_in=next_update_in, recipients=len(people)
    )
    _mail(incident, update, people, at=at)
    return incident


@transaction.atomic
def posted(
    incident: Incident,
    *,
    text: str,
    by: User | None,
    at: datetime,
    next_update_in: timedelta | None = None,
    recipients: int = 0,
) -> Incident:
    """The status page has told customers: note it, set the first public update once, wind the clock."""
    incident = _locked(incident)
    if incident.first_update_at is None:
        incident.first_update_at = at
    text = clean_text(text).strip()
    _keep(
        incident, Audience.CUSTOMERS, text, by=by, at=at, next_update_in=next_update_in, recipients=recipients
    )
    return incident


def audience_of(incident: Incident, audience: str) -> list[User]:
    """The people an update to ``audience`` reaches: active, and allowed to see the incident."""
    if audience == Audience.EXECUTIVES:
        part = Q(groups__name=EXECUTIVE_GROUP) | Q(
            incident_roles__incident=incident, incident_roles__role=Role.EXECUTIVE, incident_roles__until=None
        )
    else:
        part = (
            Q(incident_roles__incident=incident, incident_roles__until=None)
            | Q(engagements__incident=incident)
            | Q(reported=incident)
        )
    people = User.objects.filter(part, is_active=True).distinct().order_by("pk").prefetch_related("contacts")
    return [user for user in people if rights.sees(user, incident)]


def _keep(
    incident: Incident,
    audience: str,
    text: str,
    *,
    by: User | None,
    at: datetime,
    next_update_in: timedelta | None,
    recipients: int,
) -> Update:
    if next_update_in is not None and not timedelta(0) < next_update_in <= LONGEST_PROMISE:
        raise DomainError("promise_out_of_range", "Promise the next update within a minute to seven days.")
    promised = at + next_update_in if next_update_in else None
    update = Update.objects.create(
        incident=incident,
        audience=audience,
        text=text,
        at=at,
        by=by,
        next_update_at=promised,
        recipients=recipients,
    )
    incident.update_due_at = due(incident, at=at)
    Incident.objects.filter(pk=incident.pk).update(
        update_due_at=incident.update_due_at, first_update_at=incident.first_update_at
    )
    next_words = f" Next update by {milestones.promised(promised, at=at)}." if promised else ""
    timeline.add(
        incident,
        kind=timeline.Kind.UPDATE,
        text=f"Update to {update.get_audience_display().lower()}: {text}{next_words}",
        by=by,
        at=at,
        data={"audience": audience, "recipients": recipients, "next_update_at": promised},
    )
    return update


def _mail(incident: Incident, update: Update, people: list[User], *, at: datetime) -> None:
    severity = incident.severity.name if incident.severity else "Unclassified"
    lines = [update.text, "", f"{incident.key}: {severity}, {incident.get_state_display().lower()}."]
    if update.next_update_at:
        lines.append(f"Next update by {milestones.promised(update.next_update_at, at=at)}.")
    if update.audience == Audience.STAFF:
        lines += [f"Join: {url}" for url in (incident.channel_url, incident.bridge_url) if url]
    lines.append(settings.PUBLIC_URL + facts.address(incident))
    subject = clean_header(f"[{incident.key}] {severity}: {incident.title}")
    message = outbox.compose(purpose="update", subject=subject, text="\n".join(lines), at=at)
    for user in people:
        _to(user, message, topic=_topic(incident), key=f"update:{update.pk}:{user.pk}", at=at)


def _topic(incident: Incident) -> str:
    """What the messages belong to; the prefix hides them in the outbox from those with no part in it."""
    return f"private:{incident.key}" if incident.private else incident.key


def _to(user: User, message, *, topic: str, key: str, at: datetime) -> bool:
    """One mail to a person: to her first verified address, else to that of her account."""
    verified = [way.address for way in user.contacts.all() if way.medium == "email" and way.verified_at]
    address = next(iter([*verified, user.email]), "")
    if address:
        outbox.send(
            message, medium="email", address=address, recipient=user.username, topic=topic, key=key, at=at
        )
    return bool(address)


# -- reminders ---------------------------------------------------------------------------------------------
def remind_updates(*, now: Callable[[], datetime]) -> int:
    """Pulse line: remind whoever manages an incident, once for each update that is late; the number reminded."""
    late = Incident.objects.update_overdue(now()).filter(_unreminded())
    return sum(
        _alone(pk, now()) for pk in late.order_by("update_due_at").values_list("pk", flat=True)[:BATCH]
    )


def _unreminded() -> Q:
    return Q(update_reminded_at__isnull=True) | Q(update_reminded_at__lt=F("update_due_at"))


def _alone(pk: int, now: datetime) -> bool:
    """Remind for one incident; a failure is logged, tried again at the next beat, and stops no other."""
    try:
        with transaction.atomic():
            return _remind(pk, now)
    except Exception:
        logger.exception("No reminder for INC-%s", pk)
        return False


def _remind(pk: int, now: datetime) -> bool:
    claimed = Incident.objects.update_overdue(now).filter(_unreminded(), pk=pk)
    if not claimed.update(update_reminded_at=now):
        return False
    incident = Incident.objects.select_related("severity").get(pk=pk)
    people = _to_remind(incident)
    subject = clean_header(f"[{incident.key}] Update due: {incident.title}")
    lines = [
        f"An update on {incident.key} was due at {milestones.spelt(incident.update_due_at)}.",
        "Send one, even if nothing has changed: " + settings.PUBLIC_URL + facts.address(incident),
    ]
    message = outbox.compose(purpose="reminder", subject=subject, text="\n".join(lines), at=now)
    due_key = f"{incident.update_due_at:%Y%m%d%H%M%S}"
    for user in people:
        _to(user, message, topic=_topic(incident), key=f"update-due:{pk}:{due_key}:{user.pk}", at=now)
    names = ", ".join(map(str, people)) or "there is nobody to remind: assign an incident manager"
    text = f"Update due since {milestones.spelt(incident.update_due_at)}; reminded: {names}"
    timeline.add(incident, kind=timeline.Kind.UPDATE, text=text, by=None, at=now)
    return True


def _to_remind(incident: Incident) -> list[User]:
    """The manager and the communications lead; without them whoever has answered a page."""
    held = roles.current(incident)
    people = [held[role].user for role in (Role.MANAGER, Role.COMMUNICATIONS) if role in held]
    if people:
        return list(dict.fromkeys(people))
    answered = incident.engagements.filter(page__acknowledged_by__isnull=False)
    return list(
        dict.fromkeys(row.page.acknowledged_by for row in answered.select_related("page__acknowledged_by"))
    )


def _locked(incident: Incident) -> Incident:
    return Incident.objects.select_for_update(of=("self",)).select_related("severity").get(pk=incident.pk)
