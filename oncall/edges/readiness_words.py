"""Readiness in words and as JSON. Pure."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from oncall.edges import timeline, times
from oncall.readiness import AMBER, GREEN, RED, Finding, Report

TITLES = {
    "policies": "Policy",
    "contacts": "Contacts",
    "inactive": "Deactivated",
    "gaps": "Schedule",
    "steps": "Policy",
    "calendars": "Imported calendar",
    "services": "Service",
    "catch_all": "Settings",
    "mail": "Settings",
}


def headline(report: Report) -> str:
    """``Not ready: 2 things to mend``; when nothing is red, that it is ready."""
    red, amber = len(report.of(RED)), len(report.of(AMBER))
    if red:
        return f"Not ready: {red} thing{'s' * (red > 1)} to mend"
    return f"Ready, with {amber} thing{'s' * (amber > 1)} to look at" if amber else "Ready for thirty days"


def when(finding: Finding) -> str:
    """``Sat 14 March 09:00 to Mon 16 March 09:00 in Berlin``; of several how many, the longest and the first."""
    if not finding.spans:
        return ""
    first = timeline.spell(*finding.spans[0], ZoneInfo(finding.zone))
    where = f"in {times.city(finding.zone)}"
    if len(finding.spans) == 1:
        return f"{first} {where}"
    longest = times.span(max(end - start for start, end in finding.spans))
    return f"{len(finding.spans)} times, the longest {longest}; first {first} {where}"


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs: counts, then every finding, the worst first."""
    return {
        "at": _instant(report.at),
        "until": _instant(report.until),
        **{tone: len(report.of(tone)) for tone in (RED, AMBER, GREEN)},
        "findings": [_finding(finding) for finding in report.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "tone": finding.tone,
        "kind": finding.kind,
        "about": finding.about,
        "key": finding.key,
        "text": finding.text,
        "todo": finding.todo,
        "path": finding.path,
        "spans": [{"start": _instant(start), "end": _instant(end)} for start, end in finding.spans],
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
