"""Many incidents to one figure.

Source: field/incidents.md section 3, rules 2, 5, 6 and 7.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

EXCLUDED_STATES = frozenset({"cancelled", "merged"})
EXCLUDED_KINDS = frozenset({"drill"})
FEWEST_FOR_A_MEAN = 5  # below this a page shows median and p90 only, unless asked


@dataclass(frozen=True)
class Aggregate:
    """Figures over the known values; ``missing`` says how many were not known. All ``None`` when n is 0."""

    n: int
    missing: int
    mean: float | None
    median: float | None
    p90: float | None


def counts(*, state: str, kind: str = "", excluded_type: bool = False) -> bool:
    """Whether an incident belongs to the population: no false alarm, duplicate, drill or excluded type."""
    return state not in EXCLUDED_STATES and kind not in EXCLUDED_KINDS and not excluded_type


def aggregate(values: Iterable[int | float | None]) -> Aggregate:
    """Count, mean, median and 90th percentile; ``None`` values are skipped and counted as missing."""
    everything = list(values)
    known = sorted(value for value in everything if value is not None)
    return Aggregate(
        n=len(known),
        missing=len(everything) - len(known),
        mean=_plain(sum(map(Fraction, known), Fraction(0)) / len(known)) if known else None,
        median=median(known),
        p90=nearest_rank(known, 90),
    )


def nearest_rank(ordered: list, percent: int) -> int | float | None:
    """Value number ``ceil(percent / 100 * n)`` of a sorted list, counted from one."""
    if not ordered:
        return None
    rank = -(-percent * len(ordered) // 100)
    return ordered[max(rank, 1) - 1]


def median(ordered: list) -> int | float | None:
    """The median of a sorted list: the mean of the two middle values when n is even."""
    if not ordered:
        return None
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return _plain((Fraction(low) + Fraction(high)) / 2)


def aggregate_groups(groups: Mapping[str, Iterable[int | None]]) -> tuple[dict[str, Aggregate], Aggregate]:
    """Each group and the whole. The whole is over incidents, never a mean of the groups' means (A06)."""
    lists = {name: list(values) for name, values in groups.items()}
    overall = aggregate(value for values in lists.values() for value in values)
    return {name: aggregate(values) for name, values in lists.items()}, overall


def month_bucket(at: datetime, zone: str) -> str:
    """The month ``YYYY-MM`` that an instant falls into, on the calendar of the reporting zone (A07)."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
