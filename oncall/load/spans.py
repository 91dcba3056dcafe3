"""Arithmetic on stretches of time: lists of half-open spans of aware UTC instants. Pure.

What a function calls ``spans`` is in order and apart unless it says otherwise; so is what it returns.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Overlap:
    """A stretch that several of the lists cover at once, and their keys in the order of the lists."""

    start: datetime
    end: datetime
    keys: tuple[Hashable, ...]


def union(spans: Iterable[Span]) -> list[Span]:
    """What any of the spans covers; they may come in any order and overlap. Empty ones are left out."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        elif start < end:
            found.append((start, end))
    return found


def meet(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """What both cover; a span is cut where the other list's spans end, also where they touch."""
    found = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def length(spans: Iterable[Span]) -> timedelta:
    """How long they are together."""
    return sum((end - start for start, end in spans), timedelta())


def lengths(spans: Sequence[Span], parts: Sequence[Span]) -> list[timedelta]:
    """How long the spans are in each of ``parts``."""
    found, i = [timedelta()] * len(parts), 0
    for start, end in meet(spans, parts):
        while parts[i][1] <= start:
            i += 1
        found[i] += end - start
    return found


def is_in(at: datetime, spans: Sequence[Span]) -> bool:
    """Whether a span covers the instant."""
    place = bisect_right(spans, at, key=lambda span: span[0]) - 1
    return place >= 0 and at < spans[place][1]


def overlaps(lists: Mapping[Hashable, Sequence[Span]]) -> list[Overlap]:
    """Where two or more of the lists cover the same time, as maximal stretches of the same lists."""
    borders = sorted({border for spans in lists.values() for span in spans for border in span})
    places = dict.fromkeys(lists, 0)
    found: list[Overlap] = []
    for start, end in pairwise(borders):
        keys = tuple(key for key, spans in lists.items() if _covers(spans, key, places, start))
        if len(keys) < 2:
            continue
        if found and found[-1].end == start and found[-1].keys == keys:
            start = found.pop().start
        found.append(Overlap(start, end, keys))
    return found


def _covers(spans: Sequence[Span], key: Hashable, places: dict[Hashable, int], at: datetime) -> bool:
    """Whether a list covers instants that come in order; ``places`` remembers how far each list is."""
    while places[key] < len(spans) and spans[places[key]][1] <= at:
        places[key] += 1
    return places[key] < len(spans) and spans[places[key]][0] <= at
