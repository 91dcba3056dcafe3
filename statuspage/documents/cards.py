"""Pure: posts as the page and the mail show them, as plain values for templates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext

from oncall.messaging import render
from statuspage import rollup
from statuspage.documents import words
from statuspage.documents.page import INCIDENT, MAINTENANCE, Page, Post, Update

NEWEST_UPDATES = 3
EXCERPT = 220


@dataclass(frozen=True)
class Chip:
    """A component beside its state."""

    name: str
    status: str
    word: str


@dataclass(frozen=True)
class Step:
    """One of the four steps of a post: ``done``, ``current`` or ``rest``."""

    word: str
    state: str


@dataclass(frozen=True)
class Line:
    """One update of a timeline; ``date`` stands only where the day changes."""

    at: words.Moment
    date: str
    word: str
    html: SafeString
    newest: bool


@dataclass(frozen=True)
class Fact:
    """One labelled time of a card: "Since 13:58 UTC"."""

    label: str
    at: words.Moment


@dataclass(frozen=True)
class PostMortem:
    """What we learnt, for everybody to read."""

    at: words.Moment
    html: SafeString


@dataclass(frozen=True)
class Card:
    """A post in full. ``status`` is the component status whose icon stands for its impact."""

    id: str
    name: str
    status: str
    impact_word: str
    facts: tuple[Fact, ...]
    steps: tuple[Step, ...]
    chips: tuple[Chip, ...]
    lines: tuple[Line, ...]
    older: tuple[Line, ...]
    postmortem: PostMortem | None = None


def card(page: Page, post: Post, *, fold: bool = True) -> Card:
    """A post with its timeline; with ``fold`` more than three updates fold away."""
    lines = _lines(page, post)
    cut = NEWEST_UPDATES if fold else len(lines)
    return Card(
        id=post.id,
        name=post.name,
        status=words.IMPACT_STATUS[post.impact],
        impact_word=words.IMPACT_WORD[post.impact],
        facts=tuple(_facts(page, post)),
        steps=tuple(_steps(post)),
        chips=chips(page, post),
        lines=tuple(lines[:cut]),
        older=tuple(lines[cut:]),
        postmortem=_postmortem(page, post),
    )


def _postmortem(page: Page, post: Post) -> PostMortem | None:
    """The newest update that is a post-mortem stands below the timeline, in full."""
    told = next((update for update in post.updates if update.status == "postmortem"), None)
    if told is None:
        return None
    zone = page.site.zone
    at = words.moment(told.display_at, zone, words.full(told.display_at, zone))
    return PostMortem(at, render.markdown(told.body))


def _facts(page: Page, post: Post) -> Iterable[Fact]:
    zone = page.site.zone

    def moment(at: datetime) -> words.Moment:
        return words.moment(at, zone, words.near(at, page.as_of, zone))

    if post.kind == INCIDENT:
        yield Fact(pgettext("before a time", "Since"), moment(post.began_at))
    else:
        yield Fact(pgettext("before a time", "Started"), moment(post.began_at))
        yield Fact(pgettext("before a time", "Planned end"), moment(post.scheduled_until))
    if post.next_update_at and post.next_update_at > page.as_of:
        yield Fact(pgettext("before a time", "Next update by"), moment(post.next_update_at))


def _steps(post: Post) -> Iterable[Step]:
    names = words.steps_of(post)
    if post.status not in names:
        return
    here = names.index(post.status)
    for index, name in enumerate(names):
        state = "current" if index == here else "done" if index < here else "rest"
        yield Step(words.STATE_WORD[name], state)


def chips(page: Page, post: Post) -> tuple[Chip, ...]:
    """What a post affects: as it stands now while the post is open, else the worst it came to."""
    known = page.by_id
    rows = []
    for code, worst in post.affected:
        if code in known:
            status = known[code].status if post.is_open else worst
            rows.append(Chip(known[code].name, status, words.STATUS_WORD[status]))
    return tuple(sorted(rows, key=lambda chip: -rollup.rank(chip.status)))


def _lines(page: Page, post: Post) -> list[Line]:
    zone, lines, before = page.site.zone, [], None
    below = gettext("The [post-mortem](#post-mortem) is published below.")
    for index, update in enumerate(post.updates):
        day = words.local(update.display_at, zone).date()
        lines.append(
            Line(
                at=words.moment(update.display_at, zone),
                date="" if day == before else words.short_day(day),
                word=words.STATE_WORD[update.status],
                html=render.markdown(below if update.status == "postmortem" else update.body),
                newest=index == 0,
            )
        )
        before = day
    return lines


@dataclass(frozen=True)
class Planned:
    """A maintenance to come."""

    id: str
    name: str
    when: str
    affects: str
    expect: SafeString | str


def planned(page: Page, post: Post) -> Planned:
    return Planned(
        id=post.id,
        name=post.name,
        when=words.window(post.scheduled_for, post.scheduled_until, page.site.zone),
        affects=words.joined([chip.name for chip in chips(page, post)]),
        expect=render.markdown(post.updates[0].body) if post.updates else "",
    )


@dataclass(frozen=True)
class Past:
    """A post in a list of past ones."""

    id: str
    name: str
    status: str
    word: str
    outcome: str
    length: str
    excerpt: str
    has_postmortem: bool


def past(page: Page, post: Post) -> Past:
    return Past(
        id=post.id,
        name=post.name,
        status=words.IMPACT_STATUS[post.impact],
        word=words.IMPACT_WORD[post.impact],
        outcome=words.STATE_WORD["resolved" if post.status == "postmortem" else post.status],
        length=lasted(page, post),
        excerpt=excerpt(post.updates),
        has_postmortem=post.status == "postmortem",
    )


def lasted(page: Page, post: Post) -> str:
    """How long it took, or has taken so far; nothing for a maintenance that never was."""
    if post.status in {"cancelled", "scheduled"}:
        return ""
    end = post.resolved_at or page.as_of
    spent = words.length(max(end - post.began_at, timedelta()))
    return spent if post.resolved_at else words.so_far(spent)


def excerpt(updates: Sequence[Update]) -> str:
    """The first paragraph of the last word on it, as plain text."""
    told = [update for update in updates if update.status != "postmortem"] or list(updates)
    if not told:
        return ""
    text = words.plain(render.markdown(told[0].body.strip().split("\n\n")[0]))
    if len(text) <= EXCERPT:
        return text
    return text[:EXCERPT].rsplit(" ", 1)[0].rstrip(".,;:") + "…"


def open_posts(page: Page) -> list[Post]:
    """What is going on: worst first, then newest."""
    going_on = [post for post in page.posts if post.is_open]
    going_on.sort(key=lambda post: post.began_at, reverse=True)
    return sorted(going_on, key=lambda post: -rollup.IMPACT_ORDER.index(post.impact))


def coming(page: Page) -> list[Post]:
    """Maintenance to come, the next one first."""
    due = [post for post in page.of_kind(MAINTENANCE) if post.status == "scheduled"]
    return sorted(due, key=lambda post: post.scheduled_for)
