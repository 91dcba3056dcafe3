import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.messaging.render import ATTRIBUTES, SCHEMES, TAGS, clean_header, clean_text, fill, markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "<javascript:alert(1)>",
    "![x](https://tracker.example/p.png)",
    '[x](https://a.example "t" onclick="x")',
    "[x]: javascript:alert(1)\n[x]",
    '`<b>`\n\n```"><script>\n<script>\n```',
    "<svg/onload=alert(1)>",
    "<a href='https://x' style='position:fixed'>x</a>",
    "a | b\n-|-\n<script>|x",
]


# What a browser takes for one; "[x](javascript:" is a path. Source: RFC 3986, 3.1, and the URL standard, which
# drops tabs, line ends and leading controls.
SCHEME = re.compile(r"[\x00-\x20]*([a-z][a-z0-9+.\t\r\n-]*):", re.IGNORECASE)


class Reader(HTMLParser):
    """What a browser would find: (tag, attribute, value) of everything that is not allowed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forbidden: list[tuple] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in TAGS:
            self.forbidden.append((tag,))
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, set()) | ({"rel"} if tag == "a" else set()):
                self.forbidden.append((tag, name, value))
            scheme = SCHEME.match(value.strip()) if name == "href" else None
            if scheme and scheme[1].lower() not in SCHEMES:
                self.forbidden.append((tag, name, value))

    def handle_comment(self, data) -> None:
        self.forbidden.append(("comment", data))

    handle_decl = handle_pi = unknown_decl = handle_comment


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_is_harmless(text):
    assert Reader(markdown(text)).forbidden == []


@settings(deadline=None)  # on a busy machine a single example may take long
@given(
    st.lists(st.sampled_from([*HOSTILE, "> ", "- ", "\n", "*", "`", "[", "](", ")", "<", ">", '"', "&"])).map(
        "".join
    )
)
def test_pieces_of_hostile_markdown_put_together_are_harmless(text):
    assert Reader(markdown(text)).forbidden == []


@settings(deadline=None)
@given(st.text())
def test_any_text_at_all_is_harmless(text):
    assert Reader(markdown(text)).forbidden == []


@pytest.mark.parametrize(
    "text",
    [
        ">" * 5000,
        "> " * 5000 + "x",
        "- " * 5000,
        "[" * 10_000,
        "*a " * 6000,
        "**" * 9000,
        "[a](" * 5000,
        "<" * 20_000,
    ]
    + ["|a" * 5000 + "\n" + "|-" * 5000, "[a]: /\n" * 2000 + "[a]" * 2000, "x" * 5_000_000, "`" * 20_000],
)
def test_markdown_made_to_be_slow_is_fast(text):
    started = time.thread_time()

    html = markdown(text)

    assert time.thread_time() - started < 1
    assert len(html) < 200_000


def test_markdown_as_people_write_it():
    html = markdown(
        "# Cause\n\nThe **cache** is _full_: see [log](https://x.example/?a=1&b=2)\n\n1. one\n2. two"
    )

    assert html == (
        "<h3>Cause</h3>\n<p>The <strong>cache</strong> is <em>full</em>: see "
        '<a href="https://x.example/?a=1&amp;b=2" rel="noopener nofollow ugc">log</a></p>\n'
        "<ol>\n<li>one</li>\n<li>two</li>\n</ol>\n"
    )


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x00b\x07\x1b[31m\x9f", "ab[31m"),
        ("\ud800", "\ufffd"),
        ("\U0001f600", "\U0001f600"),
        ("\u202eevil\u2066", "evil"),
        ("\ufeffa", "a"),
        ("e\u0301", "é"),
        ("👩\u200d🚒", "👩\u200d🚒"),
        ("tab\tstays\n", "tab\tstays\n"),
    ],
)
def test_text_is_made_storable(dirty, clean):
    assert clean_text(dirty) == clean


def test_piled_accents_do_not_paint_over_other_lines():
    assert len(clean_text("a" + "\u0301" * 200)) < 10


@settings(deadline=None)
@given(st.text(st.characters(codec=None, categories=None)))
def test_cleaned_text_can_be_encoded_and_stays_as_it_is(text):
    once = clean_text(text)

    assert once.encode("utf-8").decode("utf-8") == once
    assert "\x00" not in once
    assert clean_text(once) == once


@settings(deadline=None)
@given(st.text(st.characters(codec=None, categories=None)))
def test_a_header_is_one_short_line(text):
    line = clean_header(text)

    assert len(line.splitlines()) <= 1
    assert len(line) <= 200
    assert clean_header(line) == line


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("Hi {{name}}", "Hi <Al>"),
        ("{{ name }}{{name}}", "<Al><Al>"),
        ("{{unknown}}", "{{unknown}}"),
        ("{{nested}}", "{{name}}"),
        ("{{name.__class__}} {{name()}} {name} {% now %}", "{{name.__class__}} {{name()}} {name} {% now %}"),
    ],
)
def test_placeholders_are_names_and_nothing_more(template, filled):
    assert fill(template, {"name": "<Al>", "nested": "{{name}}"}) == filled


def test_values_are_escaped_for_html_only():
    assert fill("<p>{{name}}</p>", {"name": "<Al>"}, escape=True) == "<p>&lt;Al&gt;</p>"
