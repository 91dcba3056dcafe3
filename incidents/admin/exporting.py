"""The incident list as CSV: times in UTC, people and services by their short names."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from incidents.models import Incident
from oncall.edges import export

COLUMNS = [
    "key", "title", "state", "severity", "audience", "services", "manager", "detection_method", "root_cause_type",
    "impact_started_at", "detected_at", "declared_at", "acknowledged_at", "classified_at", "mitigated_at",
    "resolved_at", "closed_at",
]  # fmt: skip
CHUNK = 500


def as_csv(incidents: QuerySet[Incident]) -> StreamingHttpResponse:
    """A download, written as it is read."""
    answer = StreamingHttpResponse(
        export.lines(COLUMNS, _rows(incidents)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = 'attachment; filename="incidents.csv"'
    return answer


def _rows(incidents: QuerySet[Incident]) -> Iterator[Mapping[str, Any]]:
    for incident in incidents.iterator(chunk_size=CHUNK):
        row = {
            column: _plain(getattr(incident, column))
            for column in COLUMNS
            if column not in {"services", "manager"}
        }
        row["services"] = [affected.service.slug for affected in incident.affected_services.all()]
        row["manager"] = incident.managers_now[0].user.username if incident.managers_now else ""
        yield row


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value if value is None or isinstance(value, int | float) else str(value)
