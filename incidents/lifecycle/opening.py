"""How an incident begins: a signal, a declaration, the first answer."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from incidents import communication, engagement, impacts, moves, rights, timeline, transitions
from incidents.models import AffectedService, Engagement, Incident, State, TimelineEntry
from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header, clean_text, fill
from oncall.models import Page, PortalSettings, Service, Urgency, User

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is mistaken for another when read aloud
DETAILS = (
    "summary", "audience", "hurt", "detection_method", "proactive", "private", "kind", "tags", "custom_fields",
    "users_share", "regions_lost", "brand_at_stake", "channel_url", "bridge_url",
)  # fmt: skip


@transaction.atomic
def detect(
    *,
    title: str,
    by: User | None,
    at: datetime,
    service: Service | None = None,
    source_text: str = "",
    description: str = "",
    detected_at: datetime | None = None,
    urgency: str = Urgency.HIGH,
    **details: Any,
) -> Incident:
    """T1. A signal that nobody has confirmed: only the service's on-call is paged.

    ``source_text`` says where it comes from ("Prometheus: HighErrorRate"). ``detected_at`` is the signal's own
    time; one from a clock that runs ahead counts as now. Without a service the incident managers sort it out.
    ``urgency`` is how loudly to page until a severity is confirmed; ``details`` are further fields.
    """
    row = transitions.verb("detect")
    rights.require(by, row)
    incident = _new(State.DETECTED, title=title, by=by, at=at, service=service, **details)
    incident.urgency = urgency
    incident.description = clean_text(description)
    incident.detected_at = min(detected_at or at, at)
    moves.refuse_disorder(incident, now=at)
    _first_save(incident, [service] if service else [], by=by, at=at)
    source = clean_text(source_text) or (f"Reported by {by}" if by else "Detected")
    told = [source, *([clean_text(description)] if description and description not in source else [])]
    first = _told_first(incident, row, "\n".join(told), kind=timeline.Kind.ALERT, by=by, at=at)
    if service:
        engagement.call_first(
            incident, kind=Engagement.Kind.IMPACTED, service=service, by=by, at=at, after=first
        )
    else:
        engagement.call_manager(incident, by=by, at=at)
    return incident


@transaction.atomic
def declare(
    incident: Incident | None = None,
    *,
    by: User | None,
    at: datetime,
    title: str = "",
    services: Iterable[Service] = (),
    description: str = "",
    impact_started_at: datetime | None = None,
    expected_version: int | None = None,
    **details: Any,
) -> Incident:
    """T2. It is real: it gets its channel and bridge, and an incident manager is paged.

    With ``incident`` None a new one is declared at once, and the on-call of its services is paged as well.
    The impact began at ``impact_started_at``, by default when it was detected.
    """
    services = list(services)
    if incident is None:
        return _declare_new(
            title=title, services=services, description=description, impact_started_at=impact_started_at,
            by=by, at=at, **details,
        )  # fmt: skip
    move = moves.begin(
        "declare", incident, by=by, at=at, expected_version=expected_version, services=services, title=title,
        summary=details.get("summary", ""),
    )  # fmt: skip
    if move.repeated:
        return move.incident
    _describe(move.incident, {"title": title, "description": description, **details}, by=by, at=at)
    open_up(move.incident, services, impact_started_at, at=at)
    done = moves.finish(move, to=State.DECLARED, text=_joining(move.incident))
    call_in(done, by=by, at=at)
    return done


def _declare_new(
    *,
    title: str,
    services: list[Service],
    description: str,
    impact_started_at: datetime | None,
    by: User | None,
    at: datetime,
    **details: Any,
) -> Incident:
    row = transitions.verb("declare")
    rights.require(by, row)
    if not services and not (description or details.get("summary")):
        raise DomainError("service_missing", "Name an impacted service, or describe what is wrong.")
    first = services[0] if services else None
    incident = _new(State.DECLARED, title=title, by=by, at=at, service=first, **details)
    incident.description = clean_text(description)
    # What people declare is detected when they say so, or when it began to hurt if that is still to come.
    incident.detected_at = at
    incident.impact_started_at = impact_started_at or at
    moves.refuse_disorder(incident, now=at)
    _first_save(incident, services, by=by, at=at)
    open_up(incident, [], incident.impact_started_at, at=at)
    moves.save(incident, by=by, at=at, why="Declared")
    _told_first(incident, row, _joining(incident), by=by, at=at)
    call_in(incident, by=by, at=at)
    return incident


@transaction.atomic
def acknowledge(
    incident: Incident, *, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T3. Somebody takes it on: the pages that she can answer stop, and the first answer is kept.

    Those are her own, and every page to a service, team or person; a page for the incident manager only if she may
    manage. Acknowledging again changes nothing.
    """
    move = moves.begin("acknowledge", incident, by=by, at=at)
    moves.refuse_stale(move.incident, expected_version)
    for page in Page.objects.waiting().filter(engagement__incident=move.incident).order_by("pk"):
        if _may_answer(page, move.incident, by):
            paging.acknowledge(page, by=by, at=at)  # the receiver writes it down
    fresh = Incident.objects.select_related("severity").get(pk=move.incident.pk)
    if fresh.acknowledged_at is None:
        acknowledged(fresh, by=by, at=at, text="Acknowledged")
    return fresh


def acknowledged(
    incident: Incident, *, by: User | None, at: datetime, text: str, data: dict | None = None
) -> bool:
    """The first answer to a locked incident's pages. For the receiver of page events; True if it was the first.

    A clock that was set back must not refuse an answer: it then counts as given when the incident was detected.
    """
    if incident.acknowledged_at is not None or incident.state not in transitions.OPEN:
        return False
    incident.acknowledged_at = max(at, incident.detected_at or at)
    moves.save(incident, by=by, at=at, why="Acknowledged")
    moves.record(
        incident, name="acknowledge", from_state=incident.state, text=text, kind=timeline.Kind.PAGE, by=by, at=at,
        effective_at=incident.acknowledged_at, data=data,
    )  # fmt: skip
    return True


def _may_answer(page: Page, incident: Incident, by: User | None) -> bool:
    if page.engagement.kind != Engagement.Kind.MANAGER:
        return True
    if by is None:
        return False
    return page.notified.filter(user=by).exists() or rights.may(by, transitions.verb("classify"), incident)


# -- making one --------------------------------------------------------------------------------------------
def _new(
    state: str, *, title: str, by: User | None, at: datetime, service: Service | None, **details: Any
) -> Incident:
    title = clean_header(title, limit=300)
    if not title:
        raise DomainError("title_missing", "Say in a few words what is wrong: the title is empty.")
    incident = Incident(title=title, state=state, reporter=by, created_at=at)
    if service and "audience" not in details:
        incident.audience = service.audience
    if by and "detection_method" not in details:
        incident.detection_method = Incident.Detection.EMPLOYEE
    _describe(incident, details, by=by, at=at)
    return incident


def _describe(incident: Incident, details: dict[str, Any], *, by: User | None, at: datetime) -> None:
    """Take over what was told; an empty value leaves what is there."""
    unknown = set(details) - {*DETAILS, "title", "description"}
    if unknown:
        raise TypeError(f"An incident is not told {', '.join(sorted(unknown))}.")
    for name, value in details.items():
        if value not in (None, ""):
            setattr(incident, name, clean_text(value) if isinstance(value, str) else value)
    if details.get("title"):
        incident.title = clean_header(details["title"], limit=300)
    if details.get("summary"):
        incident.summary_by, incident.summary_at = by, at


def _first_save(incident: Incident, services: list[Service], *, by: User | None, at: datetime) -> None:
    moves.save(incident, by=by, at=at, why="Created")
    for service in dict.fromkeys(services):
        AffectedService.objects.create(incident=incident, service=service)


def _told_first(
    incident: Incident,
    row: transitions.Verb,
    text: str,
    *,
    by: User | None,
    at: datetime,
    kind: str = timeline.Kind.STATE,
) -> TimelineEntry:
    return moves.record(
        incident, name=row.name, from_state=transitions.NEW, text=text, kind=kind, by=by, at=at,
        effective_at=incident.detected_at if row.name == "detect" else at,
    )  # fmt: skip


# -- declaring ---------------------------------------------------------------------------------------------
def open_up(
    incident: Incident, services: list[Service], impact_started_at: datetime | None, *, at: datetime
) -> None:
    """Milestones, impacts, channel, bridge and update clock of an incident that is being declared."""
    incident.declared_at = at
    incident.impact_started_at = impact_started_at or incident.impact_started_at or incident.detected_at or at
    for service in services:
        impacts.add_service(incident, service)
    impacts.begin(incident, at=incident.impact_started_at)
    give_places(incident)
    incident.update_due_at = communication.due(incident, at=at, state=State.DECLARED)


def call_in(incident: Incident, *, by: User | None, at: datetime) -> None:
    """Page whoever a declared incident needs: its services' on-call and an incident manager."""
    engagement.call_services(incident, by=by, at=at)
    engagement.call_manager(incident, by=by, at=at)


def give_places(incident: Incident) -> None:
    """Name the channel and fill in the addresses of channel and bridge from the portal's templates.

    A private incident's channel is not named after its title. What was typed by hand stays.
    """
    portal = PortalSettings.load()
    key, secret = incident.key.lower(), _secret()
    if not incident.channel_name:
        words = secret if incident.private else slugify(incident.title)[:40].strip("-")
        incident.channel_name = f"{key}-{words}".strip("-")
    if portal.channel_template and not incident.channel_url:
        incident.channel_url = fill(portal.channel_template, {"name": incident.channel_name, "key": key})
    if portal.bridge_template and not incident.bridge_url:
        incident.bridge_url = fill(portal.bridge_template, {"key": key, "secret": _secret()})


def _secret() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(12))


def _joining(incident: Incident) -> str:
    places = [f"channel #{incident.channel_name}", *(["bridge"] if incident.bridge_url else [])]
    return f"Declared. Join here: {' and '.join(places)}."
