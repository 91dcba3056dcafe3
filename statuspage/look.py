"""The documents that make a page look like its owner: a few rules of style, and the logo.

Their addresses hold a mark of their bytes, so that caches may keep them for ever.
"""

import hashlib

from statuspage.models import Logo, StatusPage

FOLDER = "/look/"


def sheet_path(page: StatusPage) -> str:
    """Where the page's own style lies; nothing without a brand colour."""
    return f"{FOLDER}{_mark(page.sheet)}.css" if page.brand else ""


def sheet(page: StatusPage) -> bytes:
    return page.sheet.encode()


def logo_path(page: StatusPage) -> str:
    """Where the logo lies; nothing without one."""
    return f"{FOLDER}{page.logo_mark}" if page.logo_mark else ""


def logo_kind(page: StatusPage) -> str:
    """A name of ``catalogue.MEDIA``."""
    return page.logo_mark.rpartition(".")[2]


def logo(page: StatusPage) -> bytes | None:
    found = Logo.objects.filter(page=page).first()
    return bytes(found.body) if found else None


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
