"""Heartbeats of others: beats in, silence noticed, both turned into ordinary alerts.

A silence is one conditional update, a beat holds the row; with either, in the same transaction, a stored event is
written that the intake takes in like any tool's. So two ticks, two engines or a beat at the same instant cannot
open an incident twice, and paging and recovery are those of all alerts. Source: field/oncall.md rule 33.
"""

import json
import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from incidents import sources
from incidents.models import AlertSource, Heartbeat, StoredEvent
from oncall.messaging import doorbell
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from oncall.models import User

logger = logging.getLogger(__name__)

SOURCE = "heartbeats"
#: The dialect of the source that stands for us: no tool can send in it.
OURS = "heartbeat"
#: Overdue for so long without anybody noticing: it was we who were away, and nobody could beat.
WE_WERE_AWAY = timedelta(minutes=2)
BATCH = 200
_HINT_LENGTH = 4


# -- beats -------------------------------------------------------------------------------------------------
def beat(key: str, *, at: datetime) -> Heartbeat | None:
    """Something says that it is alive; None for a key that nobody has."""
    if not sources.is_key(key):
        return None
    found = Heartbeat.objects.filter(key_hash=sources.key_hash(key)).first()
    return found and record(found, at=at)


def named(name: str, *, key: str) -> Heartbeat | None:
    """The heartbeat of a slug or name, for whoever holds its key or the key of an active source; else None."""
    if not sources.is_key(key):
        return None
    found = Heartbeat.objects.filter(Q(slug=name) | Q(name=name)).order_by("pk").first()
    if found and found.key_hash == sources.key_hash(key):
        return found
    return found if sources.authenticate(key) else None


@transaction.atomic
def record(heartbeat: Heartbeat, *, at: datetime) -> Heartbeat:
    """Note a beat: the next is expected from now on; after a silence the alert ends."""
    heartbeat = (
        Heartbeat.objects.select_for_update(of=("self",)).select_related("service").get(pk=heartbeat.pk)
    )
    was_silent, heartbeat.last_beat_at = heartbeat.missed_at, at
    if not heartbeat.muted_because:
        heartbeat.missed_at, heartbeat.due_at = None, at + heartbeat.patience
        if was_silent:
            _tell(heartbeat, "resolved", f"{heartbeat.name} beats again", at=at)
    changed = {name: getattr(heartbeat, name) for name in ("last_beat_at", "missed_at", "due_at")}
    Heartbeat.objects.filter(pk=heartbeat.pk).update(**changed)
    return heartbeat


# -- silence -----------------------------------------------------------------------------------------------
def notice_silence(*, now: Callable[[], datetime]) -> int:
    """Pulse line: an alert for each heartbeat whose beat did not come; the number noticed."""
    overdue = list(Heartbeat.objects.overdue(now())[:BATCH])
    return sum(_alone(heartbeat, now()) for heartbeat in overdue)


def _alone(heartbeat: Heartbeat, at: datetime) -> bool:
    """One heartbeat in a transaction of its own; what fails is tried again with the next run."""
    try:
        with transaction.atomic():
            return _miss(heartbeat, at)
    except Exception:
        logger.exception("The silence of heartbeat %s could not be noted", heartbeat.pk)
        return False


def _miss(heartbeat: Heartbeat, at: datetime) -> bool:
    still = Heartbeat.objects.filter(pk=heartbeat.pk, due_at=heartbeat.due_at)
    if heartbeat.due_at < at - WE_WERE_AWAY:
        if still.update(due_at=at + heartbeat.patience):
            logger.warning("Nobody watched %s for a while: it gets its time anew.", heartbeat)
        return False
    if not still.update(due_at=None, missed_at=at):
        return False  # it has beaten, or another engine was faster
    last = f"{heartbeat.last_beat_at:%d %b %H:%M:%S} UTC"
    _tell(heartbeat, "firing", f"{heartbeat.name} is silent: its last beat came {last}", at=at)
    return True


def _tell(heartbeat: Heartbeat, status: str, summary: str, *, at: datetime) -> None:
    """What a tool would send, stored as if it had."""
    source, _ = AlertSource.objects.get_or_create(
        slug=SOURCE, defaults={"name": "Heartbeats", "dialect": OURS}
    )
    told = {
        "dedup_key": heartbeat.dedup_key,
        "status": status,
        "severity": heartbeat.severity,
        "summary": summary,
        "service": heartbeat.service.slug if heartbeat.service else "",
        "labels": {"heartbeat": heartbeat.slug},
    }
    body = json.dumps(told).encode()
    StoredEvent.objects.create(
        source=source, dialect="json", received_at=at, due_at=at, body=body, sha256=sources.digest(body)
    )
    doorbell.ring()


# -- what people do ----------------------------------------------------------------------------------------
@transaction.atomic
def give_key(heartbeat: Heartbeat, *, key: str | None = None, by: User | None, at: datetime) -> str:
    """A new key, or the one given, said once; the old one ends with it.

    Raises ``DomainError`` (``bad_key``, ``key_taken``).
    """
    key = secrets.token_urlsafe(24) if key is None else key
    if not sources.is_key(key):
        raise DomainError(
            "bad_key", "A key has 16 to 128 characters: letters, digits, dot, underscore, tilde and hyphen."
        )
    kept = sources.key_hash(key)
    if Heartbeat.objects.filter(key_hash=kept).exclude(pk=heartbeat.pk).exists():
        raise DomainError("key_taken", "This key belongs to another heartbeat. Take another one.")
    if heartbeat.key_hash != kept:
        heartbeat.key_hash, heartbeat.key_hint = kept, key[:_HINT_LENGTH]
        _save(heartbeat, ["key_hash", "key_hint"], by=by, why=f"Key {key[:_HINT_LENGTH]}… given")
    return key


@transaction.atomic
def mute(heartbeat: Heartbeat, *, reason: str, by: User | None, at: datetime) -> Heartbeat:
    """Its silence is no alert until somebody unmutes it; beats are still noted."""
    heartbeat = Heartbeat.objects.select_for_update().get(pk=heartbeat.pk)
    reason = clean_header(reason).strip()
    if not reason:
        raise DomainError("reason_missing", "Say why it is muted: somebody will ask at night.")
    if heartbeat.muted_because == reason:
        return heartbeat
    heartbeat.muted_because, heartbeat.due_at = reason[:200], None
    return _save(heartbeat, ["muted_because", "due_at"], by=by, why=f"Muted: {reason}")


@transaction.atomic
def unmute(heartbeat: Heartbeat, *, by: User | None, at: datetime) -> Heartbeat:
    """Watched again; it has a whole interval for its next beat."""
    heartbeat = Heartbeat.objects.select_for_update().get(pk=heartbeat.pk)
    if not heartbeat.muted_because:
        return heartbeat
    heartbeat.muted_because = ""
    heartbeat.due_at = _expected(heartbeat, at)
    return _save(heartbeat, ["muted_because", "due_at"], by=by, why="Unmuted")


@transaction.atomic
def reschedule(heartbeat: Heartbeat, *, at: datetime) -> Heartbeat:
    """After interval or grace was changed: the next beat is expected by the new ones."""
    row = Heartbeat.objects.filter(pk=heartbeat.pk, due_at__isnull=False)
    row.update(due_at=_expected(heartbeat, at))
    heartbeat.refresh_from_db()
    return heartbeat


def _expected(heartbeat: Heartbeat, at: datetime) -> datetime | None:
    watched = heartbeat.last_beat_at and not heartbeat.missed_at and not heartbeat.muted_because
    return at + heartbeat.patience if watched else None


def _save(heartbeat: Heartbeat, fields: list[str], *, by: User | None, why: str) -> Heartbeat:
    heartbeat._history_user, heartbeat._change_reason = by, why[:100]
    heartbeat.save(update_fields=fields)
    return heartbeat
