"""The instants an incident's life is measured by, and which may not come before which.

Pure. Source: field/incidents.md section 3, rule 1.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

# Milestone to the words that name it in a sentence: "it was declared".
WORDS = {
    "impact_started_at": "the impact began",
    "detected_at": "it was detected",
    "acknowledged_at": "it was acknowledged",
    "declared_at": "it was declared",
    "mitigated_at": "it was mitigated",
    "resolved_at": "it was resolved",
    "closed_at": "it was closed",
}

# What lies outside was mistyped, and near the ends of the calendar a change of zone fails.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

ORDER = (
    ("impact_started_at", "detected_at"),
    ("detected_at", "acknowledged_at"),
    ("impact_started_at", "mitigated_at"),
    ("mitigated_at", "resolved_at"),
    ("impact_started_at", "resolved_at"),
    ("declared_at", "resolved_at"),
    ("resolved_at", "closed_at"),
)


def disorder(times: Mapping[str, datetime | None], *, proactive: bool, now: datetime) -> str:
    """The sentence about the first two milestones in the wrong order, or one out of range; else empty.

    With ``proactive`` an incident may be detected before its impact begins (case D07).
    """
    for earlier, later in ORDER:
        if proactive and later == "detected_at":
            continue
        first, second = times.get(earlier), times.get(later)
        if first and second and second < first:
            return (
                f"It cannot be that {WORDS[later]} ({spelt(second)}) before {WORDS[earlier]} ({spelt(first)}). "
                "Correct one of the two times."
            )
    for name, words in WORDS.items():
        value = times.get(name)
        if value and value < EARLIEST:
            return f"It cannot be that {words} in {value.year}. Correct the year."
        if value and value > now:
            return f"It cannot be that {words} in the future ({spelt(value)}). Now is {spelt(now)}."
    return ""


def spelt(instant: datetime) -> str:
    """An aware UTC instant as people read it: 2026-03-09 13:00:05 UTC, without seconds that are zero."""
    return f"{instant:%Y-%m-%d %H:%M}{f':{instant:%S}' if instant.second else ''} UTC"


def promised(instant: datetime, *, at: datetime) -> str:
    """What was promised at ``at``, to the minute: 13:00 UTC, with the day when it is another one."""
    return f"{instant:%H:%M} UTC" if instant.date() == at.date() else f"{instant:%d %b %H:%M} UTC"
