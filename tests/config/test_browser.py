"""The portal in a real browser: no word of complaint from its console, and nothing wider than the screen."""

import pytest

from tests.config.browser import CHROMIUM, Browser
from tests.flow.portal import portal, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
]

#: What people see most, each in light and dark, wide and narrow.
MAIN = ["/", "/history/", "/subscribe/", "/admin/", "/admin/incidents/incident/", "/admin/oncall/schedule/"]
#: So many pages of each kind are visited in the walk.
OF_EACH_KIND = 1

LINKS = "Array.from(document.querySelectorAll('a[href]')).map(link => link.href.split('#')[0])"
TOO_WIDE = """
    document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
    Array.from(document.querySelectorAll('body *'))
        .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .slice(0, 5).map(e => e.tagName + '.' + e.className)
"""


@pytest.fixture(scope="module")
def company():
    """The demo company, served as `make run` serves it."""
    with portal() as made:
        made.up("--demo")
        until(made.is_ready, what="a pulse")
        yield made


@pytest.fixture
def browser(company):
    """Chromium, signed in as the demo's login."""
    opened = Browser()
    opened.look(width=1280, dark=False)
    opened.open(f"{company.url}/admin/login/?next=/admin/")
    opened.submit("form:has([name=password])", username="alice", password="muster-demo")
    assert opened.url.endswith("/admin/"), opened.url
    yield opened
    opened.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_main_pages_fit_and_complain_of_nothing(company, browser, width, dark):
    browser.look(width=width, dark=dark)

    for path in MAIN:
        assert browser.open(company.url + path) == 200
        assert browser.run(TOO_WIDE) == [], f"{path} is wider than {width} px"
    assert browser.complaints == []


def test_every_kind_of_page_loads_without_complaint(company, browser):
    waiting, seen = [company.url + "/admin/", company.url + "/"], {}

    while waiting:
        url = waiting.pop(0)
        seen[url] = browser.open(url)
        waiting += [
            link for link in dict.fromkeys(browser.run(LINKS)) if is_new(link, company.url, [*seen, *waiting])
        ]

    assert {url: status for url, status in seen.items() if status != 200} == {}
    assert browser.complaints == []
    assert len(seen) > 20


def is_new(link: str, ours: str, known: list[str]) -> bool:
    """A page of ours of a kind that has not been visited enough."""
    if not link.startswith(ours) or any(
        word in link for word in ("/logout", ".json", "/schema/", "/calendars/")
    ):
        return False
    return [kind(one) for one in known].count(kind(link)) < OF_EACH_KIND


def kind(link: str) -> str:
    """An address without its numbers, names and filters."""
    path = link.split("?")[0]
    parts = ["0" if any(letter.isdigit() for letter in part) else part for part in path.split("/")[3:]]
    return "/".join(parts)
