"""Incidents of the past, written down with their real times. Nothing is sent, nobody is paged."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from incidents import facts, impacts, moves, rights, timeline, transitions
from incidents.lifecycle.edits import FIELDS
from incidents.models import Incident, Severity, State
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header, clean_text
from oncall.models import Service, User

# Milestone to the verb that would have set it and the state that it would have led to.
STORY = (
    ("detected_at", "detect", State.DETECTED),
    ("declared_at", "declare", State.DECLARED),
    ("acknowledged_at", "acknowledge", None),
    ("classified_at", "classify", State.TROUBLESHOOTING),
    ("mitigated_at", "mitigate", State.MITIGATED),
    ("resolved_at", "resolve", State.RESOLVED),
    ("closed_at", "close", State.CLOSED),
)


@transaction.atomic
def declare_past(
    *,
    title: str,
    severity: Severity,
    impact_started_at: datetime,
    resolved_at: datetime,
    by: User | None,
    at: datetime,
    services: Iterable[Service] = (),
    detected_at: datetime | None = None,
    declared_at: datetime | None = None,
    acknowledged_at: datetime | None = None,
    classified_at: datetime | None = None,
    mitigated_at: datetime | None = None,
    closed_at: datetime | None = None,
    **details: Any,
) -> Incident:
    """Write down an incident that is over, with all its milestones at once (field/incidents.md ADO-2).

    A milestone nobody knows stays empty; one never mitigated counts as mitigated when resolved. It is closed if
    ``closed_at`` is given, else resolved, and can be reviewed from there. Refuses times in an impossible order.
    """
    rights.require(by, transitions.verb("resolve"))
    unknown = set(details) - FIELDS - {"private"}
    if unknown:
        raise DomainError(
            "field_unknown", f"An incident of the past is not told {', '.join(sorted(unknown))}."
        )
    title = clean_header(title, limit=300)
    if not title:
        raise DomainError("title_missing", "Say in a few words what was wrong: the title is empty.")
    incident = Incident(
        title=title,
        severity=severity,
        reporter=by,
        created_at=at,
        state=State.CLOSED if closed_at else State.RESOLVED,
        impact_started_at=impact_started_at,
        detected_at=detected_at,
        declared_at=declared_at,
        acknowledged_at=acknowledged_at,
        classified_at=classified_at,
        mitigated_at=mitigated_at or resolved_at,
        mitigation_inferred=mitigated_at is None,
        resolved_at=resolved_at,
        closed_at=closed_at,
    )
    for name, value in details.items():
        setattr(incident, name, clean_text(value) if isinstance(value, str) else value)
    moves.refuse_disorder(incident, now=at)
    moves.save(incident, by=by, at=at, why="Written down afterwards")
    for service in services:
        impacts.add_service(incident, service)
    impacts.begin(incident, at=impact_started_at)
    impacts.end(incident, at=incident.mitigated_at)
    _tell_story(incident, by=by, at=at)
    return incident


def _tell_story(incident: Incident, *, by: User | None, at: datetime) -> None:
    """A Transition and an entry for each milestone, at its own time; their order is the order of the times."""
    text = f"Written down afterwards. Impact: {facts.iso(incident.impact_started_at)}"
    timeline.add(incident, kind=timeline.Kind.NOTE, text=text, by=by, at=at)
    told = [
        (getattr(incident, name), place, verb, state)
        for place, (name, verb, state) in enumerate(STORY)
        if getattr(incident, name) and not (name == "mitigated_at" and incident.mitigation_inferred)
    ]
    final, state_now = incident.state, transitions.NEW
    for instant, _, verb, state in sorted(told, key=lambda one: one[:2]):
        incident.state = state or state_now or State.DETECTED
        moves.record(
            incident,
            name=verb,
            from_state=state_now,
            text=f"{transitions.verb(verb).label}, written down afterwards.",
            by=by,
            at=at,
            effective_at=instant,
            data={"past": True},
        )
        state_now = incident.state
    incident.state = final
