"""Fair load in words and small bars. Pure.

A bar is a drawing with widths in percent: what was, what is ahead, and a line where the mean stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from oncall.load import Figures, Month, Report

HOUR = timedelta(hours=1)
#: Within this share of the mean nobody stands out.
EVEN = 0.1


@dataclass(frozen=True)
class Bar:
    """Places in percent: from 0 to ``past`` what was, then ``ahead`` wide what is planned; a line at ``mean``."""

    past: float
    ahead: float
    mean: float


def hours(length: timedelta) -> str:
    """``212 h``, ``0 h``; below ten hours to the half: ``7.5 h``."""
    value = length / HOUR
    return f"{round(value)} h" if abs(value) >= 10 else f"{round(2 * value) / 2:g} h"


def compared(difference: timedelta, mean: str) -> str:
    """``12 h more than the team's mean``; ``mean`` is ``the team's mean``."""
    said = hours(abs(difference))
    if said == "0 h":
        return f"as much as {mean}"
    return f"{said} {'more' if difference > timedelta() else 'less'} than {mean}"


def briefly(difference: timedelta) -> str:
    """The same for a narrow column whose heading names the mean: ``12 h more``, ``the mean``."""
    said = hours(abs(difference))
    return "the mean" if said == "0 h" else f"{said} {'more' if difference > timedelta() else 'less'}"


def headline(report: Report, mean: str) -> str:
    """What is most worth knowing: who carries most, and how much more than the others."""
    if not report.mean:
        return "Nobody is on call in this time"
    if len(report.rows) == 1:
        return f"{report.rows[0].person.name} carries all of it"
    most = max(abs(row.difference) for row in report.rows)
    if most <= EVEN * report.mean:
        return f"The load is even: nobody is more than {hours(most)} from {mean}"
    return f"{report.rows[0].person.name} has {compared(report.rows[0].difference, mean)}"


def bars(figures: Sequence[Figures], mean: timedelta, longest: timedelta) -> list[Bar]:
    """One bar for each, all to the scale of ``longest``."""
    scale = 100 / (longest / HOUR) if longest else 0

    def place(length: timedelta) -> float:
        return round(length / HOUR * scale, 2)

    return [Bar(place(each.on_call - each.ahead), place(each.ahead), place(mean)) for each in figures]


def month(month: Month, now: datetime) -> str:
    """What of a month is to come: ``partly planned``, ``planned``, or nothing to say."""
    if month.end <= now:
        return ""
    return "planned" if month.start >= now else "partly planned"
