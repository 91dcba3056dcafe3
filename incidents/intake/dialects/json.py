"""Our own small format, for scripts and for tools that let you write the body (contract.md section 6)."""

from collections.abc import Mapping

from incidents.intake.dialects.base import (
    MAX_KEY,
    Dialect,
    Event,
    Notification,
    ParseError,
    Status,
    digest,
    instant,
    key,
    labels,
    line,
    links,
    paragraphs,
    severity,
)

STATUSES = {"firing": Status.FIRING, "acknowledged": Status.ACKNOWLEDGED, "resolved": Status.RESOLVED}


def complaints(body: dict) -> list[str]:
    """What a script's author must hear while she is still at the keyboard."""
    found = []
    if len(key(body.get("dedup_key"))) > MAX_KEY:
        found.append(f"'dedup_key' is longer than {MAX_KEY} characters")
    if not line(body.get("summary")) and not (key(body.get("dedup_key")) and _status(body) != Status.FIRING):
        found.append("'summary' is missing")
    return found


def parse(body: dict, headers: Mapping[str, str]) -> Notification:
    """One event. Without a key the same summary for the same service is the same alert."""
    if problems := complaints(body):
        raise ParseError("; ".join(problems))
    summary, service = line(body.get("summary")), line(body.get("service"), 200)
    raw = line(body.get("severity"), 50)
    event = Event(
        dedup_key=key(body.get("dedup_key")) or digest([summary, service]),
        status=_status(body),
        severity=severity(raw),
        severity_raw=raw,
        summary=summary,
        description=paragraphs(body.get("description")),
        service_hint=service,
        links=links(*_addresses(body.get("links"))),
        labels=labels(body.get("labels")),
        started_at=instant(body.get("started_at")),
    )
    return Notification(events=(event,))


def _status(body: dict) -> Status:
    """An unknown word counts as firing: it must not silence an alert."""
    return STATUSES.get(line(body.get("status")).lower(), Status.FIRING)


def _addresses(value: object) -> list:
    """Links as plain addresses or as objects with an ``href``."""
    items = value if isinstance(value, list) else [value]
    return [item.get("href") if isinstance(item, dict) else item for item in items]


DIALECT = Dialect("json", "JSON (your own scripts)", parse, complaints)
