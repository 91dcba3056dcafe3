"""Changes that move nothing: corrected fields and times, a private incident, the count of open actions."""

from datetime import datetime
from typing import Any

from django.db import transaction

from incidents import facts, impacts, milestones, moves, rights, timeline, transitions
from incidents.models import Incident
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header, clean_text
from oncall.models import User

FIELDS = frozenset({
    "title", "summary", "description", "audience", "hurt", "users_share", "regions_lost", "brand_at_stake",
    "detection_method", "proactive", "kind", "root_cause_type", "root_cause_service", "mitigation", "resolution",
    "channel_name", "channel_url", "bridge_url", "tags", "custom_fields",
})  # fmt: skip
TIMES = frozenset({"impact_started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at"})


@transaction.atomic
def edit(
    incident: Incident,
    *,
    by: User | None,
    at: datetime,
    reason: str = "",
    expected_version: int | None = None,
    **changes: Any,
) -> Incident:
    """Correct fields, in any state. A milestone needs a reason and the right to manage; impact rows move along.

    ``changes`` are names of ``FIELDS`` and ``TIMES``; what is as it was counts as no change.
    """
    unknown = set(changes) - FIELDS - TIMES
    if unknown:
        raise DomainError(
            "field_unknown", f"{', '.join(sorted(unknown))} cannot be edited: use the verb for it."
        )
    incident = moves.lock(incident)
    rights.require(by, transitions.verb("edit"), incident)
    changes = _changed(incident, changes)
    if not changes:
        return incident
    moves.refuse_stale(incident, expected_version)
    if TIMES & set(changes):
        _check_times(incident, changes, by=by, reason=reason)
    before = {name: getattr(incident, name) for name in changes}
    for name, value in changes.items():
        setattr(incident, name, value)
    if "summary" in changes:
        incident.summary_by, incident.summary_at = by, at
    if "mitigated_at" in changes:
        incident.mitigation_inferred = False
    incident.version += 1
    moves.refuse_disorder(incident, now=at)
    moves.save(incident, by=by, at=at, why=reason or "Edited")
    _shift_impacts(incident, before)
    _tell(incident, before, by=by, at=at, reason=reason)
    facts.refresh(incident)
    return incident


@transaction.atomic
def make_private(
    incident: Incident, *, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T20. From now on only those with a part in it see it. There is no way back."""
    move = moves.begin("make_private", incident, by=by, at=at, expected_version=expected_version)
    if move.incident.private:
        return move.incident
    move.incident.private = True
    return moves.finish(move, text="Made private: only those with a part in it see it now.")


@transaction.atomic
def track_actions(incident: Incident, *, open: int, by: User | None, at: datetime) -> Incident:
    """The floor above counts the essential actions that are not done; closing waits for none."""
    incident = moves.lock(incident)
    if incident.open_actions == open:
        return incident
    incident.open_actions = open
    moves.save(incident, by=by, at=at, why="Actions counted")
    text = f"{open} action item{'' if open == 1 else 's'} open" if open else "No action item is open any more"
    timeline.add(incident, kind=timeline.Kind.CHANGE, text=text, by=by, at=at, data={"open_actions": open})
    return incident


def _changed(incident: Incident, changes: dict[str, Any]) -> dict[str, Any]:
    cleaned = {name: _clean(name, value) for name, value in changes.items()}
    if cleaned.get("title") == "":
        raise DomainError("title_missing", "Say in a few words what is wrong: the title is empty.")
    return {name: value for name, value in cleaned.items() if getattr(incident, name) != value}


def _clean(name: str, value: Any) -> Any:
    if name == "title":
        return clean_header(value, limit=300)
    return clean_text(value).strip() if isinstance(value, str) else value


def _check_times(incident: Incident, changes: dict[str, Any], *, by: User | None, reason: str) -> None:
    rights.require(by, transitions.verb("resolve"), incident)  # as much as to resolve: it changes the metrics
    if not reason.strip():
        raise DomainError(
            "reason_missing", "Give a reason: these times are what the incident is measured by."
        )
    for name in TIMES & set(changes):
        if getattr(incident, name) is None and name != "impact_started_at":
            raise DomainError(
                "not_reached",
                f"It has not come to that yet: {milestones.WORDS[name]} is set by its own verb.",
            )
        if changes[name] is None and name in ("mitigated_at", "resolved_at"):
            raise DomainError("not_reached", "To take that back, reopen the incident.")


def _shift_impacts(incident: Incident, before: dict[str, Any]) -> None:
    edges = {"impact_started_at": "start", "mitigated_at": "end"}
    for name, edge in edges.items():
        if name in before:
            impacts.shift(incident, edge=edge, old=before[name], new=getattr(incident, name))


def _tell(incident: Incident, before: dict[str, Any], *, by: User | None, at: datetime, reason: str) -> None:
    if set(before) == {"summary"}:
        text = f"Now: {incident.summary}"
    else:
        names = [str(Incident._meta.get_field(name).verbose_name) for name in before]
        text = f"Edited: {', '.join(names)}." + (f" Reason: {reason.strip()}" if reason.strip() else "")
    data = {
        name: {"before": _shown(old), "after": _shown(getattr(incident, name))}
        for name, old in before.items()
    }
    timeline.add(incident, kind=timeline.Kind.EDIT, text=text, by=by, at=at, data=data)


def _shown(value: Any) -> Any:
    return value if isinstance(value, bool | int | list | dict | datetime | None) else str(value)
