"""What people change about a page itself: who may read it, its password and key, its logo."""

import hashlib
import re
import secrets
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.crypto import constant_time_compare

from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import rights
from statuspage.models import MAIN, Audience, Logo, StatusPage

SHORTEST_PASSWORD = 8
LARGEST_LOGO = 50_000
KEY_PREFIX = "msp_"
#: What a file begins with says what it is; its name and the browser's word do not count.
_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n....IHDR", re.DOTALL), "png"),
    (re.compile(rb"\xff\xd8\xff"), "jpeg"),
    (re.compile(rb"RIFF....WEBPVP8", re.DOTALL), "webp"),
)


def settled(page: StatusPage, *, at: datetime) -> StatusPage:
    """The page, not saved yet, with the time since when it is not public: what was mailed before stays outside."""
    if page.is_public:
        page.closed_at = None
    else:
        page.closed_at = page.closed_at or at
    return page


def hashed(password: str) -> str:
    """A password as it is kept. Raises ``DomainError("weak")``."""
    if len(password) < SHORTEST_PASSWORD:
        raise DomainError("weak", f"The password of a page has at least {SHORTEST_PASSWORD} characters.")
    return make_password(password)


def kind_of(body: bytes) -> str:
    """png, jpeg or webp. Raises ``DomainError("bad_logo")``: an SVG can hold scripts, so it is none of them."""
    if len(body) > LARGEST_LOGO:
        raise DomainError(
            "bad_logo", f"A logo has at most {LARGEST_LOGO // 1000} kB, this has {len(body) // 1000}."
        )
    found = next((kind for magic, kind in _MAGIC if magic.match(body)), None)
    if found is None:
        raise DomainError("bad_logo", "A logo is a PNG, JPEG or WebP picture.")
    return found


@transaction.atomic
def set_logo(page: StatusPage, body: bytes, *, by: User | None, at: datetime) -> StatusPage:
    """Show this picture beside the name; without a byte, none. Raises ``DomainError("bad_logo")``."""
    rights.need(by, rights.SET_UP)
    page = StatusPage.objects.select_for_update().get(pk=page.pk)
    mark = f"{hashlib.sha256(body).hexdigest()[:16]}.{kind_of(body)}" if body else ""
    if mark != page.logo_mark:
        Logo.objects.filter(page=page).delete()
        if body:
            Logo.objects.create(page=page, body=body)
        page.logo_mark = mark
        page.save()
    return page


@transaction.atomic
def give_key(page: StatusPage, *, by: User | None, at: datetime) -> str:
    """A new key for programs that read this page though it is not public; the old one ends. Shown once."""
    rights.need(by, rights.SET_UP)
    page = StatusPage.objects.select_for_update().get(pk=page.pk)
    key = KEY_PREFIX + secrets.token_urlsafe(24)
    page.key_hash = _hash(key)
    page._change_reason = "A new key for the API"
    page.save()
    return key


def has_key(page: StatusPage, key: str) -> bool:
    """Whether this is the page's key; compared in constant time."""
    return bool(page.key_hash) and constant_time_compare(_hash(key), page.key_hash)


def _hash(key: str) -> str:
    """Keys are long and random, so a plain SHA-256 cannot be guessed backwards."""
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def remove(page: StatusPage, *, by: User | None, at: datetime) -> None:
    """Take a page away with everything on it; what waits to be told of it is cancelled.

    Raises ``DomainError("main")`` for the main page, which every portal has.
    """
    rights.need(by, rights.REMOVE)
    if page.is_main:
        raise DomainError("main", "The main page stays: every portal has one.")
    for row in (*page.posts.all(), *page.components.all()):
        outbox.cancel(topic=row.topic, at=at, reason="page removed")
    page.delete()


def named(slug: str) -> StatusPage:
    """The page of this slug; no slug is the main page. Raises ``DomainError("no_page")``."""
    page = StatusPage.main() if slug in ("", MAIN) else StatusPage.objects.filter(slug=slug).first()
    if page is None:
        raise DomainError("no_page", f"There is no status page {slug[:60]!r}.")
    return page


def are_several() -> bool:
    """Whether there is anything to choose: with one page nobody is asked."""
    return StatusPage.objects.count() > 1


def may_read(page: StatusPage, user: User) -> bool:
    """Whether this person reads the page because the portal knows her."""
    return page.audience == Audience.STAFF and user.is_active and user.has_perm(rights.READ)
