"""Alert sources and their keys. A key is shown once, kept as SHA-256, and replaced without losing an alert."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime

from django.db import transaction

from incidents.intake.dialects import DIALECTS
from incidents.models import AlertSource, SourceKey
from oncall.messaging.errors import DomainError
from oncall.models import Service, User

MOST_KEYS = 2
# It becomes a path segment, a header value or a JSON string: letters that need no escaping anywhere.
_KEY = re.compile(r"[A-Za-z0-9._~-]{16,128}")
_HINT_LENGTH = 4


@transaction.atomic
def create(
    *,
    slug: str,
    name: str,
    dialect: str,
    service: Service | None = None,
    key: str | None = None,
    by: User | None,
    at: datetime,
) -> tuple[AlertSource, str]:
    """Make a source with its first key, and say the key; it cannot be read again."""
    if dialect not in DIALECTS:
        raise DomainError("unknown_dialect", f"Unknown dialect {dialect!r}. Known: {', '.join(DIALECTS)}.")
    source = AlertSource(slug=slug, name=name, dialect=dialect, service=service)
    source._history_user = by
    source.save()
    return source, add_key(source, key=key, by=by, at=at)


@transaction.atomic
def add_key(source: AlertSource, *, key: str | None = None, by: User | None, at: datetime) -> str:
    """Give the source another key (``key``, or a new random one) and say it; the old one goes on working.

    At most two live at once: set the tool to the new one, then revoke the old. A key that the source has
    already is said again and not added.
    """
    source = AlertSource.objects.select_for_update().get(pk=source.pk)
    key = secrets.token_hex(16) if key is None else key
    if not _KEY.fullmatch(key):
        raise DomainError(
            "bad_key", "A key has 16 to 128 characters: letters, digits, dot, underscore, tilde and hyphen."
        )
    known = SourceKey.objects.filter(key_hash=key_hash(key)).first()
    if known and known.source_id == source.pk and known.revoked_at is None:
        return key
    if known:
        raise DomainError("key_taken", "This key was used before. Take another one.")
    if source.keys.filter(revoked_at=None).count() >= MOST_KEYS:
        raise DomainError("too_many_keys", "This source has two keys. Revoke one before you add another.")
    source.keys.create(key_hash=key_hash(key), hint=key[:_HINT_LENGTH], created_at=at)
    _note(source, f"Key {key[:_HINT_LENGTH]}… added", by)
    return key


@transaction.atomic
def revoke_key(key: SourceKey, *, by: User | None, at: datetime) -> SourceKey:
    """From now on requests with this key are refused. Revoking again changes nothing."""
    key = SourceKey.objects.select_for_update().select_related("source").get(pk=key.pk)
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        _note(key.source, f"Key {key.hint}… revoked", by)
    return key


def authenticate(key: str) -> AlertSource | None:
    """The active source that holds this key, with its service, in one query; ``None`` for any other text."""
    if not is_key(key):
        return None
    wanted = key_hash(key)
    found = (
        SourceKey.objects.filter(key_hash=wanted, revoked_at=None, source__active=True)
        .select_related("source")
        .first()
    )
    if found is None or not hmac.compare_digest(found.key_hash, wanted):
        return None
    return found.source


def is_key(text: str) -> bool:
    """Whether a text could be a key at all."""
    return bool(_KEY.fullmatch(text))


def digest(body: bytes) -> str:
    """The SHA-256 of a stored body."""
    return hashlib.sha256(body).hexdigest()


def key_hash(key: str) -> str:
    """How a key is kept. Keys are long and random, so that a plain SHA-256 cannot be guessed backwards."""
    return hashlib.sha256(key.encode()).hexdigest()


def _note(source: AlertSource, reason: str, by: User | None) -> None:
    """Keys have no history of their own: what happens to them stands in the source's."""
    source._history_user = by
    source._change_reason = reason
    source.save()
