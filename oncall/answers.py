"""The right to answer a page from a message: one link for each message, good once and for a day.

The link is the credential: 192 random bits, of which only the SHA-256 is kept. It says who answers, so it is never
logged and never shown to anybody else (``mask``).
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.conf import settings

from oncall.messaging.errors import DomainError
from oncall.models import AnswerToken, Page, User

LIFETIME = timedelta(hours=24)
_LINK = re.compile(r"(/a/)[A-Za-z0-9_-]{20,}")


def issue(page: Page, user: User, *, at: datetime, good_from: datetime | None = None) -> str:
    """A new link for one message; the text is returned once. It ends a day after ``good_from`` (or ``at``)."""
    text = secrets.token_urlsafe(24)
    AnswerToken.objects.create(
        page=page,
        user=user,
        token_hash=_digest(text),
        created_at=at,
        expires_at=(good_from or at) + LIFETIME,
    )
    return text


def address(text: str) -> str:
    """Where the link of a token leads."""
    return f"{settings.PUBLIC_URL}/a/{text}/"


def mask(text: str) -> str:
    """The same text without the secret part of its answer links: for readers of other people's messages."""
    return _LINK.sub(r"\1…", text)


def find(text: str) -> AnswerToken | None:
    """The token, used or expired or not, with its page and person; None if there is none."""
    tokens = AnswerToken.objects.select_related("page__acknowledged_by", "page__service", "user")
    return tokens.filter(token_hash=_digest(text)).first()


def fault(token: AnswerToken, *, at: datetime) -> str:
    """Why this link cannot act any more, as a code; empty if it can."""
    if token.used_at is not None:
        return "used"
    return "expired" if token.expires_at <= at or not token.user.is_active else ""


def spend(token: AnswerToken, *, use: str, at: datetime) -> None:
    """Use the link up, in the caller's transaction. Raises ``DomainError("link_used")`` for the second of two."""
    unused = AnswerToken.objects.filter(pk=token.pk, used_at__isnull=True, expires_at__gt=at)
    if not unused.update(used_at=at, used_for=use):
        raise DomainError("link_used", "This link has been used. Open the newest message about this page.")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
