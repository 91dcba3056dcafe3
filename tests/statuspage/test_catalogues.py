import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from django.utils import translation

from tests.statuspage import catalogues
from tests.statuspage.catalogues import TEMPLATES, TRANSLATED, WITHIN

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\{\w+}}|\]\(#[\w-]+\)")
TAG = re.compile(r"<[^>]*>")
#: What an English page says, and every other: names of formats and of clocks.
SAME_EVERYWHERE = {"API", "Atom", "RSS", "CSV", "UTC", "Webhook", "iCalendar", "JSON", "Slack", "Teams"}
SAID_ALOUD = {"aria-label", "aria-description", "title", "alt", "placeholder", "label"}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_holds_every_sentence_that_is_asked_for_and_no_other(language):
    held = {(entry.name, entry.plural) for entry in catalogues.written(language)[1:]}

    assert catalogues.asked_for(console=False) - held == set()
    assert held - catalogues.asked_for(console=False) - catalogues.asked_for(console=True) == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_none_is_a_guess(language):
    entries = catalogues.written(language)
    forms = int(re.search(r"nplurals=(\d)", entries[0].told[0])[1])

    for entry in entries:
        assert "fuzzy" not in entry.flags, entry.name
        assert all(entry.told) and len(entry.told) == (forms if entry.plural else 1), entry.name


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_keeps_the_placeholders_and_the_markup(language):
    for entry in catalogues.written(language)[1:]:
        source = entry.plural or entry.name.rpartition(WITHIN)[2]
        for told in entry.told:
            for pattern in (PLACEHOLDER, TAG):
                assert Counter(pattern.findall(told)) == Counter(pattern.findall(source)), entry.name
            assert '"' not in TAG.sub("", told), "a translation stands in attributes too"


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_the_written_one(language):
    head, *entries = catalogues.written(language)
    wanted = {}
    for entry in entries:
        forms = {(entry.name, n): told for n, told in enumerate(entry.told)}
        wanted |= forms if entry.plural else {entry.name: entry.told[0]}

    compiled = catalogues.compiled(language)

    assert set(compiled.pop("").split("\n")) <= set(head.told[0].split("\n"))  # without the day it was made
    assert compiled == wanted


@pytest.mark.parametrize("language", TRANSLATED)
def test_our_words_come_before_those_of_the_framework(language):
    with translation.override(language):
        for entry in catalogues.written(language)[1:]:
            within, _, name = entry.name.rpartition(WITHIN)
            if entry.plural:
                assert translation.ngettext(name, entry.plural, 5) == entry.told[-1]
            else:
                said = translation.pgettext(within, name) if within else translation.gettext(name)
                assert said == entry.told[0]


class Words(HTMLParser):
    """The words of a template that a reader sees or hears."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        for name, value in attrs:
            self.found += re.findall(r"[A-Za-z]{2,}", value or "") if name in SAID_ALOUD else []

    def handle_data(self, data: str) -> None:
        self.found += re.findall(r"[A-Za-z]{2,}", data)


@pytest.mark.parametrize(
    "path", sorted((TEMPLATES / "statuspage").rglob("*.html")), ids=lambda path: path.name
)
def test_a_template_holds_no_word_outside_a_translation(path):
    text = re.sub(
        r"{#.*?#}|{% *comment.*?endcomment *%}|<style>.*?</style>", "", path.read_text(), flags=re.S
    )
    text = re.sub(r"{% *blocktrans.*?endblocktrans(late)? *%}", "", text, flags=re.S)

    text = re.sub(r"{{ site.url }}[\w/.-]*", "", text)  # an address is no word
    text = re.sub(r"<code>.*?</code>", "", text, flags=re.S)  # nor is what machines read

    words = Words(re.sub(r"{%.*?%}|{{.*?}}", "", text, flags=re.S)).found

    assert set(words) - SAME_EVERYWHERE == set()
