"""How every verb changes an incident: lock, check against the table, write, record.

For the verb modules only. A verb is ``begin``, its own changes to ``move.incident``, and ``finish``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from incidents import attention, facts, guards, milestones, rights, timeline, transitions
from incidents.models import Incident, State, TimelineEntry, Transition
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_text
from oncall.models import Page, User

ADVICE = {
    State.DETECTED: "declare it first",
    State.DECLARED: "classify it first",
    State.RESOLVED: "reopen it first if it is not over",
    State.IN_REVIEW: "reopen it first if it is not over",
    State.FOLLOWING_UP: "reopen it first if it is not over",
    State.CLOSED: "reopen it first",
    State.CANCELLED: "restore it first",
}


@dataclass
class Move:
    """One verb under way on a locked incident. ``repeated``: it was done before and there is nothing to do."""

    row: transitions.Verb
    incident: Incident
    by: User | None
    at: datetime
    effective_at: datetime
    reason: str = ""
    repeated: bool = False
    warnings: list[str] = field(default_factory=list)


def begin(
    name: str,
    incident: Incident,
    *,
    by: User | None,
    at: datetime,
    effective_at: datetime | None = None,
    expected_version: int | None = None,
    **fields: Any,
) -> Move:
    """Lock the incident and check the verb: not yet done, form not stale, right, state, guards, time.

    Must run inside the verb's transaction. Raises DomainError with code ``stale``, ``forbidden``,
    ``illegal_transition``, ``times_out_of_order`` or the name of a guard.
    """
    row = transitions.verb(name)
    attention.given(incident, by=by, at=at)
    fresh = lock(incident)
    move = Move(row, fresh, by, at, effective_at or at, str(fields.get("reason") or "").strip())
    rights.require(by, row, fresh)
    if fresh.state in row.done_in:
        last = fresh.transitions.order_by("-id").first()
        same_person = last is not None and last.by_id == (by.pk if by else None)
        current = expected_version in (None, fresh.version) or same_person
        move.repeated = last is not None and last.name in (name, row.then) and current
        if move.repeated:
            return move
    refuse_stale(fresh, expected_version)
    if fresh.state not in row.origins:
        raise DomainError("illegal_transition", _refusal(fresh, row))
    if effective_at and not milestones.EARLIEST <= effective_at <= at:
        raise DomainError("times_out_of_order", "Give the time at which it was so: it cannot lie ahead.")
    move.warnings = guards.check(row, fresh, fields, at)
    return move


def finish(
    move: Move,
    *,
    text: str,
    to: str | None = None,
    kind: str = timeline.Kind.STATE,
    data: dict[str, Any] | None = None,
) -> Incident:
    """Write the incident, its Transition and its timeline entry, and tell the pages what has changed."""
    incident, came_from = move.incident, move.incident.state
    incident.state = to or came_from
    incident.version += 1
    refuse_disorder(incident, now=move.at)
    save(incident, by=move.by, at=move.at, why=move.reason or text)
    record(
        incident,
        name=move.row.name,
        from_state=came_from,
        text=text,
        kind=kind,
        by=move.by,
        at=move.at,
        effective_at=move.effective_at,
        reason=move.reason,
        data={**(data or {}), **({"warnings": move.warnings} if move.warnings else {})},
    )
    facts.refresh(incident)
    return incident


def record(
    incident: Incident,
    *,
    name: str,
    from_state: str,
    text: str,
    by: User | None,
    at: datetime,
    effective_at: datetime,
    kind: str = timeline.Kind.STATE,
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> TimelineEntry:
    """The Transition row and the timeline entry that tells of it, which is returned.

    The incident is locked, or not yet committed.
    """
    plain = timeline.plain(data or {})
    row = Transition.objects.create(
        incident=incident,
        name=name,
        from_state=from_state,
        to_state=incident.state,
        at=at,
        effective_at=effective_at,
        by=by,
        reason=clean_text(reason),
        data=plain,
    )
    told = {**plain, "transition": row.pk, "from": from_state, "to": incident.state}
    return timeline.append(incident, kind=kind, text=text, by=by, at=at, happened_at=effective_at, data=told)


def save(incident: Incident, *, by: User | None, at: datetime, why: str) -> None:
    """Save with the history that a person will ask for: who, when, why."""
    incident._history_user = by
    incident._history_date = at
    incident._change_reason = why[:100]
    incident.save()


# -- checks ------------------------------------------------------------------------------------------------
def refuse_stale(incident: Incident, expected_version: int | None) -> None:
    """Refuse a form that shows an older incident than the locked one, and say what has changed since."""
    if expected_version is None or expected_version == incident.version:
        return
    last = incident.transitions.select_related("by").order_by("-id").first()
    done = (
        f" ({last.name.replace('_', ' ')} by {last.by or 'Muster'}, {milestones.spelt(last.at)})"
        if last
        else ""
    )
    raise DomainError(
        "stale",
        f"{incident.key} has changed while you were looking{done}; it is {incident.get_state_display().lower()} "
        "now. Look at it again, then repeat what still fits.",
    )


def refuse_disorder(incident: Incident, *, now: datetime) -> None:
    """Refuse milestones in an impossible order (field/incidents.md section 3, rule 1)."""
    times = {name: getattr(incident, name) for name in milestones.WORDS}
    sentence = milestones.disorder(times, proactive=incident.proactive, now=now)
    if sentence:
        raise DomainError("times_out_of_order", sentence)


def _refusal(incident: Incident, row: transitions.Verb) -> str:
    if incident.state == State.MERGED:
        return f"{incident.key} was merged into {incident.merged_into.key}: go on there."
    state = incident.get_state_display().lower()
    advice = ADVICE.get(incident.state)
    possible = [option.label for option in transitions.legal(incident.state)]
    if advice and not (incident.state in transitions.OPEN and incident.state in row.done_in):
        return f"{incident.key} is {state}: {advice}. “{row.label}” is not possible now."
    return f"{incident.key} is {state}: “{row.label}” is not possible now, but {', '.join(possible)} is."


# -- locks -------------------------------------------------------------------------------------------------
class _PageSlippedIn(Exception):
    """Between the two locks somebody was paged for the incident."""


def lock(incident: Incident) -> Incident:
    """Lock the incident with its pages and return it fresh."""
    return lock_all([incident])[0]


def lock_all(incidents: Iterable[Incident]) -> list[Incident]:
    """Lock the open pages of the incidents, then the incidents, each in order; return them fresh, by key.

    Always in this order: an answer to a page comes from the page to the incident, and a verb that went the other
    way could meet it. A page made between the two locks makes us let go and start again.
    """
    keys = sorted({incident.pk for incident in incidents})
    if not keys:
        return []
    while True:
        try:
            with transaction.atomic():
                return _lock_once(keys)
        except _PageSlippedIn:
            continue


def _lock_once(keys: list[int]) -> list[Incident]:
    pages = Page.objects.open().filter(engagement__incident__in=keys).order_by("pk")
    locked = set(pages.select_for_update(of=("self",)).values_list("pk", flat=True))
    rows = Incident.objects.select_for_update(of=("self",)).select_related("severity").filter(pk__in=keys)
    fresh = list(rows.order_by("pk"))
    if not set(pages.values_list("pk", flat=True)) <= locked:
        raise _PageSlippedIn
    return fresh
