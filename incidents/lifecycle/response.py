"""The response: how bad it is, who is at work, when it stopped hurting, when it was over."""

from datetime import datetime
from typing import Any

from django.db import transaction

from incidents import classification, communication, engagement, impacts, moves, tasks, timeline, transitions
from incidents.models import Incident, Severity, State
from incidents.moves import Move
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_text
from oncall.models import User


@transaction.atomic
def classify(
    incident: Incident,
    *,
    severity: Severity,
    by: User | None,
    at: datetime,
    reason: str = "",
    expected_version: int | None = None,
) -> Incident:
    """T4. A person confirms how bad it is: the severity's policy holds from now on, and work begins by itself."""
    move = moves.begin(
        "classify",
        incident,
        by=by,
        at=at,
        expected_version=expected_version,
        severity=severity,
        reason=reason,
    )
    if move.repeated:
        if move.incident.severity_id != severity.pk:
            raise DomainError(
                "illegal_transition",
                f"{move.incident.key} is {move.incident.severity} already: change its severity instead.",
            )
        return move.incident
    data, before = _severity_data(move, severity), move.incident.severity
    _take_severity(move, severity)
    text = f"Classified {severity}." + (f" Rule: {data['rule']}" if data["rule"] else "")
    done = moves.finish(
        move, to=State.CLASSIFIED, kind=timeline.Kind.SEVERITY, text=_because(text, move), data=data
    )
    engagement.follow_severity(done, before=before, by=by, at=at)
    return _begin_work(done, by=by, at=at)


@transaction.atomic
def reclassify(
    incident: Incident,
    *,
    severity: Severity,
    by: User | None,
    at: datetime,
    reason: str = "",
    expected_version: int | None = None,
) -> Incident:
    """T19. It is worse or better than thought. Up adds people, down calls nobody off and needs a reason."""
    move = moves.begin(
        "reclassify",
        incident,
        by=by,
        at=at,
        expected_version=expected_version,
        severity=severity,
        reason=reason,
    )
    before = move.incident.severity
    if before == severity:
        return move.incident
    data = _severity_data(move, severity) | {"before": before.slug if before else None}
    _take_severity(move, severity)
    text = _because(f"Severity changed from {before or 'none'} to {severity}.", move)
    done = moves.finish(move, kind=timeline.Kind.SEVERITY, text=text, data=data)
    engagement.follow_severity(done, before=before, by=by, at=at)
    if before is None or severity.rank < before.rank:
        engagement.call_services(done, by=by, at=at)
    return done


def set_severity(
    incident: Incident,
    *,
    severity: Severity,
    by: User | None,
    at: datetime,
    reason: str = "",
    expected_version: int | None = None,
) -> Incident:
    """Classify, or change the severity of what is classified already: for callers that need not know which."""
    later = incident.state in transitions.verb("reclassify").origins
    verb = reclassify if later else classify
    return verb(incident, severity=severity, by=by, at=at, reason=reason, expected_version=expected_version)


@transaction.atomic
def troubleshoot(
    incident: Incident, *, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T5. Work begins: the on-call of every affected service is engaged who was not."""
    move = moves.begin("troubleshoot", incident, by=by, at=at, expected_version=expected_version)
    return move.incident if move.repeated else _work(move)


def _begin_work(incident: Incident, *, by: User | None, at: datetime) -> Incident:
    return _work(Move(transitions.verb("troubleshoot"), incident, by, at, at))


def _work(move: Move) -> Incident:
    incident = move.incident
    incident.troubleshooting_at = incident.troubleshooting_at or move.at
    done = moves.finish(move, to=State.TROUBLESHOOTING, text="Troubleshooting has begun.")
    engagement.call_services(done, by=move.by, at=move.at)
    return done


@transaction.atomic
def identify(
    incident: Incident,
    *,
    by: User | None,
    at: datetime,
    text: str = "",
    effective_at: datetime | None = None,
    expected_version: int | None = None,
) -> Incident:
    """T6. The cause is known. Saying so again changes nothing; to say more, write a note."""
    move = moves.begin(
        "identify",
        incident,
        by=by,
        at=at,
        effective_at=effective_at,
        expected_version=expected_version,
        text=text,
    )
    if move.incident.identified:
        return move.incident
    move.incident.identified = True
    move.incident.identified_at = move.effective_at
    text = clean_text(text).strip()
    return moves.finish(move, text=f"Cause identified: {text}" if text else "Cause identified.")


@transaction.atomic
def mitigate(
    incident: Incident,
    *,
    text: str,
    by: User | None,
    at: datetime,
    severity: Severity | None = None,
    temporary: bool = False,
    effective_at: datetime | None = None,
    expected_version: int | None = None,
) -> Incident:
    """T7. Nobody is hurt any more; the cause or the clean-up is left. Downtime ends here.

    ``severity`` is asked for only where none is set, so that nobody is held up in a crisis. A ``temporary``
    mitigation leaves a task to take it out again.
    """
    move = moves.begin(
        "mitigate", incident, by=by, at=at, effective_at=effective_at, expected_version=expected_version,
        text=text, severity=severity,
    )  # fmt: skip
    if move.repeated:
        return move.incident
    incident = move.incident
    text = clean_text(text).strip()
    _take_missing_severity(move, severity)
    _begin_impact_if_unsaid(move)
    incident.mitigated_at, incident.mitigation, incident.mitigation_inferred = move.effective_at, text, False
    done = moves.finish(move, to=State.MITIGATED, text=f"Mitigated: {text}")
    impacts.end(done, at=move.effective_at)
    if temporary:
        title = f"Take out the temporary mitigation: {text}"
        tasks.add(done, title=title, by=by, at=at, undoes_mitigation=True)
    return done


@transaction.atomic
def recur(
    incident: Incident,
    *,
    reason: str,
    by: User | None,
    at: datetime,
    effective_at: datetime | None = None,
    expected_version: int | None = None,
) -> Incident:
    """T8. It hurts again: a new impact begins, the old mitigation goes to the log, the services are paged anew."""
    move = moves.begin(
        "recur",
        incident,
        by=by,
        at=at,
        effective_at=effective_at,
        expected_version=expected_version,
        reason=reason,
    )
    if move.repeated:
        return move.incident
    if move.effective_at < move.incident.mitigated_at:
        raise DomainError(
            "times_out_of_order", "It cannot be back before it was mitigated. Correct the time."
        )
    return hurt_again(move, text=f"It is back: {move.reason}", milestones=("mitigated_at",))


def hurt_again(move: Move, *, text: str, milestones: tuple[str, ...]) -> Incident:
    """Back to troubleshooting: milestones and texts go to the log, and impact, clock and pages begin anew."""
    incident = move.incident
    logged: dict[str, Any] = {
        name: getattr(incident, name) for name in (*milestones, "mitigation", "resolution")
    }
    logged["mitigation_inferred"] = incident.mitigation_inferred
    logged["all_clears"] = impacts.withdraw_all_clears(incident)
    for name in milestones:
        setattr(incident, name, None)
    incident.mitigation = incident.resolution = ""
    incident.mitigation_inferred = False
    incident.troubleshooting_at = incident.troubleshooting_at or move.at
    incident.update_due_at = communication.due(incident, at=move.at, state=State.TROUBLESHOOTING)
    done = moves.finish(move, to=State.TROUBLESHOOTING, text=text, data={"before": logged})
    impacts.begin(done, at=move.effective_at)
    engagement.call_again(done, by=move.by, at=move.at)
    return done


@transaction.atomic
def resolve(
    incident: Incident,
    *,
    text: str,
    by: User | None,
    at: datetime,
    severity: Severity | None = None,
    reason: str = "",
    effective_at: datetime | None = None,
    expected_version: int | None = None,
) -> Incident:
    """T9. It is fixed, and the services that were hurt say so. Pages end, no update is owed any more.

    One that was never mitigated counts as mitigated when resolved, and is marked so (case D03). ``reason`` excuses
    a temporary mitigation that is still in place.
    """
    move = moves.begin(
        "resolve", incident, by=by, at=at, effective_at=effective_at, expected_version=expected_version,
        text=text, severity=severity, reason=reason,
    )  # fmt: skip
    if move.repeated:
        return move.incident
    incident = move.incident
    text = clean_text(text).strip()
    _take_missing_severity(move, severity)
    _begin_impact_if_unsaid(move)
    incident.resolved_at, incident.resolution = move.effective_at, text
    if incident.mitigated_at is None:
        incident.mitigated_at, incident.mitigation_inferred = move.effective_at, True
    incident.update_due_at = None
    done = moves.finish(move, to=State.RESOLVED, text=_because(f"Resolved: {text}", move))
    impacts.end(done, at=done.mitigated_at)
    engagement.end_pages(done, by=by, at=at, reason="resolved")
    return done


# -- shared ------------------------------------------------------------------------------------------------
def _take_severity(move: Move, severity: Severity) -> None:
    incident = move.incident
    incident.severity = severity
    incident.classified_at = incident.classified_at or move.at
    incident.update_due_at = communication.due(incident, at=move.at)


def _take_missing_severity(move: Move, severity: Severity | None) -> None:
    if severity is None or severity == move.incident.severity:
        return
    if move.incident.severity is not None:
        raise DomainError(
            "severity_set",
            f"{move.incident.key} is {move.incident.severity}: change its severity by itself first.",
        )
    _take_severity(move, severity)


def _severity_data(move: Move, severity: Severity) -> dict[str, Any]:
    """What was decided, what the rules suggested, and which version of the policy held."""
    suggestion, rule = classification.suggested(move.incident, at=move.at)
    policy = severity.history.order_by("-history_id").values_list("history_id", flat=True).first()
    return {
        "severity": severity.slug,
        "suggested": suggestion.slug if suggestion else None,
        "rule": rule,
        "policy_version": policy,
    }


def _begin_impact_if_unsaid(move: Move) -> None:
    """One that was never declared began to hurt when it was detected, as far as anybody knows."""
    incident = move.incident
    incident.impact_started_at = incident.impact_started_at or incident.detected_at
    if not incident.impacts.exists():
        impacts.begin(incident, at=incident.impact_started_at)


def _because(text: str, move: Move) -> str:
    return f"{text} Reason: {move.reason}" if move.reason else text
