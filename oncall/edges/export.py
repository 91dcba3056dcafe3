"""Lists as CSV, safe to open in a spreadsheet."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer

from oncall.messaging.render import clean_text

STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
CHUNK = 500


def cell(value: Any) -> str:
    """One value as text. What a spreadsheet would run as a formula gets an apostrophe in front (OWASP)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(v, Mapping) for v in value)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = clean_text(str(value))
    return (
        f"'{text}"
        if text.lstrip().startswith(STARTS_A_FORMULA) or text.startswith(STARTS_A_FORMULA)
        else text
    )


def lines(columns: list[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The CSV, a line at a time; ``columns`` name the keys of each row, a dot leads into a nested one."""
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([cell(_at(row, column)) for column in columns])


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _at(row: Mapping[str, Any], column: str) -> Any:
    value: Any = row
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


class CSVRenderer(BaseRenderer):
    """Makes ``?format=csv`` known to a view, and renders its refusals; lists are streamed by ``CSVList``."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type=None, renderer_context=None) -> str:
        rows = [data] if isinstance(data, Mapping) else [{"detail": data}]
        return "".join(lines(list(rows[0]), rows))


class CSVList:
    """A list view that also answers ``?format=csv``: every row of the filtered list, streamed.

    ``csv_columns`` are names of the serializer's fields; ``csv_right`` is the permission it takes, if any.
    """

    csv_columns: list[str] = []
    csv_right = ""

    def list(self, request, *args: Any, **kwargs: Any):
        if getattr(request.accepted_renderer, "format", "") != "csv":
            return super().list(request, *args, **kwargs)
        if self.csv_right and not request.user.has_perm(self.csv_right):
            self.permission_denied(request, message="Exporting needs the right to export.")
        found = self.filter_queryset(self.get_queryset()).order_by("-pk")
        serializer = self.get_serializer()
        rows = (serializer.to_representation(row) for row in found.iterator(chunk_size=CHUNK))
        response = StreamingHttpResponse(
            lines(self.csv_columns, rows), content_type="text/csv; charset=utf-8"
        )
        response["Content-Disposition"] = f'attachment; filename="{self.basename}.csv"'
        return response
