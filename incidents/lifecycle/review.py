"""After the fix: the review, its end, and the way back when it was not over."""

from datetime import datetime

from django.db import transaction

from incidents import engagement, moves
from incidents.lifecycle.response import hurt_again
from incidents.models import Incident, State
from oncall.models import Service, User

REOPENED = ("mitigated_at", "resolved_at", "review_started_at", "reviewed_at", "closed_at")


@transaction.atomic
def start_review(
    incident: Incident, *, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T10. The post-mortem is begun."""
    move = moves.begin("start_review", incident, by=by, at=at, expected_version=expected_version)
    if move.repeated:
        return move.incident
    move.incident.review_started_at = at
    return moves.finish(move, to=State.IN_REVIEW, text="The review has begun.")


@transaction.atomic
def skip_review(
    incident: Incident, *, reason: str, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T11. No review, for a reason: closed at once, unless actions are open."""
    move = moves.begin(
        "skip_review", incident, by=by, at=at, expected_version=expected_version, reason=reason
    )
    to = State.FOLLOWING_UP if move.incident.open_actions else State.CLOSED
    if to == State.CLOSED:
        move.incident.closed_at = at
    return moves.finish(move, to=to, text=f"The review is skipped: {move.reason}")


@transaction.atomic
def approve_review(
    incident: Incident,
    *,
    by: User | None,
    at: datetime,
    root_cause_type: str = "",
    root_cause_service: Service | None = None,
    detection_method: str = "",
    expected_version: int | None = None,
) -> Incident:
    """T12. The post-mortem is approved; what is left are its actions.

    Who may approve which post-mortem, and what its actions must say, the floor above has checked.
    """
    told = {
        "root_cause_type": root_cause_type,
        "root_cause_service": root_cause_service,
        "detection_method": detection_method,
    }
    move = moves.begin("approve_review", incident, by=by, at=at, expected_version=expected_version, **told)
    if move.repeated:
        return move.incident
    for name, value in told.items():
        if value:
            setattr(move.incident, name, value)
    move.incident.reviewed_at = at
    return moves.finish(move, to=State.FOLLOWING_UP, text="The review is approved.")


@transaction.atomic
def close(
    incident: Incident, *, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T13. Nothing is left to do: every essential action is done or waived."""
    move = moves.begin("close", incident, by=by, at=at, expected_version=expected_version)
    if move.repeated:
        return move.incident
    move.incident.closed_at = at
    return moves.finish(move, to=State.CLOSED, text="Closed.")


@transaction.atomic
def reopen(
    incident: Incident, *, reason: str, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T14. It was not over: what was reached goes to the log, and everybody is called in again."""
    move = moves.begin("reopen", incident, by=by, at=at, expected_version=expected_version, reason=reason)
    if move.repeated:
        return move.incident
    move.incident.reopen_count += 1
    done = hurt_again(move, text=f"Reopened: {move.reason}", milestones=REOPENED)
    engagement.call_manager(done, by=by, at=at)
    return done
