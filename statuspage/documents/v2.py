"""Statuspage's public API v2, field for field (field/statuspage.md section 2).

Clients use fixed patterns and typed decoders: every nullable key is present, every instant has three
fraction digits and the offset of the page's zone.
"""

import json
from collections.abc import Iterable
from datetime import datetime

from statuspage.documents.page import INCIDENT, MAINTENANCE, Component, Page, Post, Update

NEWEST = 50
UNRESOLVED = {"investigating", "identified", "monitoring"}
UPCOMING = {"scheduled"}
ACTIVE = {"in_progress", "verifying"}


def summary(page: Page) -> bytes:
    """``summary.json``: what is wrong and planned now."""
    return _document(
        page,
        components=_components(page),
        incidents=_posts(page, INCIDENT, UNRESOLVED),
        scheduled_maintenances=_posts(page, MAINTENANCE, UPCOMING | ACTIVE),
        status=_status(page),
    )


def status(page: Page) -> bytes:
    """``status.json``: the roll-up alone."""
    return _document(page, status=_status(page))


def components(page: Page) -> bytes:
    """``components.json``: every public component, groups included."""
    return _document(page, components=_components(page))


def incidents(page: Page) -> bytes:
    """``incidents.json``: the 50 newest, every state."""
    return _document(page, incidents=_posts(page, INCIDENT)[:NEWEST])


def unresolved(page: Page) -> bytes:
    """``incidents/unresolved.json``."""
    return _document(page, incidents=_posts(page, INCIDENT, UNRESOLVED))


def maintenances(page: Page) -> bytes:
    """``scheduled-maintenances.json``: the 50 newest, every state."""
    return _document(page, scheduled_maintenances=_posts(page, MAINTENANCE)[:NEWEST])


def upcoming(page: Page) -> bytes:
    """``scheduled-maintenances/upcoming.json``."""
    return _document(page, scheduled_maintenances=_posts(page, MAINTENANCE, UPCOMING))


def active(page: Page) -> bytes:
    """``scheduled-maintenances/active.json``."""
    return _document(page, scheduled_maintenances=_posts(page, MAINTENANCE, ACTIVE))


def post(page: Page, one: Post) -> bytes:
    """``incidents/<id>.json`` and ``scheduled-maintenances/<id>.json``: undocumented, but asked for."""
    key = "incident" if one.kind == INCIDENT else "scheduled_maintenance"
    return _document(page, **{key: post_row(page, one)})


def _document(page: Page, **parts: object) -> bytes:
    site = page.site
    head = {
        "id": site.id,
        "name": site.name,
        "url": site.url,
        "time_zone": "Etc/UTC" if site.time_zone == "UTC" else site.time_zone,
        "updated_at": instant(page, site.updated_at),
    }
    return json.dumps({"page": head, **parts}, ensure_ascii=False, separators=(",", ":")).encode()


def _status(page: Page) -> dict:
    return {"indicator": page.status.indicator, "description": page.status.description}


def instant(page: Page, at: datetime | None) -> str | None:
    if at is None:
        return None
    text = at.astimezone(page.site.zone).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _components(page: Page) -> list[dict]:
    return [component_row(page, component) for component in page.components]


def component_row(page: Page, one: Component) -> dict:
    row = {
        "id": one.id,
        "name": one.name,
        "status": one.status,
        "created_at": instant(page, one.created_at),
        "updated_at": instant(page, one.updated_at),
        "position": one.position,
        "description": one.description or None,
        "showcase": one.showcase and not one.group,
        "start_date": one.start_date.isoformat() if one.start_date and not one.group else None,
        "group_id": one.group_id,
        "page_id": page.site.id,
        "group": one.group,
        "only_show_if_degraded": one.only_show_if_degraded,
    }
    return row | {"components": list(one.children)} if one.group else row


def _posts(page: Page, kind: str, states: Iterable[str] | None = None) -> list[dict]:
    """Newest first; a withdrawn maintenance is shown as completed, which every client knows."""
    chosen = [one for one in page.of_kind(kind) if states is None or one.status in states]
    chosen.sort(key=lambda one: one.scheduled_for or one.started_at, reverse=True)
    if kind == MAINTENANCE and states is not None:
        chosen.reverse()  # what comes next comes first
    return [post_row(page, one) for one in chosen]


def post_row(page: Page, one: Post) -> dict:
    known = page.by_id
    row = {
        "id": one.id,
        "name": one.name,
        "status": public_state(one.status),
        "created_at": instant(page, one.created_at),
        "updated_at": instant(page, one.updated_at),
        "monitoring_at": instant(page, one.monitoring_at),
        "resolved_at": instant(page, one.resolved_at),
        "impact": one.impact,
        "shortlink": f"{page.site.url}/incidents/{one.id}/",
        "started_at": instant(page, one.started_at),
        "page_id": page.site.id,
        "incident_updates": [update_row(page, one, update) for update in one.updates],
        "components": [component_row(page, known[code]) for code, _ in one.affected if code in known],
        "reminder_intervals": None,
    }
    if one.kind == MAINTENANCE:
        row["scheduled_for"] = instant(page, one.scheduled_for)
        row["scheduled_until"] = instant(page, one.scheduled_until)
    return row


def public_state(state: str) -> str:
    return "completed" if state == "cancelled" else state


def update_row(page: Page, one: Post, update: Update) -> dict:
    return {
        "id": update.id,
        "status": public_state(update.status),
        "body": update.body,
        "incident_id": one.id,
        "created_at": instant(page, update.created_at),
        "updated_at": instant(page, update.updated_at),
        "display_at": instant(page, update.display_at),
        "affected_components": [_affected(row) for row in update.affected] if update.affected else None,
        "deliver_notifications": update.deliver_notifications,
        "custom_tweet": None,
        "tweet_id": None,
    }


def _affected(row) -> dict:
    return {
        "code": row.code,
        "name": row.name,
        "old_status": row.old_status,
        "new_status": row.new_status,
    }
