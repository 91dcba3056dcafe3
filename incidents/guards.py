"""The guards that ``incidents.transitions`` names: each finds one fault and says it in a sentence.

A guard takes the incident as it is before the verb, the fields the verb was given, and the present instant; it
answers with a sentence for a person, or with nothing when all is well. Its name is the refusal's code.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from incidents import classification, impacts
from incidents.models import Incident
from incidents.transitions import Verb
from oncall.messaging.errors import DomainError

Guard = Callable[[Incident, dict[str, Any], datetime], str]
UNMERGE_WITHIN = timedelta(days=30)
REOPEN_WITHIN = timedelta(days=14)


def title_missing(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    return "" if _text(fields, "title") else "Say in a few words what is wrong: the title is empty."


def text_missing(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    return "" if _text(fields, "text") else "Say in a sentence what was done: the text is empty."


def reason_missing(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    return "" if _text(fields, "reason") else "Give a reason: the next person will want to know why."


def service_missing(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    told = fields.get("services") or incident.summary or incident.description or _text(fields, "summary")
    if told or (incident.pk and incident.affected_services.exists()):
        return ""
    return "Name an impacted service, or describe what is wrong."


def severity_missing(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    found = fields.get("severity") or incident.severity_id
    return "" if found else f"{incident.key} has no severity yet: choose one."


def all_clear_missing(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    severity = fields.get("severity") or incident.severity
    if severity is None or not severity.all_clear_required:
        return ""
    waiting = [service.name for service in impacts.not_clear(incident)]
    if not waiting:
        return ""
    return f"{severity.name} incidents need the all-clear of each impacted service. Missing: {', '.join(waiting)}."


def mitigation_active(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    count = incident.tasks.filter(undoes_mitigation=True, done_at__isnull=True).count()
    return f"{_many(count, 'temporary mitigation')} still to be taken out." if count else ""


def tasks_open(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    count = incident.tasks.filter(undoes_mitigation=False, done_at__isnull=True).count()
    return (
        f"{_many(count, 'task')} still open; turn what outlives the incident into an action item."
        if count
        else ""
    )


def update_unsent(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    since = incident.mitigated_at or incident.declared_at or incident.detected_at
    told = incident.updates.filter(at__gte=since).exists() if since else False
    return "" if told else "Nobody was sent an update since the last change of state."


def cause_missing(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    return "" if _text(fields, "text") else "The cause is not described."


def differs_from_rule(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    suggestion, rule = classification.suggested(incident, at=at)
    chosen = fields.get("severity")
    if suggestion is None or chosen is None or suggestion == chosen:
        return ""
    return f"The rules suggest {suggestion.name}: {rule}"


def lowered_without_reason(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    lowered = incident.severity and fields["severity"].rank > incident.severity.rank
    return "Give a reason for lowering the severity." if lowered and not _text(fields, "reason") else ""


def review_mandatory(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    severity = incident.severity
    if severity is None or not severity.review_required:
        return ""
    return f"{severity.name} incidents are always reviewed: start the review instead."


def review_due(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    if incident.state != "resolved" or incident.severity is None or not incident.severity.review_required:
        return ""
    return f"{incident.severity.name} incidents are reviewed before they are closed: start the review."


def actions_open(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    count = incident.open_actions
    return f"{_many(count, 'action item')} still open: finish, or waive with a reason." if count else ""


def cause_unknown(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    asked = {
        "root_cause_type": "the root cause",
        "root_cause_service": "the service that caused it",
        "detection_method": "how it was detected",
    }
    missing = [words for name, words in asked.items() if not (fields.get(name) or getattr(incident, name))]
    return f"Before the review is approved, fill in {' and '.join(missing)}." if missing else ""


def closed_long_ago(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    if incident.closed_at is None or at - incident.closed_at <= REOPEN_WITHIN:
        return ""
    return "It was closed more than 14 days ago; a new incident that names this one is usually clearer."


def cannot_merge_there(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    into = fields["into"]
    if into.pk == incident.pk:
        return "An incident cannot be merged into itself."
    if not into.is_open:
        return f"{into.key} is {into.get_state_display().lower()}; merge into an open incident."
    if incident.private and not into.private:
        return f"{incident.key} is private and {into.key} is not: make {into.key} private first."
    return ""


def merged_long_ago(incident: Incident, fields: dict[str, Any], at: datetime) -> str:
    if incident.ended_at is None or at - incident.ended_at <= UNMERGE_WITHIN:
        return ""
    return "It was merged more than 30 days ago; declare a new incident instead."


BY_NAME: dict[str, Guard] = {
    guard.__name__: guard
    for guard in (
        title_missing, text_missing, reason_missing, service_missing, severity_missing, all_clear_missing,
        mitigation_active, tasks_open, update_unsent, cause_missing, differs_from_rule, lowered_without_reason,
        review_mandatory, review_due, actions_open, cause_unknown, closed_long_ago, cannot_merge_there,
        merged_long_ago,
    )
}  # fmt: skip

# Checked by ``moves.finish`` on the times as they would be written, not before.
WHEN_WRITTEN = "times_out_of_order"


def check(row: Verb, incident: Incident, fields: dict[str, Any], at: datetime) -> list[str]:
    """Refuse by the first hard guard that finds a fault; return the sentences of those that only warn."""
    for name in row.hard:
        sentence = "" if name == WHEN_WRITTEN else BY_NAME[name](incident, fields, at)
        if sentence:
            raise DomainError(name, sentence)
    for name in row.excusable:
        sentence = BY_NAME[name](incident, fields, at)
        if sentence and not _text(fields, "reason"):
            raise DomainError(name, f"{sentence} Give a reason to go on all the same.")
    return warnings(row, incident, fields, at)


def warnings(row: Verb, incident: Incident, fields: dict[str, Any], at: datetime) -> list[str]:
    """What a form should say before the verb is used: faults that a reason excuses, and mere warnings."""
    found = (BY_NAME[name](incident, fields, at) for name in (*row.excusable, *row.soft))
    return [sentence for sentence in found if sentence]


def _text(fields: dict[str, Any], name: str) -> str:
    return str(fields.get(name) or "").strip()


def _many(count: int, noun: str) -> str:
    return f"{count} {noun} is" if count == 1 else f"{count} {noun}s are"
