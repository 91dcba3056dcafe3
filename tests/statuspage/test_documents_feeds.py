"""Atom, RSS, iCalendar and badges, read strictly by other parsers."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import pytest
from icalendar import Calendar

from statuspage import rollup
from statuspage.documents import agenda, badge, feeds
from tests.statuspage import northwind

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(params=["outage", "maintenance"])
def page(request):
    return getattr(northwind, request.param)()


def entries(page, feed=None):
    body = feeds.atom(page, feed or feeds.whole(page, path="/history.atom"))
    return ElementTree.fromstring(body).findall(f"{ATOM}entry")


def items(page):
    body = feeds.rss(page, feeds.whole(page, path="/history.rss"))
    return ElementTree.fromstring(body).findall("channel/item")


def test_an_atom_feed_has_what_the_standard_demands(page):
    root = ElementTree.fromstring(feeds.atom(page, feeds.whole(page, path="/history.atom")))

    assert root.tag == f"{ATOM}feed"
    for one in [root, *root.findall(f"{ATOM}entry")]:
        assert one.findtext(f"{ATOM}id").startswith("tag:status.northwindpay.example,")
        assert one.findtext(f"{ATOM}title")
        datetime.fromisoformat(one.findtext(f"{ATOM}updated"))
    assert root.find(f"{ATOM}author/{ATOM}name").text == "Northwind Pay"
    assert len({one.findtext(f"{ATOM}id") for one in entries(page)}) == len(page.posts)


def test_an_entry_moves_with_each_update_and_keeps_its_name(page):
    post = page.posts[0]
    later = replace(post, updated_at=post.updated_at + timedelta(hours=1))
    before = {one.findtext(f"{ATOM}id"): one.findtext(f"{ATOM}updated") for one in entries(page)}

    after = {
        one.findtext(f"{ATOM}id"): one.findtext(f"{ATOM}updated")
        for one in entries(replace(page, posts=(later, *page.posts[1:])))
    }

    assert before.keys() == after.keys()
    assert sum(before[key] != after[key] for key in before) == 1


def test_rss_has_an_item_for_each_update_with_a_name_of_its_own(page):
    names = [one.findtext("guid") for one in items(page)]

    assert len(names) == len(set(names)) == sum(len(post.updates) for post in page.posts)
    for one in items(page):
        assert one.find("guid").get("isPermaLink") == "false"
        assert parsedate_to_datetime(one.findtext("pubDate")).tzinfo is not None


def test_newest_comes_first(page):
    told = [parsedate_to_datetime(one.findtext("pubDate")) for one in items(page)]

    assert told == sorted(told, reverse=True)


def test_what_people_wrote_cannot_break_the_feed(page):
    evil = 'A ]]> <script>alert(1)</script> & "quotes" \x00\x0b\ufffe'
    post = replace(page.posts[0], name=evil, updates=(replace(page.posts[0].updates[0], body=evil),))
    hostile = replace(page, posts=(post,))

    (entry,), (item,) = entries(hostile), items(hostile)

    assert "<script>" not in entry.findtext(f"{ATOM}content")
    assert "<script>" not in item.findtext("description")
    assert "]]> <script>" in entry.findtext(f"{ATOM}title")  # a title is text, and stays what it was


def test_a_feed_without_posts_is_a_feed(page):
    empty = replace(page, posts=())

    assert entries(empty) == [] and items(empty) == []


def test_a_component_s_feed_holds_its_own_posts_and_a_group_s_those_of_its_members():
    page = northwind.outage()
    by_name = {component.name: component for component in page.components}

    def told(name):
        feed = feeds.of_component(page, by_name[name], path="/x.atom")
        return {post.id for post in feed.posts}

    assert told("Card payments") and told("Card payments") <= told("Payments")
    assert not told("Onboarding")


def test_the_calendar_keeps_what_was_withdrawn_and_counts_changes(page=None):
    page = northwind.maintenance()
    post = page.of_kind("maintenance")[0]
    gone = replace(post, status="cancelled")
    page = replace(page, posts=(gone,))

    raw = agenda.maintenance(page)
    event = next(iter(Calendar.from_ical(raw).walk("VEVENT")))

    assert event["STATUS"] == "CANCELLED" and event["SEQUENCE"] == len(post.updates) - 1
    assert str(event["UID"]) == f"maintenance-{post.id}@status.northwindpay.example"
    assert event["DTSTART"].dt == post.scheduled_for and event["DTSTART"].dt.tzinfo is not None
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in raw


def test_a_maintenance_that_was_done_early_ends_when_it_ended():
    page = northwind.maintenance()
    post = next(one for one in page.of_kind("maintenance"))
    early = post.scheduled_for + timedelta(minutes=5)
    page = replace(page, posts=(replace(post, status="completed", resolved_at=early),))

    event = next(iter(Calendar.from_ical(agenda.maintenance(page)).walk("VEVENT")))

    assert event["DTEND"].dt == early.astimezone(UTC)


def contrast_with_white(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize("colour", [*badge.FILL.values(), badge.LABEL_FILL])
def test_white_is_readable_on_every_field_of_a_badge(colour):
    assert contrast_with_white(colour) >= 4.5


def test_a_badge_says_the_state_in_words_and_is_valid_xml():
    for status in rollup.SEVERITY_ORDER:
        root = ElementTree.fromstring(badge.svg('Cards & "more" <b>', "x", status))
        assert root.get("role") == "img" and "Cards & " in root.findtext("{http://www.w3.org/2000/svg}title")


def test_a_badge_is_as_wide_as_its_words():
    def width(label):
        return int(re.search(rb'width="(\d+)"', badge.svg(label, "x", rollup.OPERATIONAL))[1])

    assert width("iiii") < width("mmmm")


def test_the_endpoint_has_the_shape_that_shields_reads(page):
    told = json.loads(badge.endpoint(page))

    assert told["schemaVersion"] == 1 and told["label"] == "status"
    assert re.fullmatch("[0-9a-f]{6}", told["color"]) and told["message"]
