"""Prometheus Alertmanager, webhook version 4.

One request is one group: its alerts that fire and those that newly recovered. Sources: field/integrations.md
findings 6 and 3, and section 2.1.
"""

from collections.abc import Mapping
from typing import Any

from incidents.intake.dialects.base import (
    Dialect,
    Event,
    Notification,
    ParseError,
    Status,
    digest,
    first,
    instant,
    labels,
    line,
    links,
    objects,
    paragraphs,
    severity,
    short_key,
)

# The alert that always fires, to prove that alerting works.
HEARTBEAT_ALERT = "Watchdog"


def parse(body: dict, headers: Mapping[str, str]) -> Notification:
    """One event per member of the group."""
    members = objects(body.get("alerts"))
    group_status = line(body.get("status"))
    if not members and not (group_status == "resolved" and body.get("groupKey")):
        raise ParseError("There is no list of alerts, as Alertmanager's webhook sends it.")
    group_key = short_key(body.get("groupKey"))
    return Notification(
        events=tuple(_event(member, body, group_key) for member in members),
        group_key=group_key,
        group_status=group_status,
        # A group lists every member that fires, unless it was truncated; one that is over has none left.
        closes_unlisted=group_status == "resolved" or _truncated(body) == 0,
    )


def _event(member: dict, body: dict, group_key: str) -> Event:
    words = labels(member.get("labels"))
    notes = member.get("annotations") if isinstance(member.get("annotations"), dict) else {}
    status = _status(member, words)
    name = first(words.get("alertname"), "Alert without a name")
    raw = words.get("severity", "")
    return Event(
        dedup_key=short_key(member.get("fingerprint")) or digest(words),
        group_key=group_key,
        status=status,
        severity=severity(raw),
        severity_raw=raw,
        summary=line(notes.get("summary")) or line(f"{name} {words.get('instance', '')}"),
        description=paragraphs(notes.get("description") or notes.get("message")),
        service_hint=first(words.get("service"), words.get("job"), words.get("namespace")),
        links=links(member.get("generatorURL"), notes.get("runbook_url"), body.get("externalURL")),
        labels=words,
        started_at=instant(member.get("startsAt")),
        # While it fires this is the zero time or the time at which it will lapse.
        ended_at=instant(member.get("endsAt")) if status == Status.RESOLVED else None,
    )


def _status(member: dict, words: Mapping[str, str]) -> Status:
    """Everything but a recovery counts as firing: an unknown word must not silence an alert."""
    if line(member.get("status")).lower() == "resolved":
        return Status.RESOLVED
    return Status.HEARTBEAT if words.get("alertname") == HEARTBEAT_ALERT else Status.FIRING


def _truncated(body: dict) -> Any:
    return body.get("truncatedAlerts") or 0


DIALECT = Dialect("alertmanager", "Prometheus Alertmanager", parse)
