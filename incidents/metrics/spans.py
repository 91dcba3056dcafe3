"""Half-open spans of time ``[start, end)`` and the arithmetic that the other modules share."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

_MICROSECOND = timedelta(microseconds=1)


class Span(NamedTuple):
    """An interval that holds its start and not its end; empty when ``end <= start``."""

    start: datetime
    end: datetime


def seconds(length: timedelta) -> Fraction:
    """A length in seconds, exactly (a float would lose microseconds over a year)."""
    return Fraction(length // _MICROSECOND, 1_000_000)


def between(start: datetime, end: datetime) -> timedelta:
    """Elapsed time in UTC: two instants of one zone subtract as wall clocks, which a DST night falsifies."""
    return end.astimezone(UTC) - start.astimezone(UTC)


def clip(span: Span, window: Span) -> Span | None:
    """The part of ``span`` inside ``window``, or ``None``."""
    start, end = max(span.start, window.start), min(span.end, window.end)
    return Span(start, end) if start < end else None


def union(spans: Iterable[Span]) -> list[Span]:
    """Maximal runs, in order; spans that touch are one run."""
    runs: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if runs and span.start <= runs[-1].end:
            runs[-1] = Span(runs[-1].start, max(runs[-1].end, span.end))
        else:
            runs.append(span)
    return runs


def within(spans: Iterable[Span], window: Span) -> list[Span]:
    """The union of ``spans`` cut to ``window``."""
    return union(part for span in spans if (part := clip(span, window)))


def minus(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What of ``spans`` lies outside every hole."""
    left, cuts = [], union(holes)
    for span in union(spans):
        start = span.start
        for hole in cuts:
            if hole.end <= start or hole.start >= span.end:
                continue
            if hole.start > start:
                left.append(Span(start, hole.start))
            start = hole.end
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def total(spans: Iterable[Span]) -> Fraction:
    """Seconds covered by spans that do not overlap."""
    return sum((seconds(between(span.start, span.end)) for span in spans), Fraction(0))


def floored(value: Fraction, decimals: int) -> str:
    """``value`` with that many decimals, rounded towards minus infinity: no figure looks better than it is."""
    scaled = value * 10**decimals // 1
    sign = "-" if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}" if decimals else f"{sign}{whole}"
