"""PagerDuty Events API v2: alerts and change events.

Any tool that can send to PagerDuty sends here with another address. Source: field/integrations.md 2.1 and
2.2; the complaints are worded as PagerDuty words them, because its clients print them.
"""

from collections.abc import Mapping

from incidents.intake.dialects.base import (
    MAX_KEY,
    Dialect,
    Event,
    Notification,
    ParseError,
    Status,
    digest,
    first,
    instant,
    key,
    labels,
    line,
    links,
    objects,
    paragraphs,
    plain,
)

ACTIONS = {
    "trigger": Status.FIRING,
    "acknowledge": Status.ACKNOWLEDGED,
    "resolve": Status.RESOLVED,
}
SEVERITIES = ("critical", "error", "warning", "info")


def complaints(body: dict) -> list[str]:
    """What PagerDuty itself would refuse in an alert event."""
    found = []
    action = line(body.get("event_action"))
    if action not in ACTIONS:
        found.append("'event_action' must be one of 'trigger', 'acknowledge' or 'resolve'")
    if len(key(body.get("dedup_key"))) > MAX_KEY:
        found.append(f"'dedup_key' is too long (maximum is {MAX_KEY} characters)")
    if action in ("acknowledge", "resolve") and not key(body.get("dedup_key")):
        found.append("'dedup_key' is missing or blank")
    if action == "trigger":
        payload = _payload(body)
        found += [
            f"'payload.{name}' is missing or blank"
            for name in ("summary", "source")
            if not line(payload.get(name))
        ]
        if payload.get("severity") not in SEVERITIES:
            found.append("'payload.severity' must be one of 'critical', 'error', 'warning' or 'info'")
    return found


def change_complaints(body: dict) -> list[str]:
    """What PagerDuty itself would refuse in a change event."""
    return [] if line(_payload(body).get("summary")) else ["'payload.summary' is missing or blank"]


def dedup_key(body: dict) -> str:
    """The sender's key, or one made from the content: the same event sent again is the same alert."""
    return key(body.get("dedup_key")) or digest({**body, "routing_key": ""})


def parse(body: dict, headers: Mapping[str, str]) -> Notification:
    """One event; without an action it is a change, since only the change address takes those."""
    if problems := complaints(body) if body.get("event_action") else change_complaints(body):
        raise ParseError("; ".join(problems))
    payload = _payload(body)
    status = ACTIONS.get(line(body.get("event_action")), Status.CHANGE)
    own_key = dedup_key(body)
    raw = line(payload.get("severity"), 50)
    event = Event(
        dedup_key=own_key,
        group_key=own_key,
        status=status,
        severity=raw if raw in SEVERITIES else "",
        severity_raw=raw,
        summary=line(payload.get("summary")),
        description=_details(payload),
        service_hint=first(payload.get("component"), payload.get("group"), payload.get("class")),
        links=links(body.get("client_url"), *(link.get("href") for link in objects(body.get("links")))),
        labels=labels(
            {name: payload[name] for name in ("source", "component", "group", "class") if payload.get(name)}
        ),
        started_at=instant(payload.get("timestamp")),
    )
    return Notification(events=(event,), group_key=own_key)


def _payload(body: dict) -> dict:
    return body["payload"] if isinstance(body.get("payload"), dict) else {}


def _details(payload: dict) -> str:
    """The free-form details as lines of "name: value"."""
    details = payload.get("custom_details")
    if isinstance(details, dict):
        return paragraphs("\n".join(f"{name}: {plain(value)}" for name, value in details.items()))
    return paragraphs(details)


DIALECT = Dialect("pagerduty", "PagerDuty Events v2", parse, complaints)
