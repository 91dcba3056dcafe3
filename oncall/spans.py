"""Stretches of time, and each person's of them. Pure: half-open pairs of aware instants, in order."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from oncall import rotation

Span = tuple[datetime, datetime]
Spans = dict[str, list[Span]]

SHORTEST = timedelta(minutes=1)


def by_person(segments: Iterable[rotation.Segment]) -> Spans:
    """Each person's shifts, neighbouring segments joined."""
    found: Spans = defaultdict(list)
    for segment in segments:
        for name in segment.people:
            add(found[name], (segment.start, segment.end))
    return dict(found)


def add(spans: list[Span], span: Span) -> None:
    """Put a span behind the others, or make the last one longer where the two touch."""
    if spans and spans[-1][1] == span[0]:
        spans[-1] = (spans[-1][0], span[1])
    else:
        spans.append(span)


def clip(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """What of ``spans`` lies between ``start`` and ``end``."""
    cut = [(max(left, start), min(right, end)) for left, right in spans]
    return [(left, right) for left, right in cut if left < right]


def without(spans: list[Span], taken: Iterable[Span]) -> list[Span]:
    """What of ``spans`` lies outside of ``taken``; crumbs under a minute are nothing."""
    for gone_from, gone_to in taken:
        left = [(start, min(end, gone_from)) for start, end in spans]
        right = [(max(start, gone_to), end) for start, end in spans]
        spans = sorted({(a, b) for a, b in (*left, *right) if b - a >= SHORTEST})
    return spans


def common(some: Iterable[Span], others: list[Span]) -> list[Span]:
    """What lies in both; each list in order and without overlaps of its own."""
    return [cut for start, end in some for cut in clip(others, start, end)]
