"""Incidents as CSV, for spreadsheets: times in UTC, text that no spreadsheet takes for a formula."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from django.http import StreamingHttpResponse

from incidents.models import Incident

COLUMNS = (
    "key", "title", "state", "severity", "audience", "services", "manager", "detection_method", "root_cause_type",
    "impact_started_at", "detected_at", "declared_at", "acknowledged_at", "classified_at", "mitigated_at",
    "resolved_at", "closed_at",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What csv.writer writes to: hands the line back."""

    def write(self, line: str) -> str:
        return line


def as_csv(incidents: Iterable[Incident]) -> StreamingHttpResponse:
    """A download, written as it is read."""
    answer = StreamingHttpResponse(_lines(incidents), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="incidents.csv"'
    return answer


def _lines(incidents: Iterable[Incident]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for incident in incidents:
        yield writer.writerow([_cell(incident, column) for column in COLUMNS])


def _cell(incident: Incident, column: str) -> str:
    if column == "services":
        value = ", ".join(affected.service.slug for affected in incident.affected_services.all())
    elif column == "manager":
        value = incident.managers_now[0].user.username if incident.managers_now else ""
    else:
        value = getattr(incident, column)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
