"""Pure: the bars of one component as SVG paths.

Good days are one dashed line however many there are; only exceptions are drawn, one path per step, so
a row of ninety days costs a few hundred bytes (look/public.md section 5, "Bars").
"""

from collections.abc import Sequence
from dataclasses import dataclass

from statuspage.uptime import Day, step

HEIGHT = 28
GOOD_HEIGHT = 10
STEP_HEIGHT = {"low": 16, "medium": 22, "full": HEIGHT}
CUT = 2  # a maintenance day is a good day cut in the middle


@dataclass(frozen=True)
class Scale:
    """How wide one day is drawn: ``pitch`` from bar to bar, ``bar`` of it filled."""

    pitch: int
    bar: int


WIDE = Scale(pitch=4, bar=3)
NARROW = Scale(pitch=8, bar=5)


@dataclass(frozen=True)
class Drawing:
    """Paths by their style class; an empty string where there is nothing to draw."""

    width: int
    dash: str
    good: str
    unknown: str
    solid: tuple[tuple[str, str], ...]  # (class, path)


def draw(days: Sequence[Day], scale: Scale, *, status_now: str) -> Drawing:
    """The drawing of these days, oldest at the left; the last one is today."""
    last = len(days) - 1
    steps = [
        step(day, status_now=status_now) if index == last else step(day) for index, day in enumerate(days)
    ]
    return Drawing(
        width=len(days) * scale.pitch,
        dash=f"{scale.bar} {scale.pitch - scale.bar}",
        good=_runs(steps, {"ok"}, HEIGHT - GOOD_HEIGHT // 2, scale),
        unknown=_runs(steps, {"none"}, HEIGHT - 1, scale),
        solid=tuple(_solid(steps, scale)),
    )


def _runs(steps: Sequence[str], wanted: set[str], y: int, scale: Scale) -> str:
    """Horizontal lines over each unbroken run; the dashes begin anew with every run."""
    pieces, begun = [], None
    for index, name in enumerate([*steps, ""]):
        if name in wanted and begun is None:
            begun = index
        elif name not in wanted and begun is not None:
            pieces.append(f"M{begun * scale.pitch} {y}H{index * scale.pitch}")
            begun = None
    return "".join(pieces)


def _solid(steps: Sequence[str], scale: Scale):
    for name, height in STEP_HEIGHT.items():
        path = "".join(
            _rect(index, HEIGHT - height, height, scale) for index, one in enumerate(steps) if one == name
        )
        if path:
            yield name, path
    half = (GOOD_HEIGHT - CUT) // 2
    cut = "".join(
        _rect(index, HEIGHT - GOOD_HEIGHT, half, scale) + _rect(index, HEIGHT - half, half, scale)
        for index, one in enumerate(steps)
        if one == "maintenance"
    )
    if cut:
        yield "maintenance", cut


def _rect(index: int, y: int, height: int, scale: Scale) -> str:
    return f"M{index * scale.pitch} {y}h{scale.bar}v{height}h-{scale.bar}z"
