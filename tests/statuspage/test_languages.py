"""The public face in the language of its page; nothing a person reads is left in English."""

import re
import threading
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree as Tree

import pytest
from django.test import Client
from django.utils import translation
from icalendar import Calendar

from oncall import clock
from oncall.messaging.models import Delivery
from statuspage import catalogue, fanout, forms, links, publishing, rollup, snapshots, subscriptions
from statuspage.catalogue import Reading
from statuspage.documents import html, mail
from statuspage.documents.page import Component as Shown
from statuspage.documents.page import Page
from statuspage.models import Component, Language, StatusPage
from tests.statuspage import northwind
from tests.statuspage.test_catalogues import SAID_ALOUD, SAME_EVERYWHERE


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
    asked = filled(email="new@shop.example", incidents="on")

    answers = [client.get(path) for path in ("/subscribe/", "/nowhere/", unknown, "/u/abcdefghijkl/")]
    answers += [client.post("/subscribe/", given) for given in (filled(email="abuse@x.example"), {}, asked)]
    answers += [client.get(manage), client.post(manage, {"answer": "save"}), client.get(leave)]
    answers += [client.post(leave), client.get(leave), client.get(manage), *confirming(client)]

    for answer in answers:
        assert english(Read(answer.content.decode()).text) == set(), answer.request["PATH_INFO"]
    for sent in Delivery.objects.select_related("message"):
        assert english(f"{sent.message.subject} {sent.message.text}") == set()
        assert english(Read(sent.message.html).text) == set()


def filled(**typed: str) -> dict[str, str]:
    """The form as a person sends it, who needs some seconds."""
    return {"made": forms.stamp(clock.now() - timedelta(minutes=1)), **typed}


def confirming(client: Client) -> list:
    """The pages behind the confirmation that was just asked for, as far as they go."""
    asked = subscriptions.Subscriber.objects.get(address="new@shop.example")
    path = links.confirm_url(asked)
    return [client.get(path), client.post(path, {"answer": "yes"}), client.get("/confirm/abcdefghijkl/")]


# -- which language ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "Alle Systeme betriebsbereit"),
        ("fr", "Tous les systèmes sont opérationnels"),
        ("es", "Todos los sistemas funcionan con normalidad"),
        ("ja", "すべてのシステムは正常に稼働しています"),
    ],
)
def test_a_page_says_in_its_language_how_things_stand(page, cards, language, sentence):
    body = rendered(page, "/", language)

    assert f'<html lang="{language}">' in body and f"<h1>{sentence}</h1>" in body


def rendered(page: StatusPage, path: str, language: str) -> str:
    page.language = language
    document = catalogue.find(path, page)
    return snapshots.render(document, Reading(page, northwind.NOW)).body.decode()


def test_feeds_and_badges_speak_the_language_of_their_page(page, cards):
    assert 'xml:lang="de"' in rendered(page, "/history.atom", "de")
    assert "<language>ja</language>" in rendered(page, "/history.rss", "ja")
    assert "Northwind Pay メンテナンス" in rendered(page, "/maintenance.ics", "ja")
    assert "estado: Todos los sistemas funcionan con normalidad" in rendered(page, "/badge.svg", "es")


@pytest.mark.parametrize("language", [code for code in Language.values if code != "en"])
def test_what_programs_read_is_the_same_in_every_language(page, cards, post, language):
    paths = ["/api/v2/summary.json", "/api/v2/incidents.json", f"/uptime/{cards.public_id}.csv"]

    assert [rendered(page, path, language) for path in paths] == [
        rendered(page, path, "en") for path in paths
    ]


def test_two_pages_that_are_rendered_at_once_do_not_mix_their_languages():
    both, told = threading.Barrier(2), {}

    def make(language: str) -> None:
        document = catalogue.Document("/", "html", lambda read: page(read))
        read = SimpleNamespace(page=SimpleNamespace(language=language))
        told[language] = snapshots.render(document, read).body.decode()

    def page(read: SimpleNamespace) -> bytes:
        both.wait(5)  # now both have chosen their language, and neither has written a word
        body = html.index(northwind.outage())
        both.wait(5)
        return body

    threads = [threading.Thread(target=make, args=(language,)) for language in ("de", "ja")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert "Teilausfall des Systems" in told["de"] and "調査中" not in told["de"]
    assert "システムの一部で障害が発生しています" in told["ja"] and "Teilausfall" not in told["ja"]
    assert translation.get_language() == "en"


def test_a_page_of_another_language_is_rendered_anew(page, cards, at):
    snapshots.publish(page, at=at("12:00"))
    page.language = "fr"
    page.save()

    soon = at("12:00") + timedelta(seconds=5)
    due = list(StatusPage.objects.due(soon))
    snapshots.publish(page, at=soon)

    assert due == [page]
    assert b'<html lang="fr">' in bytes(page.snapshots.get(path="/").body)


def test_subscribers_are_written_to_in_the_language_of_their_page(page, cards, alice, subscriber, at):
    StatusPage.objects.update(language="de")
    subscriber()
    subscriptions.subscribe("new@shop.example", subscriptions.Choice(), network="192.0.2.1", at=at("11:00"))
    publishing.publish(
        name="Karten", body="Wir sehen nach.", components={cards: "major_outage"}, by=alice, at=at("12:00")
    )

    fanout.fan_out(now=lambda: at("12:01"))

    confirmation, news = Delivery.objects.order_by("pk")
    assert confirmation.message.subject == "Bestätigen Sie Ihr Abonnement: Northwind Pay Status"
    assert news.message.subject == "[Northwind Pay Status] Karten"
    assert "Schwerer Ausfall" in news.message.text and "alle Komponenten" in str(news.values)


def test_the_form_and_its_refusals_speak_the_language_of_the_page(page, client):
    StatusPage.objects.update(language="es")

    form = client.get("/subscribe/").content.decode()
    refused = client.post("/subscribe/", filled(email="abuse@shop.example")).content.decode()

    assert '<html lang="es">' in form and "Enviar la confirmación" in form
    assert "Utilice la dirección de una persona o de un equipo" in refused
