"""The public pages in a real browser: nothing refused by their own policy, nothing wider than the screen."""

import itertools
import os
from datetime import timedelta
from pathlib import Path

import pytest

from oncall.messaging.models import Delivery
from statuspage import copies, emergency, forms, links, maintenance, pages, publishing
from statuspage.models import StatusPage
from tests.config.browser import CHROMIUM, Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.django_db(transaction=True),
]
OPEN_EVERYTHING = "document.querySelectorAll('details').forEach(one => one.open = true)"
TOO_WIDE = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
UNNAMED = (
    "[...document.querySelectorAll('svg[role=img]')].filter(one => !one.getAttribute('aria-label')).length"
)


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def site(live_server, page, cards, wallets, alice, at, subscriber, settings):
    """A page with an outage, a plan and a past, and the paths of everything on it."""
    settings.PUBLIC_URL = live_server.url
    copies.drop_all()
    told = publishing.publish(
        name="Card payments failing in Europe, with a title that is as long as people write them at night",
        body="Declined with `gateway_timeout_of_the_second_availability_zone_in_frankfurt`.\n\n- retry\n- wait",
        components={cards: "major_outage", wallets: "degraded_performance"},
        by=alice,
        at=at("11:00", days=-1),
    )
    for n in range(4):
        publishing.update(
            told, status="identified", body=f"Update {n}.", by=alice, at=at(f"12:0{n}", days=-1)
        )
    maintenance.schedule(
        name="Upgrade",
        body="Read-only.",
        scheduled_for=at(days=400),
        scheduled_until=at(days=401),
        components=[cards],
        by=alice,
        at=at(),
    )
    publishing.publish(
        name="Slow",
        body="Was slow.",
        status="resolved",
        started_at=at(days=-3),
        backfilled=True,
        by=alice,
        at=at(),
    )
    dave = subscriber()
    paths = ["/", "/history/", "/uptime/", "/embed/", f"/incidents/{told.public_id}/", "/subscribe/"]
    paths.append("/incidents/aaaaaaaaaaaa/")
    paths += [
        f"/subscribe/webhook/?incident={told.public_id}",
        "/subscribe/feeds/",
        "/subscribe/webhook/format/",
    ]
    hook = subscriber(
        "https://hooks.shop.example/in", cards, channel="webhook", owner="platform-team@shop.example"
    )
    own = [links.manage_url(dave), links.unsubscribe_url(dave), links.manage_url(hook)]
    return [live_server.url + path for path in paths] + own


def test_every_page_fits_and_breaks_no_rule(browser, site):
    for width, dark in itertools.product([1280, 390, 320], [False, True]):
        browser.look(width=width, dark=dark)
        for url in site:
            assert browser.open(url) == (404 if url.endswith("aaaaaaaaaaaa/") else 200)
            browser.run(OPEN_EVERYTHING)
            assert browser.run(TOO_WIDE) <= 0, (url, width)
            assert browser.run(UNNAMED) == 0
            assert browser.run("document.cookie") == ""

    assert [one for one in browser.complaints if "status of 404" not in one] == []


@pytest.mark.parametrize("language", ["de", "es"])
def test_the_words_of_no_language_are_wider_than_a_narrow_screen(browser, site, page, language):
    page.language = language
    page.save()
    browser.look(width=320, dark=False)

    for url in site:
        browser.open(f"{url}?{language}")  # not the copy that it keeps of the other language

        assert browser.run("document.documentElement.lang") == language
        browser.run(OPEN_EVERYTHING)
        assert browser.run(TOO_WIDE) <= 0, url


def test_subscribing_in_the_browser(browser, site, monkeypatch):
    monkeypatch.setattr(forms, "FASTEST", timedelta())  # the test types faster than anybody
    browser.open(site[5])

    assert browser.submit("main form", email="erin@shop.example") == 202
    assert "Look into your mail" in browser.run("document.body.innerText")
    assert Delivery.objects.get(address="erin@shop.example").message.purpose == "confirm"


AXE_CORE = os.environ.get("AXE_CORE", "")
AUDIT = """
    axe.run(document, {resultTypes: ['violations']}).then(found =>
        found.violations.map(one => `${one.id}: ${one.nodes.map(node => node.target.join(' ')).join(', ')}`))
"""


@pytest.mark.skipif(not AXE_CORE, reason="AXE_CORE names no axe.min.js")
def test_axe_finds_nothing_on_any_page_in_light_and_dark(browser, site, live_server, at, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    closed = StatusPage(slug="inside", name="Inside", audience="staff")
    pages.settled(closed, at=at()).save()
    emergency.show("Phone us.")
    every = [*site, f"{live_server.url}/p/inside/"]

    for url, dark in itertools.product(every, [False, True]):
        browser.look(width=320 if dark else 1280, dark=dark)
        browser.open(url)
        assert browser.run(TOO_WIDE) <= 0, url
        browser.run(OPEN_EVERYTHING)
        browser.run(Path(AXE_CORE).read_text() + ";1")
        assert browser.run(AUDIT) == [], (url, dark)
