"""The story of an incident: entries are added, never changed, and chained by their hashes."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from incidents import attention, milestones, rights, transitions
from incidents.models import Incident, TimelineEntry, Transition
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_text
from oncall.models import User

Kind = TimelineEntry.Kind
LONGEST = 20_000
DOUBLE_CLICK = timedelta(seconds=10)


@transaction.atomic
def add(
    incident: Incident,
    *,
    kind: str,
    text: str,
    by: User | None,
    at: datetime,
    data: dict[str, Any] | None = None,
    happened_at: datetime | None = None,
) -> TimelineEntry:
    """Write down one thing that happened, at ``happened_at`` or else now.

    The incident's row is locked, so that two writers at once get two places in the chain.
    """
    Incident.objects.select_for_update().values_list("pk").get(pk=incident.pk)
    return append(incident, kind=kind, text=text, by=by, at=at, data=data, happened_at=happened_at)


def append(
    incident: Incident,
    *,
    kind: str,
    text: str,
    by: User | None,
    at: datetime,
    data: dict[str, Any] | None = None,
    happened_at: datetime | None = None,
    after: TimelineEntry | None = None,
) -> TimelineEntry:
    """The same for a caller that holds the incident's row already, in its transaction.

    ``after``: the entry that she has just written herself, which spares the reading of the chain's end.
    """
    ends = incident.timeline.order_by("-sequence").values_list("sequence", "hash")
    sequence, previous_hash = (after.sequence, after.hash) if after else ends.first() or (0, "")
    entry = TimelineEntry(
        incident_id=incident.pk,
        sequence=sequence + 1,
        at=(happened_at or at).astimezone(UTC),
        recorded_at=at.astimezone(UTC),
        kind=kind,
        actor=by,
        actor_name=str(by)[:200] if by else "",
        text=clean_text(text)[:LONGEST],
        data=plain(data or {}),
        previous_hash=previous_hash,
    )
    entry.hash = digest(entry)
    entry.save()
    return entry


@transaction.atomic
def note(
    incident: Incident,
    *,
    text: str,
    by: User | None,
    at: datetime,
    kind: str = Kind.NOTE,
    happened_at: datetime | None = None,
) -> Incident:
    """What a person saw, decided or did. The same words again within seconds, a double click, add nothing."""
    rights.require(by, transitions.verb("note"), incident)
    text = clean_text(text).strip()
    if not text:
        raise DomainError("text_missing", "Write what you saw, decided or did.")
    if len(text) > LONGEST:
        raise DomainError("text_too_long", f"A note holds at most {LONGEST:,} characters; split it.")
    if kind not in TimelineEntry.WRITTEN:
        raise DomainError("kind_unknown", f"A note is one of: {', '.join(TimelineEntry.WRITTEN)}.")
    if happened_at and not milestones.EARLIEST <= happened_at <= at:
        raise DomainError("times_out_of_order", "A note is about what has happened, not about the future.")
    attention.given(incident, by=by, at=at)
    Incident.objects.select_for_update().values_list("pk").get(pk=incident.pk)
    last = incident.timeline.order_by("-sequence").first()
    again = last and (last.kind, last.actor, last.text) == (kind, by, text)
    if not (again and at - last.recorded_at < DOUBLE_CLICK):
        add(incident, kind=kind, text=text, by=by, at=at, happened_at=happened_at)
    return Incident.objects.get(pk=incident.pk)


# -- the chain ---------------------------------------------------------------------------------------------
def digest(entry: TimelineEntry) -> str:
    """SHA-256 over the hash of the entry before and all that this one says.

    The actor counts by name: an account that is deleted later must not break the proof.
    """
    content = [
        entry.previous_hash,
        entry.incident_id,
        entry.sequence,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.kind,
        entry.actor_name,
        entry.text,
        entry.data,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def verify(incidents=None) -> Iterator[str]:
    """A sentence for every broken place in the chains, oldest incident first; nothing when all is whole.

    Entries cut off at the very end are found by the changes of state they should tell of.
    """
    entries = TimelineEntry.objects.order_by("incident_id", "sequence")
    untold = Transition.objects.all()
    if incidents is not None:
        entries, untold = entries.filter(incident__in=incidents), untold.filter(incident__in=incidents)
    missing = dict(untold.values_list("pk", "incident_id"))
    before: TimelineEntry | None = None
    for entry in entries.iterator(chunk_size=2000):
        if before is not None and before.incident_id != entry.incident_id:
            before = None
        fault = _fault(entry, before)
        if fault:
            yield f"INC-{entry.incident_id}, entry {entry.sequence}: {fault}."
        missing.pop(entry.data.get("transition"), None)
        before = entry
    for transition, incident in missing.items():
        yield f"INC-{incident}: the entry that tells of transition {transition} is missing."


def _fault(entry: TimelineEntry, before: TimelineEntry | None) -> str:
    expected = before.sequence + 1 if before else 1
    if entry.sequence != expected:
        return f"entry {expected} is missing before it"
    if entry.previous_hash != (before.hash if before else ""):
        return "it does not follow the entry before it"
    if entry.hash != digest(entry):
        return "its content was changed after it was written"
    return ""


def plain(value: Any) -> Any:
    """JSON that reads back the same from every database: a number with a fraction becomes text."""
    if isinstance(value, dict):
        return {clean_text(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return clean_text(str(value))
