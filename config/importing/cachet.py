"""Cachet: the answers of its API ``/api/v1`` (2.3 and 2.4) and of the JSON:API of Cachet 3 (``/api``).

Both become flat entries with the keys of 2.4. Cachet keeps neither how badly an incident hit its components nor
when a component changed: incidents therefore count no downtime, and say so.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.importing.entries import Document, Entry, unwrap
from config.importing.past import Draft, instant, need_instant, truth
from statuspage import rollup
from statuspage.importing import Event, Part, Past, Spell, Told
from statuspage.models import Post

WRAPPERS = {"data", "included"}
COMPONENT = {
    1: rollup.OPERATIONAL,
    2: rollup.DEGRADED,
    3: rollup.PARTIAL,
    4: rollup.MAJOR,
    6: rollup.MAINTENANCE,
}
UNKNOWN = {0, 5}
INCIDENT = {1: "investigating", 2: "identified", 3: "monitoring", 4: "resolved"}
SCHEDULE = {0: "scheduled", 1: "in_progress", 2: "completed"}
OLD_SCHEDULED = 0  # 2.3 kept a planned maintenance as an incident of this status
PUBLIC = 1
HOUR = timedelta(hours=1)
#: Types of Cachet 3 by their name without hyphens and case.
TYPES = {
    "components": "component",
    "componentgroups": "group",
    "incidents": "incident",
    "schedules": "schedule",
    "updates": "update",
    "incidentupdates": "update",
    "subscribers": "subscriber",
}


def parse(documents: list[Document], zone: ZoneInfo | None = None) -> Past:
    """Everything about the page; its times carry no offset and are read on the clock of ``zone`` (UTC)."""
    draft, found = Draft("cachet"), defaultdict(dict)
    for entry in unwrap(documents, WRAPPERS):
        _sort_in(draft, found, entry)
    reader = _Reader(draft, zone or ZoneInfo("UTC"), found["update"].values())
    for entry in found["group"].values():
        reader.group(entry)
    for entry in found["component"].values():
        reader.component(entry)
    for entry in found["incident"].values():
        reader.incident(entry)
    for entry in found["schedule"].values():
        reader.schedule(entry)
    for entry in found["subscriber"].values():
        reader.subscriber(entry)
    if draft.parts or draft.events:
        draft.remark(None, "Cachet's API does not name the page: give it its name and time zone here.")
    if reader.unweighed:
        draft.remark(
            None,
            f"{reader.unweighed} incidents do not say how badly their components were hit (Cachet keeps no such "
            "history): they count no downtime, and their impact is minor.",
        )
    if reader.hidden:
        draft.remark(None, f"{reader.hidden} incidents were not public there; left out.")
    if reader.unverified:
        draft.remark(None, f"{reader.unverified} subscribers have not confirmed there; left out.")
    return draft.finish()


def _sort_in(draft: Draft, found: dict[str, dict[str, Entry]], entry: Entry) -> None:
    entry = _flat(entry)
    kind = entry.kind or _kind(entry)
    if not kind:
        if "errors" in entry.value or "message" in entry.value:
            raise entry.fault("is an error that the API answered, not what was asked for")
        draft.remark(entry, "not a component, group, incident, update, schedule or subscriber; left out.")
    elif not entry.value.get("deleted_at"):
        key = f"{entry.text('updateable_type', '')}:{entry.text('id')}"
        if key not in found[kind] or len(entry.value) >= len(found[kind][key].value):
            found[kind][key] = entry


def _flat(entry: Entry) -> Entry:
    """A resource of JSON:API with the keys of 2.4; anything else as it is."""
    attributes = entry.value.get("attributes")
    if not isinstance(attributes, dict):
        return Entry(entry.value, entry.place)
    flat: dict[str, Any] = {"id": entry.value.get("id")}
    for key, value in attributes.items():
        if isinstance(value, dict) and "string" in value:
            flat[key if key.endswith("_at") else f"{key}_at"] = value["string"]
        elif isinstance(value, dict) and "value" in value:
            flat[key] = value["value"]
        elif key != "id":
            flat[key] = value
    relations = entry.value.get("relationships")
    for key, relation in relations.items() if isinstance(relations, dict) else ():
        data = relation.get("data") if isinstance(relation, dict) else None
        rows = data if isinstance(data, list) else [data] if isinstance(data, dict) else []
        flat[f"{key}_ids"] = [row.get("id") for row in rows if isinstance(row, dict)]
    kind = "".join(letter for letter in entry.text("type", "").lower() if letter.isalpha())
    return Entry(flat, entry.place, TYPES.get(kind, ""))


def _kind(entry: Entry) -> str:
    """What 2.x answers does not name its kind; its keys tell it."""
    if entry.has("email") and not entry.has("username"):
        return "subscriber"
    if entry.has("incident_id", "message"):
        return "update"
    if entry.has("collapsed") or entry.has("enabled_components"):
        return "group"
    if entry.has("visible", "message"):
        return "incident"
    if entry.has("scheduled_at", "message"):
        return "schedule"
    return "component" if entry.has("status", "group_id") else ""


class _Reader:
    """Reads flat entries into the draft, and counts what cannot be taken."""

    def __init__(self, draft: Draft, zone: ZoneInfo, updates) -> None:
        self.draft, self.zone = draft, zone
        self.unweighed = self.hidden = self.unverified = 0
        self.alone: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in updates:
            owner = entry.text("incident_id", "") or entry.text("updateable_id", "")
            kind = "schedule" if "schedule" in entry.text("updateable_type", "").lower() else "incident"
            self.alone[kind, owner].append(entry)

    def at(self, entry: Entry, key: str) -> datetime | None:
        return instant(entry, key, self.zone)

    # -- components -------------------------------------------------------------------------------------------
    def group(self, entry: Entry) -> None:
        self.draft.part(
            entry,
            Part(
                id=self.draft.key("group", entry.text("id")),
                name=self.draft.name(entry),
                is_group=True,
                position=_position(entry),
                showcase=False,
                visible=_public(entry),
                created_at=self.at(entry, "created_at"),
                updated_at=self.at(entry, "updated_at"),
            ),
        )

    def component(self, entry: Entry) -> None:
        status = entry.number("status", 1)
        if status in UNKNOWN:
            self.draft.remark(entry, "a component whose status is unknown there counts as operational.")
        elif status not in COMPONENT:
            raise entry.fault(f"{status} is not known; known are 1 to 6", "status")
        group = next(iter(entry.value.get("group_ids") or []), None) or entry.text("group_id", "0")
        self.draft.part(
            entry,
            Part(
                id=self.draft.key("component", entry.text("id")),
                name=self.draft.name(entry),
                group_id=self.draft.key("group", str(group)) if str(group) != "0" else None,
                description=self.draft.body(entry, "description"),
                position=_position(entry),
                status=COMPONENT.get(status, rollup.OPERATIONAL),
                visible=truth(entry, "enabled", True),
                created_at=self.at(entry, "created_at"),
                updated_at=self.at(entry, "updated_at"),
            ),
        )

    # -- incidents --------------------------------------------------------------------------------------------
    def incident(self, entry: Entry) -> None:
        if not _public(entry):
            self.hidden += 1
            return
        if entry.number("status", -1) == OLD_SCHEDULED:
            self.planned(entry, "incident", SCHEDULE[0])
            return
        created = need_instant(entry, "created_at", self.zone)
        started = self.at(entry, "occurred_at") or created
        key = self.draft.key("incident", entry.text("id"))
        updates = self.updates(entry, started, "incident", _state(entry, INCIDENT))
        status = updates[-1].status
        changed = self.at(entry, "updated_at") or created
        closing = [told.display_at for told in updates[1:] if told.status == "resolved"]
        components = self.components(entry)
        self.unweighed += bool(components)
        self.put(
            entry,
            Event(
                id=key,
                kind=Post.Kind.INCIDENT,
                name=self.draft.name(entry),
                status=status,
                impact="minor",
                started_at=started,
                created_at=created,
                updated_at=changed,
                resolved_at=max(started, min(closing, default=changed)) if status == "resolved" else None,
                components=components,
                updates=updates,
                spells=(),
            ),
        )

    def updates(self, entry: Entry, started: datetime, kind: str, status: str) -> tuple[Told, ...]:
        """The first message, then what was added to it, in the order in which it was told."""
        items = [*entry.entries("updates"), *self.alone[kind, entry.text("id")]]
        later = {item.text("id"): item for item in items}
        found = []
        for item in later.values():
            at = need_instant(item, "created_at", self.zone)
            said = _state(item, INCIDENT) if kind == "incident" else status
            changed = self.at(item, "updated_at") or at
            ident = self.draft.key(f"{kind}-update", item.text("id"))
            told = Told(ident, said, self.draft.body(item, "message"), at, at, changed)
            found.append(self.draft.told(item, told))
        first = Told(
            self.draft.key(f"{kind}-first", entry.text("id")),
            "investigating" if found and kind == "incident" else status,
            self.draft.body(entry, "message"),
            started,
            started,
            started,
        )
        return (
            self.draft.told(entry, first),
            *sorted(found, key=lambda told: (told.display_at, told.id)),
        )

    def components(self, entry: Entry) -> tuple[str, ...]:
        """By one id (2.x), by rows that join (schedules of 2.4), or by relation (3)."""
        ids = [entry.text("component_id", "0"), *map(str, entry.value.get("components_ids") or [])]
        for row in entry.entries("components"):
            ids.append(row.text("component_id", "") or row.text("id", "0"))
        known = dict.fromkeys(ident for ident in ids if ident not in ("0", "None"))
        return tuple(self.draft.key("component", ident) for ident in known)

    # -- maintenance ------------------------------------------------------------------------------------------
    def schedule(self, entry: Entry) -> None:
        self.planned(entry, "schedule", _state(entry, SCHEDULE))

    def planned(self, entry: Entry, kind: str, status: str) -> None:
        begin = need_instant(entry, "scheduled_at", self.zone)
        created = self.at(entry, "created_at") or begin
        changed = self.at(entry, "updated_at") or created
        end = self.at(entry, "completed_at")
        if end is None or end <= begin:
            end = begin + HOUR
            self.draft.remark(entry, "a maintenance whose end is not known there is taken as one hour.")
        components = self.components(entry)
        over = end if status == "completed" else None
        spells = tuple(Spell(one, rollup.MAINTENANCE, begin, over) for one in components)
        self.put(
            entry,
            Event(
                id=self.draft.key(kind, entry.text("id")),
                kind=Post.Kind.MAINTENANCE,
                name=self.draft.name(entry),
                status=status,
                impact="maintenance",
                started_at=min(created, begin),
                created_at=created,
                updated_at=changed,
                resolved_at=over,
                scheduled_for=begin,
                scheduled_until=end,
                components=components,
                updates=self.updates(entry, min(created, begin), kind, status),
                spells=spells if status != "scheduled" else (),
            ),
        )

    def put(self, entry: Entry, event: Event) -> None:
        self.draft.events[event.id] = event
        self.draft.places[event.id] = entry.place

    # -- subscribers ------------------------------------------------------------------------------------------
    def subscriber(self, entry: Entry) -> None:
        if not (entry.value.get("verified_at") or entry.value.get("verified") is True):
            self.unverified += 1
            return
        rows = entry.entries("subscriptions")
        chosen = [row.text("component_id") for row in rows] + list(
            map(str, entry.value.get("components_ids") or [])
        )
        everything = truth(entry, "global", True)
        components = () if everything else tuple(self.draft.key("component", one) for one in chosen)
        if not everything and not components:
            self.draft.remark(entry, "a subscriber chose components that the files do not name; left out.")
            return
        self.draft.reader(
            entry, entry.text("id"), entry.text("email"), components, self.at(entry, "created_at")
        )


def _public(entry: Entry) -> bool:
    """For everybody: neither for signed-in people only, nor hidden."""
    value = entry.value.get("visible", PUBLIC)
    return value is True or value in (PUBLIC, "1", None)


def _position(entry: Entry) -> int:
    return min(max(entry.number("order", 1), 0), 100_000)


def _state(entry: Entry, states: dict[int, str]) -> str:
    number = entry.number("status")
    if number not in states:
        raise entry.fault(f"{number} is not known; known are {', '.join(map(str, states))}", "status")
    return states[number]
