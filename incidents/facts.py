"""What the people who were paged for an incident must know, kept on their pages."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from incidents.models import Incident
from oncall import paging
from oncall.models import Page, Runbook, Service


def facts(incident: Incident, services: Sequence[Service] | None = None) -> dict[str, Any]:
    """What an answer page shows of the incident: plain JSON, so that the floor below need not know us.

    Whoever knows its affected ``services`` spares the reading.
    """
    if services is None:
        services = [row.service for row in incident.affected_services.select_related("service")]
    runbooks = Runbook.objects.filter(service__in=services)
    return {
        "key": incident.key,
        "title": incident.title,
        "severity": incident.severity.slug if incident.severity else "",
        "severity_label": incident.severity.name if incident.severity else "Unclassified",
        "state": incident.state,
        "state_label": incident.get_state_display(),
        "service": ", ".join(service.name for service in services),
        "impact_since": iso(incident.impact_started_at or incident.detected_at),
        "channel_url": incident.channel_url,
        "channel_name": incident.channel_name,
        "bridge_url": incident.bridge_url,
        "runbooks": [{"title": runbook.title, "url": runbook.url} for runbook in runbooks],
        "summary": incident.summary,
        "private": incident.private,
    }


def refresh(incident: Incident) -> None:
    """Bring every page of the incident that is not over up to date."""
    pages = list(Page.objects.open().filter(engagement__incident=incident))
    if not pages:
        return
    shown = facts(incident)
    for page in pages:
        if page.facts != shown:
            paging.describe(page, shown)


def address(incident: Incident) -> str:
    """Where the incident is in the portal, below its public address."""
    return f"/admin/incidents/incident/{incident.pk}/change/"


def iso(instant: datetime | None) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant else ""
