"""API tokens: made, checked and revoked here only.

Form: ``mst_<8 characters>_<43 characters>_<6 characters>``. The first part finds the row, the second is 256 random
bits kept as SHA-256 (no slow hash is needed for that much randomness), the third is a checksum that tells a
typing error from a wrong key without a query. Source: field/reliability.md 4.4.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from zlib import crc32

from django.db.models import Q

from oncall.models import ApiToken, User

FORM = re.compile(r"mst_([A-Za-z0-9]{8})_([A-Za-z0-9_-]{43})_([0-9a-f]{6})")
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
USE_IS_WRITTEN_EVERY = timedelta(minutes=10)


@dataclass(frozen=True)
class Key:
    """What a well-formed text says: which row to look at, and what that row must hold."""

    prefix: str
    secret_hash: str


def create(
    user: User, *, name: str, scope: str, at: datetime, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token; the text is returned once and never again."""
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=prefix,
        secret_hash=_digest(secret),
        scope=scope,
        created_at=at,
        expires_at=expires_at,
    )
    return token, f"mst_{prefix}_{secret}_{_checksum(prefix, secret)}"


def find(text: str, *, at: datetime) -> ApiToken | None:
    """The live token of an active person that ``text`` names, or None. Notes its use every ten minutes."""
    key = read(text)
    if key is None:
        return None
    token = (
        ApiToken.objects.select_related("user")
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), prefix=key.prefix, revoked_at__isnull=True)
        .first()
    )
    if not token or not token.user.is_active or not compare_digest(token.secret_hash, key.secret_hash):
        return None
    if not use_is_noted(token.last_used_at, at):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=at)
    return token


def read(text: str) -> Key | None:
    """What a token's text says; None where it is not one, a typing error included."""
    match = FORM.fullmatch(text)
    if not match or not compare_digest(match[3], _checksum(match[1], match[2])):
        return None
    return Key(match[1], _digest(match[2]))


def use_is_noted(last_used_at: datetime | None, at: datetime) -> bool:
    """Whether a use at this instant needs no writing down."""
    return last_used_at is not None and at - last_used_at <= USE_IS_WRITTEN_EVERY


def revoke(token: ApiToken, *, at: datetime) -> ApiToken:
    """End a token at once; revoking again changes nothing."""
    ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=at)
    token.refresh_from_db()
    return token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(prefix: str, secret: str) -> str:
    return f"{crc32(f'{prefix}{secret}'.encode()):08x}"[:6]
