"""Pure: the component table of the page, as plain values for its template."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext, ngettext, pgettext

from statuspage import rollup, uptime
from statuspage.documents import bars, words
from statuspage.documents.page import Component, Page, Spell

OPEN_UP_TO = 20  # components; larger healthy groups fold
NARROW_DAYS = 30
LONGEST_TABLE = 30


@dataclass(frozen=True)
class Bars:
    """Both drawings of the same days, only one of which is ever shown, and their words."""

    label: str
    narrow_label: str
    wide: bars.Drawing
    narrow: bars.Drawing


@dataclass(frozen=True)
class Entry:
    """One line of a row's own table: a day on which something was wrong. ``said``: ``what`` inside a sentence."""

    iso: str
    day: str
    what: str
    said: str
    post_id: str | None = None
    post_name: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table; a group has ``items`` and stands open or folded."""

    name: str
    status: str
    word: str
    figure: str = ""
    bars: Bars | None = None
    description: str = ""
    entries: tuple[Entry, ...] = ()
    hidden_entries: int = 0
    is_group: bool = False
    open: bool = False
    items: tuple["Row", ...] = ()

    @property
    def bad(self) -> bool:
        return self.status != rollup.OPERATIONAL


@dataclass(frozen=True)
class Card:
    """One card of the table: a group, or neighbouring components that belong to none."""

    group: Row | None
    rows: tuple[Row, ...]


def cards(page: Page) -> list[Card]:
    """The tree as cards, in the operator's order; healthy components that hide themselves are left out."""
    below = defaultdict(list)
    for component in page.components:
        if not component.only_show_if_degraded or component.status != rollup.OPERATIONAL:
            below[component.group_id].append(component)
    few = len(page.leaves) <= OPEN_UP_TO
    found: list[Card] = []
    for component in below[None]:
        row = _row(page, component, below, few)
        if row.is_group:
            if row.items:
                found.append(Card(row, row.items))
        elif found and found[-1].group is None:
            found[-1] = Card(None, (*found[-1].rows, row))
        else:
            found.append(Card(None, (row,)))
    return found


def _row(page: Page, component: Component, below: dict, few: bool) -> Row:
    return _group(page, component, below, few) if component.group else _leaf(page, component)


def _leaf(page: Page, component: Component) -> Row:
    known = component.showcase and component.days
    found = list(_entries(page, component))
    return Row(
        name=component.name,
        status=component.status,
        word=words.STATUS_WORD[component.status],
        figure=words.percent(uptime.percentage(component.days)) if known else "",
        bars=_bars(component.days, component.status) if known else None,
        description=component.description,
        entries=tuple(found[:LONGEST_TABLE]),
        hidden_entries=max(len(found) - LONGEST_TABLE, 0),
    )


def _group(page: Page, component: Component, below: dict, few: bool) -> Row:
    leaves = [leaf for leaf in _leaves(component, below) if leaf.showcase and leaf.days]
    days = uptime.group_days([leaf.days for leaf in leaves]) if leaves else ()
    return Row(
        name=component.name,
        status=component.status,
        word=words.STATUS_WORD[component.status],
        figure=words.percent(uptime.group_percentage(leaf.days for leaf in leaves)) if leaves else "",
        bars=_bars(days, component.status) if leaves else None,
        is_group=True,
        open=few or component.status != rollup.OPERATIONAL,
        items=tuple(
            row for child in below[component.id] if (row := _row(page, child, below, few)) and _has_lines(row)
        ),
    )


def _has_lines(row: Row) -> bool:
    return not row.is_group or bool(row.items)


def _leaves(component: Component, below: dict) -> Iterable[Component]:
    for child in below[component.id]:
        if child.group:
            yield from _leaves(child, below)
        else:
            yield child


def _bars(days: Sequence[uptime.Day], status: str) -> Bars:
    recent = days[-NARROW_DAYS:]
    return Bars(
        label=_label(days, uptime.percentage(days)),
        narrow_label=_label(recent, uptime.percentage(recent)),
        wide=bars.draw(days, bars.WIDE, status_now=status),
        narrow=bars.draw(recent, bars.NARROW, status_now=status),
    )


def _label(days: Sequence[uptime.Day], figure) -> str:
    named = {"days": len(days), "figure": words.percent(figure)}
    if figure is None:
        return gettext("Last %(days)d days: no data") % named
    bad = sum(1 for day in days if day.weighted_tenths)
    if not bad:
        return gettext("Last %(days)d days: %(figure)s uptime, no downtime") % named
    return ngettext(
        "Last %(days)d days: %(figure)s uptime, %(bad)d day with downtime",
        "Last %(days)d days: %(figure)s uptime, %(bad)d days with downtime",
        bad,
    ) % (named | {"bad": bad})


def _entries(page: Page, component: Component) -> Iterable[Entry]:
    return entries(page, component, since=component.days[0].date) if component.days else ()


def entries(page: Page, component: Component, *, since: date) -> Iterable[Entry]:
    """Newest first, from a local day on: per day, post and state, how long; what still lasts says so."""
    zone, names = page.site.zone, {post.id: post.name for post in page.posts}
    first = uptime.midnight(since, zone)
    seconds: dict[tuple, int] = defaultdict(int)
    lasting = set()
    for spell in component.spells:
        for day, spent in _by_day(spell, first, page.as_of, zone):
            key = (day, spell.status, spell.post_id)
            seconds[key] += spent
            if spell.end is None and day == page.as_of.astimezone(zone).date():
                lasting.add(key)
    for key in sorted(seconds, key=lambda key: (key[0], rollup.rank(key[1])), reverse=True):
        day, status, post_id = key
        spent = words.length(seconds[key])
        spent = words.so_far(spent) if key in lasting else spent
        yield Entry(
            iso=day.isoformat(),
            day=words.short_day(day),
            what=_lasted(words.STATUS_WORD[status], spent),
            said=_lasted(words.STATUS_SAID[status], spent),
            post_id=post_id if post_id in names else None,
            post_name=names.get(post_id, ""),
        )


def _lasted(status: str, spent: str) -> str:
    """ "Partial outage, 42 min" """
    return pgettext("status and length", "%(status)s, %(length)s") % {"status": status, "length": spent}


def _by_day(spell: Spell, first: datetime, now: datetime, zone):
    start, end = max(spell.start, first), min(spell.end or now, now)
    while start < end:
        day = start.astimezone(zone).date()
        edge = min(uptime.midnight(day + timedelta(days=1), zone), end)
        yield day, int((edge - start).total_seconds())
        start = edge
