"""Mean time between failures.

Source: field/incidents.md section 3, "MTBF over W".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from incidents.metrics.availability import WEIGHTS, Impact, measured
from incidents.metrics.spans import Span, between, minus, total, union, within


@dataclass(frozen=True)
class Failures:
    """``failures`` start in the window; ``uptime`` is the failure-free time, all in whole seconds.

    ``mtbf`` is ``None`` without a failure: then ``uptime`` is the length to show.
    """

    failures: int
    uptime: int
    mtbf: int | None
    gaps: tuple[int, ...]


def mtbf(
    window: Span,
    impacts: Iterable[Impact],
    *,
    maintenance: Iterable[Span] = (),
    now: datetime | None = None,
    weights: Mapping[str, Fraction] = WEIGHTS,
) -> Failures:
    """Uptime per failure.

    A failure is a maximal run of impacts with any weight, so overlapping incidents are one (M02). One that
    runs at the left edge costs uptime and is no new failure (M04). One that lies wholly inside excluded
    maintenance is none at all.
    """
    part = measured(window, now)
    holes = within(maintenance, part)
    runs = union(impact.span(part.end) for impact in impacts if impact.severity(weights) > 0)
    runs = [run for run in runs if minus(within([run], part), holes)]
    down = minus(within(runs, part), holes)
    uptime = total(minus([part], holes)) - total(down)
    begun = sum(part.start <= run.start for run in runs)
    return Failures(
        failures=begun,
        uptime=int(uptime),
        mtbf=int(uptime / begun) if begun else None,
        gaps=tuple(
            int(between(before.end, after.start).total_seconds())
            for before, after in zip(runs, runs[1:], strict=False)
        ),
    )
