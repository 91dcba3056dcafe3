"""Pure: the uptime of one component over twelve months, as plain values for its template, and as CSV."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

from django.utils.text import capfirst
from django.utils.translation import ngettext, pgettext

from statuspage import rollup, uptime
from statuspage.documents import rows, words
from statuspage.documents.page import Component, Page
from statuspage.uptime import Day

MONTHS = 12


@dataclass(frozen=True)
class Cell:
    """A day of a month's grid; only a troubled one has words and an address."""

    step: str
    label: str = ""
    href: str = ""


@dataclass(frozen=True)
class Month:
    """One month: ``lead`` empty places come before its first day, weeks beginning on Monday."""

    name: str
    figure: str
    lead: range
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Figure:
    """One of the three figures on top."""

    label: str
    value: str


def shown(page: Page) -> tuple[Component, ...]:
    """The components whose uptime is public, in the order of the page."""
    return tuple(
        leaf
        for leaf in page.leaves
        if leaf.showcase and not (leaf.only_show_if_degraded and leaf.status == rollup.OPERATIONAL)
    )


def days(page: Page, component: Component) -> list[Day]:
    """Every day from the first of the month eleven months ago until today."""
    today = words.local(page.as_of, page.site.zone).date()
    first = _back(today.replace(day=1), MONTHS - 1)
    return uptime.days(
        [uptime.Interval(spell.status, spell.start, spell.end) for spell in component.spells],
        now=page.as_of,
        zone=page.site.zone,
        window_days=(today - first).days + 1,
        start_date=component.start_date,
    )


def figures(told: Sequence[Day]) -> list[Figure]:
    """30 days, 90 days, 12 months."""
    spans = ((_days(30), told[-30:]), (_days(90), told[-90:]), (_months(MONTHS), told))
    return [Figure(label, words.percent(uptime.percentage(span))) for label, span in spans]


def _days(count: int) -> str:
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def _months(count: int) -> str:
    return ngettext("%(count)d month", "%(count)d months", count) % {"count": count}


def week() -> list[str]:
    """The initials of the days, Monday first."""
    return pgettext("initials of the days, Monday first", "M T W T F S S").split()


def entries(page: Page, component: Component, told: Sequence[Day]) -> list[rows.Entry]:
    """The days on which something was wrong, newest first."""
    return list(rows.entries(page, component, since=told[0].date))


def months(told: Sequence[Day], named: Sequence[rows.Entry], *, status_now: str) -> list[Month]:
    """The days by month, oldest first; the rest of the present month is drawn as not known yet."""
    by_day: dict[str, list[rows.Entry]] = {}
    for entry in named:
        by_day.setdefault(entry.iso, []).append(entry)
    found, today = [], told[-1].date
    for first in sorted({day.date.replace(day=1) for day in told}):
        own = [day for day in told if day.date.replace(day=1) == first]
        cells = [_cell(day, by_day, status_now if day.date == today else rollup.OPERATIONAL) for day in own]
        cells += [Cell("none")] * (_length(first) - len(own))
        figure = words.percent(uptime.percentage(own))
        found.append(Month(capfirst(words.short_month(first)), figure, range(first.weekday()), tuple(cells)))
    return found


def _cell(day: Day, by_day: dict[str, list[rows.Entry]], status_now: str) -> Cell:
    step = uptime.step(day, status_now=status_now)
    found = by_day.get(day.date.isoformat(), [])
    if step in ("ok", "none") or not found:
        return Cell(step)
    posts = {entry.post_id for entry in found}
    single = next(iter(posts)) if len(posts) == 1 else None
    href = f"/incidents/{single}/" if single else f"#d{day.date.isoformat()}"
    said = pgettext("between statuses of a day", "; ").join(entry.said for entry in found)
    return Cell(step, words.labelled(words.day(day.date), said), href)


def as_csv(told: Iterable[Day]) -> bytes:
    """One line a day, oldest first: seconds in each state, and the day's uptime in percent (empty: no data)."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["day", "length_s", "major_s", "partial_s", "degraded_s", "maintenance_s", "uptime_percent"]
    )
    for day in told:
        seconds = [day.length_s, day.major_s, day.partial_s, day.degraded_s, day.maintenance_s]
        figure: Decimal | None = uptime.percentage([day])
        writer.writerow([day.date.isoformat(), *seconds, "" if figure is None else figure])
    return out.getvalue().encode()


def _back(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def _length(month: date) -> int:
    return (_back(month, -1) - timedelta(days=1)).day
