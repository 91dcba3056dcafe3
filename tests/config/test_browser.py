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
#: The pages about who is on call, with something of everything on them.
ON_CALL = [
    "/admin/oncall/on-call/",
    "/admin/oncall/on-call/?team=nope&person=zed",
    "/admin/oncall/my-shifts/",
    "/admin/oncall/schedule/new-rotation/",
    "/admin/oncall/schedule/1/change/?edit=1&at=rubbish",
    "/admin/oncall/schedule/1/verbs/exception/",
    "/admin/oncall/absence/1/change/",
    "/admin/oncall/absence/add/",
    "/admin/oncall/swap/1/change/",
    "/admin/oncall/swap/add/",
]
#: Forms with a preview: where, and a script that fills them.
PREVIEWS = {
    "edit": (
        "/admin/oncall/schedule/1/change/",
        "document.querySelector('[name$=-roster]').value = 'lena\\n-'",
    ),
    "rotation": (
        "/admin/oncall/schedule/new-rotation/",
        "document.querySelector('[name=name]').value = 'Nights';"
        "['alice', 'Dana Ruiz'].forEach((who, n) => document.querySelectorAll('[name=people]')[n].value = who)",
    ),
    "exception": (
        "/admin/oncall/schedule/1/verbs/exception/",
        "document.querySelector('[name=kind][value=set]').checked = true;"
        "document.querySelector('[name=start]').value = '2100-01-01T10:00';"
        "document.querySelector('[name=end]').value = '2100-01-02T10:00'",
    ),
}
#: An absence that tears a gap, a swap that is asked for, and somebody on call twice, for the demo's login.
EVENTFUL = """
    from datetime import timedelta
    from oncall import absences, clock, schedules, shifts, swaps
    from oncall.models import Schedule, User
    at, day = clock.now(), timedelta(days=1)
    alice, schedule = User.objects.get(username="alice"), Schedule.objects.get(pk=1)
    first, second = shifts.of(alice, [schedule], at + 7 * day, at + 56 * day)[:2]
    absences.add(alice, start=first.start, end=first.end, note="Holiday", by=alice, at=at)
    swaps.ask(schedule, requester=alice, start=second.start, end=second.end, by=alice, at=at)
    other = Schedule.objects.exclude(pk=1).first()
    span = {"start": second.start, "end": second.start + day}
    schedules.add_exception(other, kind="add", user=alice, **span, by=alice, at=at)
"""

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
        made.python(EVENTFUL)
        yield made


@pytest.fixture(scope="module")
def signed_in(company):
    """Chromium, signed in as the demo's login."""
    opened = Browser()
    opened.look(width=1280, dark=False)
    opened.open(f"{company.url}/admin/login/?next=/admin/")
    opened.submit("form:has([name=password])", username="alice", password="muster-demo")
    assert opened.url.endswith("/admin/"), opened.url
    yield opened
    opened.close()


@pytest.fixture
def browser(signed_in):
    signed_in.complaints.clear()
    return signed_in


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_main_pages_fit_and_complain_of_nothing(company, browser, width, dark):
    browser.look(width=width, dark=dark)

    for path in [*MAIN, *ON_CALL]:
        assert browser.open(company.url + path) == 200
        assert browser.run(TOO_WIDE) == [], f"{path} is wider than {width} px"
    assert browser.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("path", "fill"), PREVIEWS.values(), ids=PREVIEWS)
def test_a_form_and_its_preview_fit_and_complain_of_nothing(company, browser, path, fill, width, dark):
    browser.look(width=width, dark=dark)
    browser.open(company.url + path)

    assert browser.press("[name=_preview]", fill) == 200

    assert browser.run("document.getElementById('preview') !== null"), browser.run("document.body.innerText")
    assert browser.run(TOO_WIDE) == []
    assert browser.complaints == []


def test_every_kind_of_page_loads_without_complaint(company, browser):
    waiting, kinds, seen = [company.url + "/admin/", company.url + "/"], set(), {}

    while waiting:
        url = waiting.pop(0)
        seen[url] = browser.open(url)
        for link in browser.run(LINKS):
            if is_page(link, company.url) and kind(link) not in kinds:
                kinds.add(kind(link))
                waiting.append(link)

    assert {url: status for url, status in seen.items() if status != 200} == {}
    assert browser.complaints == []
    assert len(seen) > 100


#: What stands behind a link and is no page of ours.
NO_PAGES = ("/logout", ".json", ".atom", ".rss", ".ics", ".svg", ".csv", "/schema/", "/calendars/")


def is_page(link: str, ours: str) -> bool:
    return link.startswith(ours) and not any(word in link for word in NO_PAGES)


def kind(link: str) -> str:
    """An address without its numbers, names and filters."""
    path = link.split("?")[0]
    parts = ["0" if any(letter.isdigit() for letter in part) else part for part in path.split("/")[3:]]
    return "/".join(parts)
