"""Stretches of time, half-open, joined and cut. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few stretches as possible, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def without(whole: Span, taken: Iterable[Span]) -> list[Span]:
    """What of ``whole`` lies in none of the others."""
    left, end = whole
    found = []
    for start, stop in union(taken):
        if left < min(start, end):
            found.append((left, min(start, end)))
        left = max(left, stop)
    return [*found, (left, end)] if left < end else found


def common(ones: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What lies in one of each, in order."""
    others = list(others)
    both = [(max(a, c), min(b, d)) for a, b in ones for c, d in others]
    return union(span for span in both if span[0] < span[1])


def longest(spans: Iterable[Span]) -> timedelta:
    """The length of the longest; zero for none."""
    return max((end - start for start, end in spans), default=timedelta())
