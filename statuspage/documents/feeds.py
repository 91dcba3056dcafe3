"""Atom and RSS: the posts of the whole page, of one component, or one post alone (field/statuspage.md section 3).

An Atom entry is a post whose ``updated`` moves with every update, so readers show it again. RSS readers ignore
dates that change, so there each update is an item of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as Tree

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext

from oncall.messaging import render
from statuspage.documents import words
from statuspage.documents.page import MAINTENANCE, Component, Page, Post, Update

ATOM = "http://www.w3.org/2005/Atom"
ENTRIES = 50


@dataclass(frozen=True)
class Feed:
    """What a feed is about: its own ``path``, the page ``about`` it, and which posts it holds."""

    path: str
    about: str
    title: str
    posts: tuple[Post, ...]


def whole(page: Page, *, path: str) -> Feed:
    """Everything that was told."""
    return Feed(path, "/", _named(page, gettext("incident history")), page.posts)


def of_component(page: Page, component: Component, *, path: str) -> Feed:
    """What was told of one component, or of anything in a group."""
    ids = {component.id, *_below(page, component)}
    posts = tuple(post for post in page.posts if ids & {code for code, _ in post.affected})
    return Feed(path, "/", _named(page, component.name), posts)


def of_post(page: Page, post: Post, *, path: str) -> Feed:
    """One incident, for those who follow it alone."""
    return Feed(path, f"/incidents/{post.id}/", _named(page, post.name), (post,))


def atom(page: Page, feed: Feed) -> bytes:
    """The feed by RFC 4287, newest activity first."""
    root = Tree.Element("feed", {"xmlns": ATOM, "xml:lang": words.language()})
    posts = _newest(feed)
    add = _adder(root)
    add("id", _tag(page, page.site.updated_at if not posts else _born(page), feed.path))
    add("link", rel="alternate", type="text/html", href=f"{page.site.url}{feed.about}")
    add("link", rel="self", type="application/atom+xml", href=f"{page.site.url}{feed.path}")
    add("title", feed.title)
    add("updated", _rfc3339(posts[0].updated_at if posts else _born(page)))
    _adder(add("author"))("name", page.site.name)
    for post in posts:
        _entry(page, root, post)
    return _bytes(root)


def _entry(page: Page, root: Tree.Element, post: Post) -> None:
    add = _adder(Tree.SubElement(root, "entry"))
    add("id", _tag(page, post.created_at, f"{post.kind}/{post.id}"))
    add("published", _rfc3339(min([post.created_at, *(update.display_at for update in post.updates)])))
    add("updated", _rfc3339(post.updated_at))
    add("link", rel="alternate", type="text/html", href=_address(page, post))
    add("title", _title(post, post.status))
    add("category", term=post.status)
    add("category", term=f"impact:{post.impact}")
    for code, _ in post.affected:
        add("category", term=f"component:{code}", label=page.by_id[code].name)
    add("content", _content(page, post, post.updates), type="html")


def rss(page: Page, feed: Feed) -> bytes:
    """The feed by RSS 2.0, an item for each update, newest first."""
    root = Tree.Element("rss", {"version": "2.0", "xmlns:atom": ATOM})
    channel = Tree.SubElement(root, "channel")
    add = _adder(channel)
    posts = _newest(feed)
    changed = _rfc822(posts[0].updated_at if posts else _born(page))
    add("title", feed.title)
    add("link", f"{page.site.url}{feed.about}")
    add("atom:link", rel="self", type="application/rss+xml", href=f"{page.site.url}{feed.path}")
    add("description", gettext("Incidents and maintenance, newest activity first"))
    add("language", words.language())
    add("pubDate", changed)
    add("lastBuildDate", changed)
    add("ttl", "5")
    told = [(update, post) for post in posts for update in post.updates]
    told.sort(key=lambda pair: pair[0].display_at, reverse=True)
    for update, post in told[:ENTRIES]:
        _item(page, channel, post, update)
    return _bytes(root)


def _item(page: Page, channel: Tree.Element, post: Post, update: Update) -> None:
    add = _adder(Tree.SubElement(channel, "item"))
    add("title", _title(post, update.status))
    add("link", _address(page, post))
    add("guid", f"{_tag(page, post.created_at, f'{post.kind}/{post.id}')}#{update.id}", isPermaLink="false")
    add("pubDate", _rfc822(update.display_at))
    add("category", update.status)
    add("description", _content(page, post, [update]))


# -- parts -------------------------------------------------------------------------------------------------
def _below(page: Page, component: Component) -> Iterable[str]:
    for code in component.children:
        yield code
        yield from _below(page, page.by_id[code])


def _newest(feed: Feed) -> list[Post]:
    return sorted(feed.posts, key=lambda post: (post.updated_at, post.id), reverse=True)[:ENTRIES]


def _named(page: Page, what: str) -> str:
    return words.labelled(words.page_name(page.site.name), what)


def _title(post: Post, status: str) -> str:
    return words.labelled(words.STATE_WORD[status], post.name)


def _address(page: Page, post: Post) -> str:
    return f"{page.site.url}/incidents/{post.id}/"


def _born(page: Page) -> datetime:
    """An instant for a feed that has no entry, the same at every reading."""
    return min((component.created_at for component in page.components), default=page.site.updated_at)


def _tag(page: Page, at: datetime, name: str) -> str:
    """A name for ever (RFC 4151): it does not change when the address does."""
    host = urlsplit(page.site.url).hostname or "localhost"
    return f"tag:{host},{at.astimezone(UTC):%Y-%m-%d}:{name}"


def _content(page: Page, post: Post, updates: Iterable[Update]) -> str:
    """The updates as markup: time, state, words."""
    zone = page.site.zone
    window: str | SafeString = ""
    if post.kind == MAINTENANCE and post.scheduled_for:
        when = words.window(post.scheduled_for, post.scheduled_until, zone)
        window = format_html("<p><strong>{}</strong> {}</p>", pgettext("of maintenance", "Window"), when)
    told = format_html_join(
        "",
        '<p><small><time datetime="{}">{}</time></small><br><strong>{}</strong></p>{}',
        (
            (
                _rfc3339(update.display_at),
                words.full(update.display_at, zone),
                words.STATE_WORD[update.status],
                render.markdown(update.body),
            )
            for update in updates
        ),
    )
    return f"{window}{told}"


def _adder(parent: Tree.Element) -> Callable[..., Tree.Element]:
    def add(name: str, text: str = "", **attributes: str) -> Tree.Element:
        legal = {key: _legal(value) for key, value in attributes.items()}
        element = Tree.SubElement(parent, name, legal)
        element.text = _legal(text) or None
        return element

    return add


def _legal(text: str) -> str:
    """Without the characters that XML 1.0 has no place for."""
    return "".join(char for char in text if char in "\t\n\r" or " " <= char not in "\ufffe\uffff")


def _rfc3339(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _rfc822(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC))


def _bytes(root: Tree.Element) -> bytes:
    return Tree.tostring(root, encoding="UTF-8", xml_declaration=True)
