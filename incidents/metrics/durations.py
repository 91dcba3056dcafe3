"""From the milestones of one incident to its durations.

Source: field/incidents.md section 3, "Default metrics" and rules 1 to 5.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from incidents.metrics.spans import between


@dataclass(frozen=True)
class Milestones:
    """The instants of one incident, aware; ``None`` where nobody knows.

    ``mitigations`` are all entries into the mitigated state, oldest first, the present one included;
    ``proactive`` says that the alert came before users were hurt.
    """

    started: datetime | None = None
    detected: datetime | None = None
    declared: datetime | None = None
    acknowledged: datetime | None = None
    classified: datetime | None = None
    first_public_update: datetime | None = None
    mitigated: datetime | None = None
    resolved: datetime | None = None
    published: datetime | None = None
    closed: datetime | None = None
    mitigations: tuple[datetime, ...] = ()
    proactive: bool = False


@dataclass(frozen=True)
class Definition:
    """One metric: the pair of milestones it lies between, and how people read it."""

    key: str
    start: str
    end: str
    label: str
    explanation: str


DEFINITIONS = (
    Definition("ttd", "started", "detected", "Time to detect", "from impact start to detection"),
    Definition("tta", "detected", "acknowledged", "Time to acknowledge", "from detection to the first answer"),
    Definition("ttm", "started", "mitigated", "Time to mitigate", "from impact start to the last mitigation"),
    Definition("ttr", "started", "resolved", "Time to resolve", "from impact start to resolution"),
    Definition(
        "tta_from_start", "started", "acknowledged", "Time to acknowledge, from start",
        "from impact start to the first answer",
    ),
    Definition("ttdeclare", "detected", "declared", "Time to declare", "from detection to declaration"),
    Definition("ttclassify", "declared", "classified", "Time to classify", "from declaration to severity"),
    Definition(
        "ttupdate", "declared", "first_public_update", "Time to first update",
        "from declaration to the first public post",
    ),
    Definition("ttpublish", "resolved", "published", "Time to publish", "from resolution to the post-mortem"),
)  # fmt: skip

# What must not come before what. A broken pair is reported; only a metric measured on that very pair is lost.
ORDER = (
    ("started", "detected"),
    ("detected", "acknowledged"),
    ("started", "mitigated"),
    ("mitigated", "resolved"),
    ("started", "resolved"),
    ("declared", "resolved"),
    ("resolved", "closed"),
)


@dataclass(frozen=True)
class Durations:
    """Whole seconds per metric, ``None`` where an end is missing or the order is impossible.

    ``open_age`` belongs to an unresolved incident and never enters a mean. ``errors`` are pairs in the
    wrong order, written ``later<earlier``.
    """

    values: dict[str, int | None]
    ttm_first: int | None
    reopen_count: int
    open_age: int | None
    mitigated_inferred: bool
    errors: tuple[str, ...]

    @property
    def ttd(self) -> int | None:
        return self.values["ttd"]

    @property
    def tta(self) -> int | None:
        return self.values["tta"]

    @property
    def ttm(self) -> int | None:
        return self.values["ttm"]

    @property
    def ttr(self) -> int | None:
        return self.values["ttr"]


def durations(milestones: Milestones, *, now: datetime | None = None) -> Durations:
    """Measure one incident.

    A skipped mitigation counts as mitigated when resolved and is marked inferred (case D03). With
    ``proactive`` a detection before the impact gives TTD 0 (D07); without it that is an order error and
    the metric is lost, never clamped (D06). After a reopening TTM uses the last mitigation (D10).
    """
    instants = _in_utc(milestones)
    inferred = milestones.mitigated is None and milestones.resolved is not None
    if inferred:
        instants["mitigated"] = instants["resolved"]
    values = {metric.key: _measure(instants[metric.start], instants[metric.end]) for metric in DEFINITIONS}
    errors = tuple(f"{late}<{early}" for early, late in ORDER if _reversed(instants[early], instants[late]))
    if milestones.proactive and "detected<started" in errors:
        values["ttd"] = 0
        errors = tuple(error for error in errors if error != "detected<started")
    earlier = [instant for instant in milestones.mitigations if instant != milestones.mitigated]
    first_mitigation = earlier[0] if earlier else instants["mitigated"]
    return Durations(
        values=values,
        ttm_first=_measure(milestones.started, first_mitigation),
        reopen_count=len(earlier),
        open_age=_measure(milestones.started, now) if milestones.resolved is None else None,
        mitigated_inferred=inferred,
        errors=errors,
    )


def _in_utc(milestones: Milestones) -> dict[str, datetime | None]:
    """Instants of one zone compare as wall clocks, which a night of changing clocks falsifies (D08)."""
    return {
        name: value.astimezone(UTC) if isinstance(value, datetime) else None
        for name, value in vars(milestones).items()
    }


def _measure(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None or end < start:
        return None
    return int(between(start, end).total_seconds())


def _reversed(early: datetime | None, late: datetime | None) -> bool:
    return early is not None and late is not None and late < early
