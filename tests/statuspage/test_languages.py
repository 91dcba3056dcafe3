"""The public face in the language of its page; nothing a person reads is left in English."""

import re
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree as Tree
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import translation
from icalendar import Calendar

from oncall.messaging.models import Delivery
from statuspage import catalogue, fanout, links, publishing, rollup, snapshots, subscriptions
from statuspage.catalogue import Reading
from statuspage.documents import html, mail, words
from statuspage.documents.page import Component as Shown
from statuspage.documents.page import Page
from statuspage.models import Component, Language, StatusPage
from tests.statuspage import northwind
from tests.statuspage.test_catalogues import SAID_ALOUD, SAME_EVERYWHERE

EVENING = datetime(2026, 11, 27, 5, 41, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")


# -- nothing is left in English ----------------------------------------------------------------------------
def marked(text: str) -> str:
    """Between marks, but for what is put into it: that has to be marked itself."""
    return f"⟦{re.sub(r'%[(][a-z_]+[)][sd]', lambda found: f'⟧{found[0]}⟦', str(text))}⟧"


@pytest.fixture
def marks(monkeypatch):
    """A language in which each sentence is itself between marks: what stands outside them was never marked."""
    said = {
        "gettext": marked,
        "pgettext": lambda within, text: marked(text),
        "ngettext": lambda one, many, count: marked(one if count == 1 else many),
        "npgettext": lambda within, one, many, count: marked(one if count == 1 else many),
    }
    for name, say in said.items():
        monkeypatch.setattr(translation._trans, name, say, raising=False)


class Read(HTMLParser):
    """What a reader of a page sees or hears, as one text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.text, self.silent = "", False
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.silent = tag == "style"
        self.text += "".join(f" {value} " for name, value in attrs if name in SAID_ALOUD)

    def handle_endtag(self, tag: str) -> None:
        self.silent = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.silent else data


def said(media: str, body: str) -> str:
    """What people read of a document of that kind."""
    if media in {"html", "frame", "svg"}:
        return Read(body).text
    if media in {"atom", "rss"}:
        read = [one for one in Tree.fromstring(body).iter() if one.tag.rpartition("}")[2] in FOR_PEOPLE]
        return " ".join(Read(one.text or "").text for one in read)
    if media == "ics":
        names = ("name", "summary", "description")
        found = [str(part.get(name, "")) for part in Calendar.from_ical(body).walk() for name in names]
        return " ".join(found)
    return ""  # JSON and CSV are for programs


FOR_PEOPLE = {"title", "description", "content", "name"}


def english(text: str) -> set[str]:
    """The words outside all marks that are Latin; what the page's people wrote is Cyrillic in these tests."""
    text = re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
    text = re.sub(r"https?://\S+|\{\{\w+}}|\S+@\S+", "", text)
    return set(re.findall(r"[A-Za-z]{2,}", text)) - SAME_EVERYWHERE


def cyrillic(page: Page) -> Page:
    """The same page, with everything that people wrote in other letters."""
    told = [
        replace(post, name="Сбой", updates=tuple(replace(one, body="Мы работаем.") for one in post.updates))
        for post in page.posts
    ]
    components = [replace(one, name="Платежи", description="Карты") for one in page.components]
    return replace(
        page, site=replace(page.site, name="Банк"), components=tuple(components), posts=tuple(told)
    )


def rich(page: Page) -> Page:
    """With a post-mortem, a withdrawn maintenance, and components that show no uptime or stand in no group."""
    learnt = replace(northwind.CARD_ISSUERS, id="learnt000000", status="postmortem")
    learnt = replace(learnt, updates=(northwind.update("postmortem", "11-16 10:00", "#"), *learnt.updates))
    withdrawn = replace(northwind.FIRMWARE, id="withdrawn000", status="cancelled")
    alone = Shown("alone0000000", "A", rollup.OPERATIONAL, northwind.BORN, northwind.BORN, showcase=False)
    bad = replace(alone, id="bad000000000", status=rollup.PARTIAL)
    return replace(page, posts=(*page.posts, learnt, withdrawn), components=(*page.components, alone, bad))


def reading(page: Page) -> SimpleNamespace:
    """A reading that finds everything in one value."""
    parts = ("recent", "incidents", "told", "maintenances", "year", "everything")
    return SimpleNamespace(
        **dict.fromkeys(parts, page),
        month=date(2026, 11, 1),
        first_month=date(2026, 1, 1),
        post=lambda key: next(((page, post) for post in page.posts if post.id == key), None),
        component=page.by_id.get,
        between=lambda first, last: page,
    )


def documents(page: Page) -> list[catalogue.Document]:
    posts = [document for post in page.posts for document in catalogue.of_post(post.kind, post.id)]
    components = [document for one in page.components for document in catalogue.of_component(one.id)]
    return [*catalogue.FIXED.values(), *posts, *components, catalogue.of_month(date(2026, 8, 1))]


EMPTY = replace(northwind.operational(), components=(), posts=())
PAGES = {
    "operational": northwind.operational(),
    "outage": rich(northwind.outage()),
    "maintenance": northwind.maintenance(),
    "empty": EMPTY,
}


@pytest.mark.parametrize("name", PAGES)
def test_no_document_holds_a_sentence_that_nobody_marked(marks, name):
    page = cyrillic(PAGES[name])

    for document in documents(page):
        body = document.make(reading(page))

        assert body is None or english(said(document.media, body.decode())) == set(), document.path


def test_no_mail_about_an_update_holds_a_sentence_that_nobody_marked(marks):
    for page in map(cyrillic, (rich(northwind.outage()), northwind.maintenance())):
        for post in page.posts:
            letter = mail.update(page, post, post.updates[0], is_first=True)

            assert english(f"{letter.subject} {letter.text} {Read(letter.html).text}") == set()


def test_no_answer_to_a_subscriber_holds_a_sentence_that_nobody_marked(marks, page, cards, subscriber):
    StatusPage.objects.update(name="Банк")
    Component.objects.update(name="Платежи")
    Component.objects.create(slug="alone", name="Переводы")
    known, client = subscriber(), Client(headers={"host": "localhost"})
    manage, leave, unknown = links.manage_url(known), links.unsubscribe_url(known), "/manage/abcdefghijkl/"
    asked = {"email": "new@shop.example", "incidents": "on"}

    answers = [client.get(path) for path in ("/subscribe/", "/nowhere/", unknown, "/u/abcdefghijkl/")]
    answers += [client.post("/subscribe/", given) for given in ({"email": "abuse@x.example"}, {}, asked)]
    answers += [client.get(manage), client.post(manage, {"answer": "save"}), client.get(leave)]
    answers += [client.post(leave), client.get(leave), client.get(manage), *confirming(client)]

    for answer in answers:
        assert english(Read(answer.content.decode()).text) == set(), answer.request["PATH_INFO"]
    for sent in Delivery.objects.select_related("message"):
        assert english(f"{sent.message.subject} {sent.message.text}") == set()
        assert english(Read(sent.message.html).text) == set()


def confirming(client: Client) -> list:
    """The pages behind the confirmation that was just asked for, as far as they go."""
    asked = subscriptions.Subscriber.objects.get(address="new@shop.example")
    path = links.confirm_url(asked)
    return [client.get(path), client.post(path, {"answer": "yes"}), client.get("/confirm/abcdefghijkl/")]
