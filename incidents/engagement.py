"""Calling people in: services, teams and persons, each by a page of its own. Who has answered: ``roll_call``."""

from datetime import datetime

from django.db import transaction

from incidents import attention, facts, impacts, moves, rights, roll_call, timeline, transitions
from incidents.models import AffectedService, Engagement, Incident, Severity, TimelineEntry
from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.models import EscalationPolicy, Page, PortalSettings, Service, Team, Urgency, User

Kind = Engagement.Kind


@transaction.atomic
def engage(
    incident: Incident,
    *,
    by: User | None,
    at: datetime,
    service: Service | None = None,
    team: Team | None = None,
    user: User | None = None,
    kind: str = "",
) -> Incident:
    """Page whoever is on call for a service, a team, or one person, and write down as what.

    A service becomes part of the incident; one that is impacted is hurt from now on and owes an all-clear.
    Nobody is paged twice for the same: while an earlier page is open, engaging again changes nothing.
    """
    attention.given(incident, by=by, at=at)
    incident = moves.lock(incident)
    rights.require(by, transitions.verb("engage"), incident)
    if not incident.is_open:
        raise DomainError(
            "not_open", f"{incident.key} is {incident.get_state_display().lower()}: reopen it first."
        )
    if sum(target is not None for target in (service, team, user)) != 1:
        raise DomainError("one_target", "Name one service, one team or one person.")
    kind = kind or (Kind.IMPACTED if service else Kind.OTHER)
    if kind not in Kind.values or (kind in (Kind.OWNING, Kind.IMPACTED) and not service):
        raise DomainError(
            "kind_unknown", "A service is engaged as owning or impacted; teams and people as other."
        )
    if service and kind in AffectedService.Kind.values:
        impacts.add_service(incident, service, kind=kind)
        if kind == Kind.IMPACTED and incident.declared_at:
            impacts.begin(incident, at=at, services=[service])
    call(incident, kind=kind, service=service, team=team, user=user, by=by, at=at)
    facts.refresh(incident)
    return incident


def call(
    incident: Incident,
    *,
    kind: str,
    by: User | None,
    at: datetime,
    service: Service | None = None,
    team: Team | None = None,
    user: User | None = None,
    policy: EscalationPolicy | None = None,
) -> Engagement | None:
    """Page one target of a locked incident, unless a page to it is open. For the verbs, which check rights."""
    target = {"service": service, "team": team, "user": user}
    earlier = incident.engagements.filter(kind=kind, page__in=Page.objects.open())
    if earlier.filter(**{name: value for name, value in target.items() if value}).exists():
        return None
    return call_first(incident, kind=kind, by=by, at=at, policy=policy, **target)


def call_first(
    incident: Incident,
    *,
    kind: str,
    by: User | None,
    at: datetime,
    service: Service | None = None,
    team: Team | None = None,
    user: User | None = None,
    policy: EscalationPolicy | None = None,
    after: TimelineEntry | None = None,
) -> Engagement:
    """The same where no page can be open yet: for an incident that is just being made.

    Of one that is made for ``service`` alone, ``after`` is all that its timeline says so far.
    """
    whose = ""
    if policy is None and service:
        policy, whose = _policy(incident, service)
    page = paging.page(
        title=incident.title,
        text=incident.summary or incident.description,
        urgency=urgency(incident),
        policy=policy,
        policy_reason=whose,
        ack_timeout=incident.severity.ack_timeout if incident.severity else None,
        user=user,
        team=team or (service.team if service and not whose else None),
        service=service,
        facts=facts.facts(incident, [service] if after and service else None),
        reference=incident.key,
        url=facts.address(incident),
        by=by,
        at=at,
    )
    engagement = Engagement.objects.create(
        incident=incident, kind=kind, service=service, team=team, user=user, page=page, at=at, by=by
    )
    text = f"{roll_call.whom(engagement)} engaged"
    told = {"page": page.pk, "as": kind}
    timeline.append(incident, kind=timeline.Kind.PAGE, text=text, by=by, at=at, data=told, after=after)
    return engagement


def call_manager(incident: Incident, *, by: User | None, at: datetime) -> None:
    """Page the portal's incident managers, by their policy; without one, by the portal's last resort."""
    policy = PortalSettings.load().incident_manager_policy
    call(incident, kind=Kind.MANAGER, policy=policy, team=policy.team if policy else None, by=by, at=at)


def call_services(incident: Incident, *, by: User | None, at: datetime) -> None:
    """Page the on-call of every affected service that was not engaged before."""
    engaged = incident.engagements.filter(service__isnull=False).values("service")
    rows = incident.affected_services.exclude(service__in=engaged)
    for row in rows.select_related("service__policy", "service__team"):
        call(incident, kind=row.kind, service=row.service, by=by, at=at)


def call_again(incident: Incident, *, by: User | None, at: datetime) -> None:
    """The trouble is back: page every affected service's on-call anew, owning ones first."""
    rows = incident.affected_services.select_related("service__policy", "service__team").order_by(
        "-kind", "id"
    )
    for row in rows:
        call(incident, kind=row.kind, service=row.service, by=by, at=at)


# -- as bad as it is ---------------------------------------------------------------------------------------
def _policy(incident: Incident, service: Service) -> tuple[EscalationPolicy | None, str]:
    """By which policy a service is paged, and whose that is, if not its own.

    A severity's policy pages once in an incident: whoever is called in beside it is paged by her own.
    """
    own = incident.severity.policy if incident.severity else None
    if own is None or own == service.policy or _is_paged_by(own, open_pages(incident)):
        return service.policy, ""
    return own, str(incident.severity)


def _is_paged_by(policy: EscalationPolicy, pages: list[Page]) -> bool:
    return any(page.policy_id == policy.pk for page in pages)


def follow_severity(incident: Incident, *, before: Severity | None, by: User | None, at: datetime) -> None:
    """Page as the severity asks that a locked incident has now; ``before`` it had another, or none.

    Up, its policy takes over (field/oncall.md rules 24 and 25); down, nobody else is called and nobody is called
    off. How long an acknowledgement lasts follows in both directions (rule 19).
    """
    for page in open_pages(incident):
        paging.last_for(page, incident.severity.ack_timeout, by=by, at=at)
    if before is None or incident.severity.rank < before.rank:
        _follow_policy(incident, by=by, at=at)
    follow_urgency(incident, by=by, at=at)


def _follow_policy(incident: Incident, *, by: User | None, at: datetime) -> None:
    """Let one of the services' pages go by the severity's policy; where it has none, by their own again.

    Best one that went by another severity's, then one that nobody has answered, then an owning service's.
    """
    own = incident.severity.policy
    rows = incident.engagements.filter(service__isnull=False, page__in=Page.objects.open())
    rows = list(rows.select_related("page"))
    if own is None:
        for row in rows:
            paging.follow_own_policy(row.page, by=by, at=at)
    elif rows and not _is_paged_by(own, open_pages(incident)):
        first = min(rows, key=_comes_first)
        paging.follow_policy(first.page, own, why=str(incident.severity), by=by, at=at)


def _comes_first(row: Engagement) -> tuple[bool, bool, bool, int]:
    answered = row.page.state in (Page.State.ACKNOWLEDGED, Page.State.SNOOZED)
    return not row.page.policy_reason, answered, row.kind != Kind.OWNING, row.pk


def follow_urgency(incident: Incident, *, by: User | None, at: datetime) -> None:
    """Page as loudly as the incident now asks for; down calls nobody off (T19, field/oncall.md rule 25)."""
    verb = paging.raise_urgency if urgency(incident) == Urgency.HIGH else paging.lower_urgency
    for page in open_pages(incident):
        verb(page, by=by, at=at)


def urgency(incident: Incident) -> str:
    """How loudly to page: as the severity says, and while there is none as the signal said."""
    return incident.severity.urgency if incident.severity else incident.urgency


def louder(incident: Incident, *, by: User | None, at: datetime) -> None:
    """A worse signal has joined an incident that was quiet so far: whoever was told quietly is woken."""
    incident = moves.lock(incident)
    if incident.urgency == Urgency.LOW and incident.is_open:
        incident.urgency = Urgency.HIGH
        moves.save(incident, by=by, at=at, why="A worse alert joined")
        follow_urgency(incident, by=by, at=at)


def open_pages(incident: Incident) -> list[Page]:
    """The incident's pages that are not over, in the order they are locked in."""
    return list(Page.objects.open().filter(engagement__incident=incident).order_by("pk"))


def end_pages(incident: Incident, *, by: User | None, at: datetime, reason: str) -> list[Page]:
    """End every page of a locked incident: nobody need answer any more. Returns those that it ended."""
    return [paging.resolve(page, by=by, at=at, reason=reason) for page in open_pages(incident)]


@transaction.atomic
def move_service(
    incident: Incident, *, service: Service, to: Service, by: User | None, at: datetime
) -> Incident:
    """It is not this service that is hurt but another: its part, its impact and its pages go there (rule 24).

    The other service's policy begins at its first step; nothing more is sent by the one before. Where the other
    takes part already, the pages of the first end. Raises ``DomainError``: ``not_affected``, ``same_service``,
    ``not_open``.
    """
    attention.given(incident, by=by, at=at)
    incident = moves.lock(incident)
    rights.require(by, transitions.verb("move_service"), incident)
    if not incident.is_open:
        raise DomainError(
            "not_open", f"{incident.key} is {incident.get_state_display().lower()}: reopen it first."
        )
    if service == to:
        raise DomainError("same_service", "Choose another service to move it to.")
    if not incident.affected_services.filter(service=service).exists():
        if incident.affected_services.filter(service=to).exists():
            return incident
        raise DomainError("not_affected", f"{service.name} has no part in {incident.key}.")
    impacts.move(incident, service, to)
    _move_pages(incident, service, to, by=by, at=at)
    text = f"Moved from {service.name} to {to.name}"
    data = {"from": service.slug, "to": to.slug}
    timeline.add(incident, kind=timeline.Kind.CHANGE, text=text, by=by, at=at, data=data)
    facts.refresh(incident)
    return incident


def _move_pages(incident: Incident, service: Service, to: Service, *, by: User | None, at: datetime) -> None:
    there = incident.engagements.filter(service=to, page__in=Page.objects.open()).exists()
    for row in incident.engagements.filter(service=service).select_related("page"):
        if row.page is None or row.page.state == Page.State.RESOLVED:
            continue
        if there:
            paging.resolve(row.page, by=by, at=at, reason=f"moved to {to.name}")
            continue
        row.service = to
        row.save(update_fields=["service"])
        paging.hand_over(row.page, to, by=by, at=at)
        there = True


@transaction.atomic
def all_clear(incident: Incident, *, service: Service, by: User | None, at: datetime) -> Incident:
    """The people of an impacted service say that it is healthy again (field/incidents.md RES-3)."""
    attention.given(incident, by=by, at=at)
    incident = moves.lock(incident)
    rights.require(by, transitions.verb("all_clear"), incident)
    row = incident.affected_services.filter(service=service).first()
    if row is None:
        raise DomainError("not_affected", f"{service.name} has no part in {incident.key}.")
    if row.all_clear_at:
        return incident
    if not incident.is_open:
        raise DomainError(
            "not_open", f"{incident.key} is {incident.get_state_display().lower()}: it needs none."
        )
    impacts.clear(row, by=by, at=at)
    text = f"All clear for {service.name}"
    timeline.add(incident, kind=timeline.Kind.STATE, text=text, by=by, at=at, data={"service": service.slug})
    return incident
