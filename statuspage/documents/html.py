"""The public pages as HTML. No script, no inline style, no cookie: a policy of own style sheet only holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from django.template.loader import render_to_string
from django.utils.text import capfirst
from django.utils.translation import ngettext, pgettext

from statuspage import rollup, uptime
from statuspage.documents import cards, rows, words
from statuspage.documents import year as years
from statuspage.documents.page import CLOSED, INCIDENT, MAINTENANCE, Component, Page, Post

LOOK_BACK_DAYS = 14
NAMED_IN_BANNER = 3
MONTHS_ON_A_PAGE = 3


@dataclass(frozen=True)
class Banner:
    """The state in one sentence; ``look`` is its style class, ``status`` the icon's."""

    sentence: str
    look: str
    status: str
    wrong: tuple[cards.Chip, ...]
    more: int
    maintenance: str
    until: words.Moment | None


def index(page: Page) -> bytes:
    """The first page: state, what is going on, what is planned, components, the last 14 days."""
    table = rows.cards(page)
    zone = page.site.zone
    running = cards.open_posts(page)
    return _page(
        "index",
        page,
        canonical="/",
        table=table,
        banner=banner(page),
        running=[cards.card(page, post) for post in running],
        planned=[cards.planned(page, post) for post in cards.coming(page)],
        under_maintenance=any(post.kind == MAINTENANCE for post in running),
        first_day=words.short_day(_today(page) - timedelta(days=89)),
        narrow_day=words.short_day(_today(page) - timedelta(days=rows.NARROW_DAYS - 1)),
        shows_uptime=any(row.bars for one in table for row in one.rows) or any(one.group for one in table),
        days=list(_recent(page)),
        as_of=words.moment(page.as_of, zone),
    )


def banner(page: Page) -> Banner:
    """The roll-up of the public API in sentence case, and what is wrong, worst first."""
    bad = [leaf for leaf in page.leaves if leaf.status != rollup.OPERATIONAL]
    bad.sort(key=lambda leaf: -rollup.rank(leaf.status))
    worst = rollup.worst(leaf.status for leaf in bad)
    wrong = tuple(
        cards.Chip(leaf.name, leaf.status, words.STATUS_SAID[leaf.status]) for leaf in bad[:NAMED_IN_BANNER]
    )
    loud = page.status.indicator in {"major", "critical"}
    only_maintenance = page.status.indicator == "maintenance"
    ends = [post.scheduled_until for post in page.of_kind(MAINTENANCE) if post.is_open]
    zone = page.site.zone
    return Banner(
        sentence=words.sentence(page.status.description),
        look=f"solid {worst}" if loud else worst,
        status=worst,
        wrong=() if only_maintenance else wrong,
        more=0 if only_maintenance else len(bad) - len(wrong),
        maintenance=words.joined([leaf.name for leaf in bad]) if only_maintenance else "",
        until=words.moment(max(ends), zone, words.near(max(ends), page.as_of, zone)) if ends else None,
    )


@dataclass(frozen=True)
class Days:
    """One line of the recent past: a day with its posts, or a stretch of days without."""

    text: str
    posts: tuple[cards.Past, ...] = ()


def _recent(page: Page) -> Iterable[Days]:
    """The last 14 days, newest first; days that an open post began on stand above already."""
    closed = _by_day(page, [post for post in page.posts if not post.is_open and post.status != "scheduled"])
    busy = {_day(page, post) for post in page.posts if post.is_open}
    window = [_today(page) - timedelta(days=back) for back in range(LOOK_BACK_DAYS)]
    window = [day for day in window if day in closed or day not in busy]
    for empty, group in groupby(window, key=lambda day: day not in closed):
        stretch = list(group)
        if empty:
            yield from (Days(words.day_range(last, first)) for first, last in _runs(stretch))
        else:
            yield from (Days(words.day(day), tuple(closed[day])) for day in stretch)


def _runs(stretch: list[date]) -> Iterable[tuple[date, date]]:
    """Unbroken runs of days, newest first, as (newest, oldest)."""
    begun = stretch[0]
    for day, after in zip(stretch, [*stretch[1:], None], strict=True):
        if after != day - timedelta(days=1):
            yield begun, day
            begun = after


def incident(page: Page, post: Post) -> bytes:
    """The permanent address of one post."""
    zone = page.site.zone
    began = words.local(post.began_at, zone).date()
    # What is over says the same bytes until somebody changes it, so it is dated by that.
    stood_at = post.updated_at if post.status in CLOSED else page.as_of
    shown = cards.card(page, post, fold=False)
    return _page(
        "incident",
        page,
        canonical=f"/incidents/{post.id}/",
        post=shown,
        kind=post.kind,
        is_open=post.is_open,
        is_planned=post.status == "scheduled",
        outcome=words.STATE_WORD["resolved" if post.status == "postmortem" else post.status],
        month=f"{began:%Y-%m}",
        month_name=words.month(began),
        day=words.day(began, year=True),
        length=cards.lasted(page, post),
        window=words.window(
            post.scheduled_for if post.status == "scheduled" else post.began_at,
            post.scheduled_until if post.status == "scheduled" else post.resolved_at,
            zone,
            date_words=words.short_day,
        ),
        as_of=words.moment(stood_at, zone, words.full(stood_at, zone)),
    )


@dataclass(frozen=True)
class Month:
    """One month of the history."""

    name: str
    summary: str
    days: tuple[Days, ...]


def history(page: Page, *, last: date, since: date | None, earlier: date | None) -> bytes:
    """Three months that end with ``last``'s, newest first.

    ``since`` is the first month with anything in it, ``earlier`` the last month of the page before this one.
    """
    months = [month_back(last, back) for back in range(MONTHS_ON_A_PAGE)]
    return _page(
        "history",
        page,
        canonical=f"/history/{last:%Y-%m}/",
        months=[_month(page, month) for month in months],
        since=words.month(since) if since else "",
        earlier=f"{earlier:%Y-%m}" if earlier else "",
        earlier_name=words.months(month_back(earlier, MONTHS_ON_A_PAGE - 1), earlier) if earlier else "",
        as_of=words.moment(page.as_of, page.site.zone, words.full(page.as_of, page.site.zone)),
    )


def month_back(month: date, count: int) -> date:
    """The first day of the month ``count`` months before."""
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def _month(page: Page, month: date) -> Month:
    here = [post for post in page.posts if _day(page, post).replace(day=1) == month]
    here = [post for post in here if post.status != "scheduled"]
    by_day = _by_day(page, here)
    return Month(
        name=capfirst(words.month(month)),
        summary=_summary(page, here, month),
        days=tuple(Days(words.day_of_month(day), tuple(by_day[day])) for day in sorted(by_day, reverse=True)),
    )


def _summary(page: Page, posts: list[Post], month: date) -> str:
    """ "3 incidents · 1 maintenance · 42 min down" """
    incidents = sum(post.kind == INCIDENT for post in posts)
    maintenances = len(posts) - incidents
    parts = []
    if incidents:
        parts.append(ngettext("%(count)d incident", "%(count)d incidents", incidents) % {"count": incidents})
    if maintenances:
        told = ngettext("%(count)d maintenance", "%(count)d maintenances", maintenances)
        parts.append(told % {"count": maintenances})
    if seconds := _seconds_in(page, rollup.MAJOR, month):
        parts.append(pgettext("length", "%(length)s down") % {"length": words.length(seconds)})
    elif seconds := _seconds_in(page, rollup.PARTIAL, month):
        parts.append(pgettext("length", "%(length)s partly down") % {"length": words.length(seconds)})
    return " · ".join(parts)


def _seconds_in(page: Page, status: str, month: date) -> int:
    """How long anything at all was in this status in a month; two components at once count once."""
    zone = page.site.zone
    first, after = uptime.midnight(month, zone), uptime.midnight(month_back(month, -1), zone)
    total, reached = 0, first
    spells = [spell for leaf in page.leaves for spell in leaf.spells if spell.status == status]
    for spell in sorted(spells, key=lambda spell: spell.start):
        start, end = max(spell.start, reached), min(spell.end or page.as_of, page.as_of, after)
        if start < end:
            total += int((end - start).total_seconds())
            reached = end
    return total


def year(page: Page, component: Component | None) -> bytes:
    """Twelve months of one component, with how the figures are computed; None where no component shows any."""
    zone = page.site.zone
    as_of = words.moment(page.as_of, zone, words.full(page.as_of, zone))
    if component is None:
        return _page("uptime", page, as_of=as_of)
    told = years.days(page, component)
    entries = years.entries(page, component, told)
    seen: set[str] = set()
    lines = [{**vars(entry), "first": not (entry.iso in seen or seen.add(entry.iso))} for entry in entries]
    return _page(
        "uptime",
        page,
        canonical=f"/uptime/{component.id}/",
        component=component,
        components=years.shown(page),
        figures=years.figures(told),
        months=years.months(told, entries, status_now=component.status),
        week=years.week(),
        entries=lines,
        as_of=as_of,
    )


def embed(page: Page) -> bytes:
    """The state in one line, for a frame in other people's pages; with the worst open post, if there is one."""
    running = cards.open_posts(page)
    return _page(
        "embed",
        page,
        status=rollup.worst(leaf.status for leaf in page.leaves),
        post=running[0] if running else None,
    )


def plain(template: str, page: Page, **context: object) -> bytes:
    """A page of one sentence or one form, in the same frame."""
    return _page(template, page, **context)


def _page(template: str, page: Page, **context: object) -> bytes:
    head = {
        "site": page.site,
        "language": words.language(),
        "indicator": page.status.indicator,
        "sentence": words.sentence(page.status.description),
        "zone": words.zone_name(page.as_of, page.site.zone),
        "here": template,
        "frame": "statuspage/base.html" if page.site.is_public else "statuspage/bare.html",
    }
    return render_to_string(f"statuspage/{template}.html", head | context).encode()


def _today(page: Page) -> date:
    return words.local(page.as_of, page.site.zone).date()


def _day(page: Page, post: Post) -> date:
    return words.local(post.began_at, page.site.zone).date()


def _by_day(page: Page, posts: list[Post]) -> dict[date, list[cards.Past]]:
    found: dict[date, list[cards.Past]] = {}
    for post in sorted(posts, key=lambda post: post.began_at, reverse=True):
        found.setdefault(_day(page, post), []).append(cards.past(page, post))
    return found
