"""Badges: the state in one small picture, and the same as data for shields.io."""

import json
from unicodedata import east_asian_width, normalize
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import pgettext

from statuspage import rollup
from statuspage.documents import words
from statuspage.documents.page import Component, Page

#: White on each of these has a contrast of at least 4.5.
FILL = {
    rollup.OPERATIONAL: "#12703a",
    rollup.MAINTENANCE: "#1d4ed8",
    rollup.DEGRADED: "#855800",
    rollup.PARTIAL: "#b5410c",
    rollup.MAJOR: "#b42318",
}
LABEL_FILL = "#3d4451"
HEIGHT, PAD, SIZE = 20, 7, 11
#: Widths of Verdana at 11 px, in tenths of a pixel; what is not named counts as a wide letter.
_WIDTHS = {
    **dict.fromkeys("ijl", 30),
    **dict.fromkeys(" I.,:;'|!()[]", 43),
    **dict.fromkeys("ftr-", 46),
    **dict.fromkeys("cksvxyzJ", 62),
    **dict.fromkeys("abdeghnopqu0123456789", 70),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ", 80),
    **dict.fromkeys("mwMW", 108),
}
_OTHER, _SQUARE = 90, 110


def of_page(page: Page) -> bytes:
    """ "status | all systems operational" """
    return svg(_label(), words.sentence(page.status.description), _status(page))


def of_component(component: Component) -> bytes:
    """ "Card payments | operational" """
    return svg(component.name, words.STATUS_SAID[component.status], component.status)


def endpoint(page: Page) -> bytes:
    """The badge in the shape of shields.io's endpoint."""
    told = {
        "schemaVersion": 1,
        "label": _label(),
        "message": words.sentence(page.status.description),
        "color": FILL[_status(page)].removeprefix("#"),
    }
    return json.dumps(told, ensure_ascii=False).encode()


def svg(label: str, message: str, status: str) -> bytes:
    """Two fields of text as wide as they are; readable as a picture by its title and by its words."""
    left, right = _width(label) + 2 * PAD, _width(message) + 2 * PAD
    title = words.labelled(label, message)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" role="img" '
        f"aria-label={quoteattr(title)}><title>{escape(title)}</title>"
        f'<rect width="{left}" height="{HEIGHT}" fill="{LABEL_FILL}"/>'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{FILL[status]}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="{SIZE}">'
        f'<text x="{PAD}" y="14" textLength="{left - 2 * PAD}">{escape(label)}</text>'
        f'<text x="{left + PAD}" y="14" textLength="{right - 2 * PAD}">{escape(message)}</text></g></svg>'
    ).encode()


def _status(page: Page) -> str:
    return rollup.worst(leaf.status for leaf in page.leaves)


def _label() -> str:
    return pgettext("badge", "status")


def _width(text: str) -> int:
    """In pixels, rounded up; a letter with an accent is as wide as without."""
    return -(-sum(_tenths(char) for char in text) // 10)


def _tenths(char: str) -> int:
    if east_asian_width(char) in "WF":
        return _SQUARE
    return _WIDTHS.get(normalize("NFD", char)[0], _OTHER)
