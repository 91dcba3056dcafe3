"""What a webhook is sent, in Statuspage's shapes (cases/statuspage_v2/webhook_*.json), and its challenge. Pure.

Each body is JSON in ASCII with ``{{unsubscribe_url}}`` left open for its receiver; what people wrote opens
nothing.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from statuspage.documents import v2
from statuspage.documents.page import INCIDENT, Component, Page, Post

#: How a body names itself in the header X-Event.
EVENT = {"incident": "incident", "maintenance": "maintenance"}
COMPONENT_UPDATE, CHALLENGE = "component_update", "challenge"
_OPEN = re.compile(r"\\u0001([a-z_]+)\\u0001")


@dataclass(frozen=True)
class Planned:
    """What a webhook tells of a post beyond what pages show."""

    backfilled: bool = False
    impact_override: str = ""
    remind_prior: bool = False
    reminded_at: datetime | None = None
    auto_start: bool = False
    auto_complete: bool = False


@dataclass(frozen=True)
class Change:
    """A component's status as it was and as it is, at one instant."""

    id: str
    component_id: str
    old_status: str
    new_status: str
    at: datetime


def post(page: Page, one: Post, planned: Planned, *, documentation: str) -> str:
    """The body about an update of an incident or a maintenance: the whole post, newest update first."""
    return _written(page, documentation, incident=_incident(page, one, planned))


def component_update(page: Page, component: Component, change: Change, *, documentation: str) -> str:
    """The body about a component whose status has changed."""
    row = v2.component_row(page, component) | {"status": change.new_status}
    told = {
        "id": change.id,
        "component_id": change.component_id,
        "component_type": "Component",
        "old_status": change.old_status,
        "new_status": change.new_status,
        "created_at": v2.instant(page, change.at),
    }
    kept = {name: value for name, value in row.items() if name not in _NOT_IN_AN_UPDATE}
    return _written(page, documentation, component_update=told, component=kept)


_NOT_IN_AN_UPDATE = {"start_date", "group", "only_show_if_degraded"}


def challenge(page: Page, *, documentation: str) -> str:
    """The body that comes before everything else: to be echoed, or confirmed by opening its link."""
    return _written(
        page, documentation, challenge=left_open("challenge"), confirm_url=left_open("confirm_url")
    )


def manage(page: Page, *, documentation: str) -> str:
    """The body for an endpoint that is subscribed already and was entered again."""
    return _written(page, documentation, manage_url=left_open("manage_url"))


def _written(page: Page, documentation: str, **parts: object) -> str:
    meta = {
        "unsubscribe": left_open("unsubscribe_url"),
        "documentation": documentation,
        "generated_at": v2.instant(page, page.as_of),
    }
    status = page.status
    head = {
        "id": page.site.id,
        "status_indicator": status.indicator,
        "status_description": status.description,
    }
    return written({"meta": meta, "page": head, **parts})


def left_open(name: str) -> str:
    """A mark that no text of a person can hold, since control characters are taken out of those."""
    return f"\x01{name}\x01"


def written(body: dict) -> str:
    """JSON in which the marks are placeholders, and no other pair of braces looks like one."""
    text = json.dumps(body, separators=(",", ":"))
    return _OPEN.sub(r"{{\1}}", re.sub(r"\{(?=\{)", r"\\u007b", text))


def _incident(page: Page, one: Post, planned: Planned) -> dict:
    row = v2.post_row(page, one)
    shared = {name: row[name] for name in _OF_A_POST}
    window = {
        "scheduled_for": v2.instant(page, one.scheduled_for),
        "scheduled_until": v2.instant(page, one.scheduled_until),
    }
    about = _postmortem(page, one) | {
        "backfilled": planned.backfilled,
        "impact_override": planned.impact_override or None,
    }
    reminders = {
        "scheduled_remind_prior": planned.remind_prior,
        "scheduled_reminded_at": v2.instant(page, planned.reminded_at),
        "scheduled_auto_in_progress": planned.auto_start,
        "scheduled_auto_completed": planned.auto_complete,
    }
    if one.kind == INCIDENT:
        return shared | about | window | reminders
    return shared | window | about | reminders


_OF_A_POST = (
    "id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact", "shortlink",
    "page_id", "incident_updates", "components",
)  # fmt: skip


def _postmortem(page: Page, one: Post) -> dict:
    told = next((update for update in one.updates if update.status == "postmortem"), None)
    return {
        "postmortem_ignored": False,
        "postmortem_body": told.body if told else None,
        "postmortem_body_last_updated_at": v2.instant(page, told.updated_at) if told else None,
        "postmortem_published_at": v2.instant(page, told.created_at) if told else None,
        "postmortem_notified_subscribers": told.deliver_notifications if told else False,
        "postmortem_notified_twitter": False,
    }
