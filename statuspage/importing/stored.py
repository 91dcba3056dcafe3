"""What is here and what came in, said in the same words, so that the two can be compared.

Times of writing are left out: what counts is what a reader sees.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from statuspage.importing.spells import Baseline
from statuspage.importing.value import Event, Part, Site, Spell
from statuspage.models import ComponentImpact, Post, StatusPage

State = dict[str, Any]


def mark(state: State) -> str:
    """A short mark that differs where the state differs."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]


def differing(one: State, other: State) -> tuple[str, ...]:
    """The names of what differs."""
    return tuple(key for key in other if one.get(key) != other[key])


# -- as it came in -------------------------------------------------------------------------------------------
def of_site(site: Site, zone: str) -> State:
    return {"name": site.name, "time zone": site.time_zone or zone, "id": site.id}


def of_part(part: Part, baseline: Baseline) -> State:
    return {
        "name": part.name,
        "description": part.description,
        "group": part.group_id,
        "position": part.position,
        "is_group": part.is_group,
        "status": baseline.status,
        "showcase": part.showcase,
        "start date": _text(part.start_date),
        "hidden while well": part.only_show_if_degraded,
        "visible": part.visible,
    }


def of_event(event: Event, spells: Iterable[Spell]) -> State:
    return {
        "kind": event.kind,
        "title": event.name,
        "status": event.status,
        "impact": event.impact,
        "impact override": event.impact_override,
        "start": _text(event.started_at),
        "monitoring": _text(event.monitoring_at),
        "end": _text(event.resolved_at),
        "window": [_text(event.scheduled_for), _text(event.scheduled_until)],
        "by the clock": [event.auto_start, event.auto_complete, event.notify_at_start, event.notify_at_end],
        "backfilled": event.backfilled,
        "components": sorted(event.components),
        "updates": sorted(
            [
                told.id,
                told.status,
                told.body,
                _text(told.display_at),
                sorted(map(list, told.affected)),
                told.delivered,
            ]
            for told in event.updates
        ),
        "impacts": _in_order(
            [spell.component, spell.status, _text(spell.start), _text(spell.end)] for spell in spells
        ),
    }


# -- as it is here -------------------------------------------------------------------------------------------
def site(page: StatusPage) -> State:
    return {"name": page.name, "time zone": page.time_zone, "id": page.public_id}


def parts(page: StatusPage) -> dict[str, State]:
    """Every component of the page, by public id."""
    rows = list(page.components.all())
    ids = {row.pk: row.public_id for row in rows}
    return {
        row.public_id: {
            "name": row.name,
            "description": row.description,
            "group": ids.get(row.parent_id),
            "position": row.position,
            "is_group": row.is_group,
            "status": row.status,
            "showcase": row.showcase,
            "start date": _text(row.start_date),
            "hidden while well": row.only_show_if_degraded,
            "visible": row.visible,
        }
        for row in rows
    }


def events(page: StatusPage) -> dict[str, State]:
    """Every post of the page, by public id. Four queries."""
    impacts = defaultdict(list)
    rows = ComponentImpact.objects.filter(post__page=page).values_list(
        "post_id", "component__public_id", "status", "start", "end"
    )
    for post_id, component, status, start, end in rows:
        impacts[post_id].append([component, status, _text(start), _text(end)])
    named = defaultdict(list)
    through = Post.components.through.objects.filter(post__page=page)
    for post_id, component in through.values_list("post_id", "component__public_id"):
        named[post_id].append(component)
    return {
        post.public_id: _post(post, named[post.pk], impacts[post.pk])
        for post in page.posts.prefetch_related("updates")
    }


def _post(post: Post, components: list[str], impacts: list[list]) -> State:
    return {
        "kind": post.kind,
        "title": post.name,
        "status": post.status,
        "impact": post.impact,
        "impact override": post.impact_override,
        "start": _text(post.started_at),
        "monitoring": _text(post.monitoring_at),
        "end": _text(post.resolved_at),
        "window": [_text(post.scheduled_for), _text(post.scheduled_until)],
        "by the clock": [post.auto_start, post.auto_complete, post.notify_at_start, post.notify_at_end],
        "backfilled": post.backfilled,
        "components": sorted(components),
        "updates": sorted(
            [
                told.public_id,
                told.status,
                told.body,
                _text(told.display_at),
                sorted([one["code"], one["old_status"], one["new_status"]] for one in told.affected),
                told.deliver_notifications,
            ]
            for told in post.updates.all()
        ),
        "impacts": _in_order(impacts),
    }


def _in_order(rows: Iterable[list]) -> list[list]:
    return sorted(rows, key=lambda row: [value or "" for value in row])


def _text(value: datetime | Any | None) -> str | None:
    return value.isoformat() if value is not None else None
