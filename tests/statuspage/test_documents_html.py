import gzip
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from statuspage import rollup
from statuspage.documents import bars, html, rows, words
from tests.statuspage import northwind

VOID = {"meta", "link", "br", "hr", "input", "img", "path", "rect", "circle", "use"}


class Checker(HTMLParser):
    """Well-formed enough: every element closed in order, no id twice, nothing inline."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.faults = [], [], []

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        if tag in {"script", "style", "img", "iframe"} or "style" in names:
            self.faults.append(f"<{tag}>")
        self.faults += [name for name in names if name.startswith("on")]
        if "id" in names:
            self.ids.append(names["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.faults.append(f"</{tag}> {self.getpos()}")


def check(document: bytes) -> str:
    checker = Checker()
    text = document.decode()
    checker.feed(text)
    assert checker.faults == [] and checker.open == []
    assert len(checker.ids) == len(set(checker.ids))
    assert text.count("<h1") == 1
    return text


@pytest.mark.parametrize("state", ["operational", "outage", "maintenance"])
def test_the_first_page_is_well_formed_and_holds_nothing_inline(state):
    check(html.index(getattr(northwind, state)()))


def test_the_other_pages_are_well_formed():
    page = northwind.operational()

    check(html.incident(page, northwind.CARD_ISSUERS))
    check(html.incident(northwind.outage(), northwind.EUROPE))
    check(html.incident(page, northwind.FIRMWARE))
    check(html.history(page, last=date(2026, 11, 1), since=date(2023, 5, 1), earlier=date(2026, 8, 1)))
    check(html.plain("404", page))


def test_a_post_mortem_stands_below_the_timeline():
    told = northwind.update("postmortem", "11-17 16:10", "### In short\n\nA certificate had expired.", n=5)
    post = replace(
        northwind.CARD_ISSUERS, status="postmortem", updates=(told, *northwind.CARD_ISSUERS.updates)
    )
    page = replace(northwind.operational(), posts=(post,))

    text = check(html.incident(page, post))

    assert text.index("is published below") < text.index('id="post-mortem"') < text.index("In short")
    assert text.count("A certificate had expired.") == 1
    assert f'href="/incidents/{post.id}/#post-mortem"' in check(html.index(page))


def test_the_title_begins_with_the_state():
    assert (
        "<title>Partial system outage – Northwind Pay status</title>"
        in html.index(northwind.outage()).decode()
    )


def test_the_banner_says_what_is_wrong_worst_first():
    banner = html.banner(northwind.outage())

    assert banner.sentence == "Partial system outage"
    assert banner.look == "solid major_outage"
    assert [(one.name, one.word) for one in banner.wrong] == [
        ("Card payments", "major outage"),
        ("Webhooks", "degraded performance"),
    ]


def test_the_banner_of_a_maintenance_says_until_when():
    banner = html.banner(northwind.maintenance())

    assert (banner.sentence, banner.look) == ("Service under maintenance", "under_maintenance")
    assert banner.maintenance == "Payouts and Reports and exports"
    assert banner.until.text == "16:00\u00a0UTC"


def test_days_without_posts_join_into_one_line():
    text = html.index(northwind.operational()).decode()

    assert "15\u00a0– 23\u00a0November" in text
    assert text.count("No incidents.") == 2


def test_a_row_opens_into_the_days_on_which_something_was_wrong():
    cards = [row for card in rows.cards(northwind.outage()) for row in card.rows]
    entries = next(row for row in cards if row.name == "Card payments").entries

    assert [(one.day, one.what, one.post_name) for one in entries][:2] == [
        ("23\u00a0Nov", "Major outage, 43\u00a0min so far", "Card payments failing in Europe"),
        ("14\u00a0Nov", "Major outage, 42\u00a0min", "Card payments failing for some issuers"),
    ]


def test_bars_name_themselves_for_readers():
    text = html.index(northwind.operational()).decode()

    assert 'aria-label="Last 90 days: 99.88\u00a0% uptime, 3 days with downtime"' in text


def test_ninety_good_days_are_one_element():
    drawing = bars.draw(northwind.components()[2].days, bars.WIDE, status_now=rollup.OPERATIONAL)

    assert drawing.solid[0][0] == "medium" or len(drawing.solid) <= 1
    assert drawing.good.count("M") <= 2


def test_a_component_that_hides_while_operational_is_not_listed():
    page = northwind.operational()
    hidden = tuple(replace(one, only_show_if_degraded=not one.group) for one in page.components)

    assert rows.cards(replace(page, components=hidden)) == []


def test_fifty_components_stay_under_thirty_kilobytes():
    page = northwind.outage()
    many = [
        replace(one, id=f"{one.id[:9]}{n:03d}", name=f"{one.name} {n}", group_id=None)
        for n in range(5)
        for one in page.components
        if not one.group
    ][:50]

    document = html.index(replace(page, components=tuple(many)))

    assert len(many) == 50
    assert len(gzip.compress(document)) < 30_000


HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "[x](java&#10;script:alert(1))",
    "<svg onload=alert(1)>",
    "```html\n<script>x</script>\n```",
    "<javascript:alert(1)>",
    "![x](data:image/svg+xml;base64,AAAA)",
    "> " * 5000 + "deep",
    "*" * 5000,
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_markdown_runs_nothing(body):
    told = replace(northwind.EUROPE.updates[0], body=body)
    page = replace(northwind.outage(), posts=(replace(northwind.EUROPE, name=body[:200], updates=(told,)),))

    for document in (html.index(page), html.incident(page, page.posts[0])):
        text = check(document)
        assert not re.search(r"""(href|src)\s*=\s*["']?\s*(javascript|data):""", text, re.I)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "14:41\u00a0UTC"),
        ("Europe/Berlin", "15:41\u00a0CET"),
        ("America/Sao_Paulo", "11:41\u00a0UTC-03"),
    ],
)
def test_a_time_names_its_zone(zone, expected):
    assert words.clock(northwind.NOW, northwind.site(time_zone=zone).zone) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(11, "1 min"), (2520, "42 min"), (3600, "1 h"), (4800, "1 h 20 min"), (183600, "2 d 3 h")],
)
def test_lengths_in_words(seconds, expected):
    assert words.length(seconds).replace("\u00a0", " ") == expected
