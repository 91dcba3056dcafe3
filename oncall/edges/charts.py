"""Charts as plain geometry, drawn by ``muster/bars.html`` and ``muster/lines.html``.

Horizontal places are percentages, so that a drawing takes any width without scaling its text; vertical ones are
pixels from the top. Pure: values in, frozen places out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

TOP = 16  # room for the total above the tallest bar
GAP = 1.5  # between the parts of a bar
TICKS = (1, 2, 4, 6, 8, 10)  # even, so that the line half-way up stands at a whole number


@dataclass(frozen=True)
class Part:
    """One coloured piece of a bar."""

    fill: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One column: its parts from the ground up, its total, and its label where there is room for one."""

    x: float
    width: float
    middle: float
    parts: tuple[Part, ...]
    total: int
    total_y: float
    label: str
    title: str


@dataclass(frozen=True)
class Grid:
    """A horizontal line, with words at its left end when it has any."""

    y: float
    label: str = ""


@dataclass(frozen=True)
class Bars:
    """A stacked bar chart."""

    bars: tuple[Bar, ...]
    grid: tuple[Grid, ...]
    height: int
    base: int
    name: str


@dataclass(frozen=True)
class Dot:
    """One value of a line, for its title and its place in percent and pixels."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Line:
    """One line: runs of points between missing values, as ``x,y`` pairs in a 100-wide box."""

    name: str
    fill: str
    runs: tuple[str, ...]
    areas: tuple[str, ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Lines:
    """A line chart."""

    lines: tuple[Line, ...]
    grid: tuple[Grid, ...]
    labels: tuple[tuple[float, str], ...]
    height: int
    base: int
    name: str


def ceiling(value: float, *, unit: float = 1) -> float:
    """The smallest round number of ``unit`` that is at least ``value``: 7 -> 8, 84 -> 100."""
    scale = unit
    while True:
        for tick in TICKS:
            if tick * scale >= value:
                return tick * scale
        scale *= 10


def stacked_bars(
    labels: Sequence[str],
    series: Sequence[tuple[str, str, Sequence[int]]],
    *,
    name: str,
    height: int = 132,
) -> Bars:
    """Columns of counts. ``series`` are (name, fill, counts) from the ground up; every second label is kept."""
    base = height - 20
    totals = [sum(counts[i] for _, _, counts in series) for i in range(len(labels))]
    top = ceiling(max([*totals, 1]))
    slot = 100 / max(len(labels), 1)
    bars = []
    for i, label in enumerate(labels):
        y, parts, said = float(base), [], []
        for what, fill, counts in series:
            size = (base - TOP) * counts[i] / top
            if counts[i]:
                parts.append(Part(fill, round(y - size, 2), round(max(size - GAP, 1), 2)))
                said.append(f"{counts[i]} {what.lower()}")
            y -= size
        bars.append(
            Bar(
                x=round(i * slot + slot * 0.18, 3),
                width=round(slot * 0.64, 3),
                middle=round((i + 0.5) * slot, 3),
                parts=tuple(parts),
                total=totals[i],
                total_y=round(y - 4, 2),
                label=label if (len(labels) - 1 - i) % 2 == 0 else "",
                title=f"{label}: {', '.join(said) or 'none'}",
            )
        )
    grid = (Grid(TOP), Grid((TOP + base) / 2))
    return Bars(tuple(bars), grid, height, base, name)


def lines(
    labels: Sequence[str],
    series: Sequence[tuple[str, str, Sequence[float | None]]],
    *,
    name: str,
    words,
    unit: float = 1,
    height: int = 132,
) -> Lines:
    """Lines over the same labels. A missing value leaves a gap. ``words`` turns a value into text."""
    base = height - 20
    known = [value for _, _, values in series for value in values if value is not None]
    top = ceiling(max([*known, unit]), unit=unit)
    step = 100 / max(len(labels) - 1, 1)
    drawn = []
    for what, fill, values in series:
        dots = [
            Dot(
                round(i * step, 3),
                round(base - (base - TOP) * value / top, 2),
                f"{labels[i]}: {words(value)}",
            )
            for i, value in enumerate(values)
            if value is not None
        ]
        runs = list(_runs(values))
        points = {round(dot.x / step): dot for dot in dots}
        drawn.append(
            Line(
                name=what,
                fill=fill,
                runs=tuple(" ".join(f"{points[i].x},{points[i].y}" for i in run) for run in runs),
                areas=tuple(_area([points[i] for i in run], base) for run in runs),
                dots=tuple(dots),
            )
        )
    grid = (Grid(TOP, words(top)), Grid((TOP + base) / 2, words(top / 2)))
    kept = [(round(i * step, 3), label) for i, label in enumerate(labels) if (len(labels) - 1 - i) % 2 == 0]
    return Lines(tuple(drawn), grid, tuple(kept), height, base, name)


def _runs(values: Sequence[float | None]):
    """The positions of values that stand side by side."""
    run: list[int] = []
    for i, value in enumerate([*values, None]):
        if value is not None:
            run.append(i)
        elif run:
            yield run
            run = []


def _area(dots: Sequence[Dot], base: int) -> str:
    along = " ".join(f"{dot.x},{dot.y}" for dot in dots)
    return f"{dots[0].x},{base} {along} {dots[-1].x},{base}"
