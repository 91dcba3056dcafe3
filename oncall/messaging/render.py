"""Text made safe: for mail headers, for storage, for HTML. The only module that calls ``mark_safe``."""

import re
import unicodedata
from typing import Any

import nh3
from django.template import Context
from django.template.loader import get_template
from django.utils.html import escape as escape_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN_LIMIT = 20_000
NESTING_LIMIT = 20
TAGS = {
    *(
        "p",
        "br",
        "hr",
        "ul",
        "ol",
        "li",
        "a",
        "code",
        "pre",
        "strong",
        "em",
        "s",
        "blockquote",
        "h3",
        "h4",
        "h5",
    ),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Controls but tab and newline; embeddings, overrides and isolates, which let a title turn the rest of a line
# round; byte order marks.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
# Nobody writes more than a handful of accents on one letter; hundreds paint over the neighbouring lines.
_PILED_MARKS = re.compile(r"([\u0300-\u036f]{4})[\u0300-\u036f]+")
_markdown = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING_LIMIT})
    .enable(["table", "strikethrough"])
    .disable("image")  # an image tells its server who reads when; as a link it is still there to click
)


def markdown(text: str) -> SafeString:
    """HTML of a person's Markdown: no raw HTML, no images, no scheme but http, https and mailto.

    Headings start at h3, below those of the page around it. What lies beyond 20,000 characters or deeper than
    20 levels is left out. Source: field/reliability.md section 5, "Markdown".
    """
    text = clean_text(text[: 2 * MARKDOWN_LIMIT])
    if len(text) > MARKDOWN_LIMIT:
        text = text[:MARKDOWN_LIMIT] + "…"
    tokens = _markdown.parse(text)
    for token in tokens:
        _lower_heading(token)
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener nofollow ugc"
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has just let through nothing but the lists above


def mail_body(html: str) -> SafeString:
    """The HTML of a mail as the portal shows it: its text, links and tables, without its styles and images."""
    clean = nh3.clean(
        html,
        tags=TAGS | {"h1", "h2", "div"},
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener nofollow ugc",
        clean_content_tags={"script", "style", "title", "head"},
    )
    return mark_safe(clean)  # noqa: S308 - as above


def _lower_heading(token: Token) -> None:
    if token.type in {"heading_open", "heading_close"}:
        token.tag = f"h{min(int(token.tag[1]) + 2, 5)}"


def clean_text(value: str) -> str:
    """Text that every database, feed and mail can hold: NFC, newlines as LF, no control or bidi characters.

    A lone surrogate, which no encoder accepts, becomes U+FFFD.
    """
    value = str(value)
    if value.isascii() and value.isprintable():
        return value
    value = _LINE_ENDS.sub("\n", value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _PILED_MARKS.sub(r"\1", unicodedata.normalize("NFC", _INVISIBLE.sub("", value)))


def clean_header(value: str, limit: int = 200) -> str:
    """One line for a mail header or a title: whatever breaks a line becomes a blank, at most ``limit`` long."""
    line = " ".join(clean_text(value).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def fill(template: str, values: dict[str, str], *, escape: bool = False) -> str:
    """Put ``values`` in the place of ``{{name}}``; an unknown name stays as it is written.

    Names only: no attributes, no calls, no second pass over what was put in, so a value is never a program.
    ``escape`` is for HTML templates.
    """

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = str(values[match[1]])
        return str(escape_html(value)) if escape else value

    return PLACEHOLDER.sub(value_of, template)


def plain(template: str, context: dict[str, Any]) -> str:
    """A template rendered as plain text or Markdown, where nothing is to be escaped as HTML."""
    return get_template(template).template.render(Context(context, autoescape=False))
