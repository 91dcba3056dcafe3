"""The draft: what the portal knows about an incident, written down so that people only add what they know."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from incidents import lifecycle
from incidents.metrics.durations import DEFINITIONS
from incidents.models import Incident, Role, State, TimelineEntry
from oncall.messaging import render
from oncall.messaging.errors import DomainError
from oncall.models import User
from postmortems import rights
from postmortems.models import PostMortem, Section

logger = logging.getLogger(__name__)

# A row must be seen once per period, not once per second: reviews are counted in days.
REVIEWABLE = [State.RESOLVED, State.IN_REVIEW]


@transaction.atomic
def draft(incident: Incident, *, by: User | None, at: datetime) -> PostMortem:
    """Open the review of a resolved incident: facts filled in, sections empty, the manager in the lead.

    Drafting again returns the draft that is there. Raises DomainError when the incident is not resolved.
    Source: field/incidents.md REV-1 to REV-8, transition T10.
    """
    found = PostMortem.objects.filter(incident=incident).first()
    if found:
        return found
    rights.need(by, "postmortems.add_postmortem", "open a review")
    if incident.state == State.RESOLVED:
        incident = lifecycle.start_review(incident, by=by, at=at)
    within = incident.severity.review_within if incident.severity else timedelta(days=7)
    postmortem = PostMortem.objects.create(
        incident=incident,
        lead=_manager(incident),
        due_at=((incident.resolved_at or at) + within).replace(second=0, microsecond=0),
        facts=facts(incident),
        facts_at=at,
        created_at=at,
    )
    prepared = _prepared(incident)
    for position, kind in enumerate(Section.Kind):
        Section.objects.create(
            postmortem=postmortem, kind=kind, position=position, text=prepared.get(kind, "")
        )
    return postmortem


@transaction.atomic
def refresh(postmortem: PostMortem, *, by: User | None, at: datetime) -> PostMortem:
    """Make the facts anew from the incident; what people wrote stays as it is."""
    rights.need_to_write(postmortem, by)
    postmortem.facts = facts(postmortem.incident)
    postmortem.facts_at = at
    postmortem._history_user = by
    postmortem.save(update_fields=["facts", "facts_at"])
    return postmortem


@transaction.atomic
def write(postmortem: PostMortem, *, sections: dict[str, str], by: User | None, at: datetime) -> PostMortem:
    """Write sections: kind → Markdown. Raises DomainError for an unknown section or once it is approved."""
    rights.need_to_write(postmortem, by)
    if postmortem.state in {PostMortem.State.APPROVED, PostMortem.State.PUBLISHED}:
        raise DomainError("approved", "It is approved and stands. Send it back to review to change it.")
    rows = {section.kind: section for section in postmortem.sections.all()}
    for kind, text in sections.items():
        if kind not in rows:
            raise DomainError("unknown_section", f"There is no section {kind!r}. Known: {', '.join(rows)}.")
        section = rows[kind]
        section.text = render.clean_text(text)
        section._history_user = by
        section.save()
    return PostMortem.objects.get(pk=postmortem.pk)


@transaction.atomic
def plan(
    postmortem: PostMortem,
    *,
    lead: User | None,
    due_at: datetime | None,
    meeting_at: datetime | None,
    by: User | None,
    at: datetime,
) -> PostMortem:
    """Say who leads it, by when it shall be approved, and when people meet over it."""
    rights.need_to_write(postmortem, by)
    postmortem.lead, postmortem.due_at, postmortem.meeting_at = lead, due_at, meeting_at
    postmortem._history_user = by
    postmortem._change_reason = "Lead and dates"
    postmortem.save(update_fields=["lead", "due_at", "meeting_at"])
    return postmortem


def milestones(incident: Incident) -> list[tuple[str, datetime | None]]:
    """What happened when, in the order in which it should; None where nobody knows."""
    return [
        ("Impact started", incident.impact_started_at),
        ("Detected", incident.detected_at),
        ("Declared", incident.declared_at),
        ("Acknowledged", incident.acknowledged_at),
        ("Classified", incident.classified_at),
        ("First update", incident.first_update_at),
        ("Mitigated", incident.mitigated_at),
        ("Resolved", incident.resolved_at),
    ]


def facts(incident: Incident) -> str:
    """Milestones, impact, people and timeline of an incident as Markdown, times in UTC."""
    measured = incident.durations
    durations = [(metric.label, _length(measured.values[metric.key])) for metric in DEFINITIONS[:4]]
    return render.plain(
        "postmortems/facts.md",
        {
            "incident": incident,
            "milestones": milestones(incident),
            "durations": durations,
            "impacts": incident.impacts.select_related("service"),
            "roles": incident.roles.select_related("user"),
            "entries": [
                (entry.at, entry.actor_name or "Muster", " ".join(entry.text.split()))
                for entry in incident.timeline.all()
            ],
        },
    ).strip()


def open_reviews(*, now: Callable[[], datetime]) -> int:
    """Draft the post-mortem of each resolved incident whose severity asks for one. A line of the pulse."""
    waiting = Incident.objects.filter(
        Q(state__in=REVIEWABLE), severity__review_required=True, postmortem__isnull=True
    ).select_related("severity")[:50]
    return sum(_alone(incident, at=now()) for incident in waiting)


def _alone(incident: Incident, *, at: datetime) -> int:
    """Draft one; a failure is logged, tried again at the next beat, and stops no other."""
    try:
        draft(incident, by=None, at=at)
    except Exception:
        logger.exception("No post-mortem for %s", incident.key)
        return 0
    return 1


def _length(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _manager(incident: Incident) -> User | None:
    held = incident.roles.filter(role=Role.MANAGER).select_related("user").order_by("until", "-since").last()
    return held.user if held else incident.reporter


def _prepared(incident: Incident) -> dict[str, str]:
    """What responders noted for the review while it was on, as the beginning of the sections it belongs to."""
    notes = incident.timeline.filter(kind__in=TimelineEntry.FOR_REVIEW)
    lines = [
        f"- {entry.get_kind_display()}, {entry.actor_name or 'the portal'}: {entry.text}" for entry in notes
    ]
    return {
        Section.Kind.SUMMARY: incident.summary,
        Section.Kind.IMPACT: incident.hurt,
        Section.Kind.RESPONSE: "\n".join(part for part in (incident.mitigation, incident.resolution) if part),
        Section.Kind.WENT_BADLY: "\n".join(lines),
    }
