"""Pure: what several component statuses amount to. Plain strings in, plain strings out.

The order of badness and the sentences are Statuspage's, so that its clients show the same words
(field/statuspage.md section 2.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass

OPERATIONAL = "operational"
MAINTENANCE = "under_maintenance"
DEGRADED = "degraded_performance"
PARTIAL = "partial_outage"
MAJOR = "major_outage"

# From fine to worst. Maintenance is the mildest: an outage during a maintenance is still an outage.
SEVERITY_ORDER = (OPERATIONAL, MAINTENANCE, DEGRADED, PARTIAL, MAJOR)
_RANK = {status: rank for rank, status in enumerate(SEVERITY_ORDER)}

IMPACT_OF = {
    OPERATIONAL: "none",
    MAINTENANCE: "none",
    DEGRADED: "minor",
    PARTIAL: "major",
    MAJOR: "critical",
}
IMPACT_ORDER = ("none", "maintenance", "minor", "major", "critical")


@dataclass(frozen=True)
class Status:
    """The whole page in one word for programs and one sentence for people."""

    indicator: str  # none | minor | major | critical | maintenance
    description: str


def rank(status: str) -> int:
    """How bad a component status is: 0 is operational, higher is worse."""
    return _RANK[status]


def worst(statuses: Iterable[str]) -> str:
    """The worst of several component statuses; operational when there is none."""
    return max(statuses, key=rank, default=OPERATIONAL)


def top_level(statuses: Iterable[str]) -> Status:
    """The page's status from its visible leaf components (groups and hidden ones do not count).

    "All" rules come before their "any" rule, since everything down reads differently from something
    down. No component at all is operational.
    """
    seen = set(statuses)
    if seen == {MAJOR}:
        return Status("critical", "Major System Outage")
    if MAJOR in seen or seen == {PARTIAL}:
        return Status("major", "Partial System Outage")
    if PARTIAL in seen:
        return Status("minor", "Minor Service Outage")
    if seen == {DEGRADED}:
        return Status("minor", "Degraded System Service")
    if DEGRADED in seen:
        return Status("minor", "Partially Degraded Service")
    if MAINTENANCE in seen:
        return Status("maintenance", "Service Under Maintenance")
    return Status("none", "All Systems Operational")


def impact(statuses: Iterable[str]) -> str:
    """The impact of an incident on these components: none, minor, major or critical."""
    return IMPACT_OF[worst(statuses)]


def worse_impact(one: str, other: str) -> str:
    """The higher of two impacts; an open incident's impact only rises."""
    return max(one, other, key=IMPACT_ORDER.index)
