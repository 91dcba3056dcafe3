"""Atlassian Statuspage: the public documents of ``/api/v2/`` and the lists of the manage API ``/v1/pages/{id}/``.

Both are recognised by their keys, may be mixed, and say the same of a thing in one shape; the manage API says more
(override, back-filled, what the clock does, subscribers). Fields: field/statuspage.md section 2, and the vendor's
reference of the manage API.
"""

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from config.importing.entries import Document, Entry, ImportFault, unwrap
from config.importing.past import (
    COMPONENT_STATUSES,
    IMPACTS,
    LONGEST_PAGE_NAME,
    POST_STATUSES,
    Draft,
    day,
    instant,
    need_instant,
    one_of,
    truth,
)
from statuspage import rollup
from statuspage.importing import Event, Part, Past, Site, Told
from statuspage.models import Post

WRAPPERS = {
    "page",
    "components",
    "component_groups",
    "incident",
    "incidents",
    "scheduled_maintenance",
    "scheduled_maintenances",
    "subscribers",
}
STATES = ("active", "unconfirmed", "quarantined")
NO_STATE = (
    "subscribers of a file whose name does not tell their state; save those of state=active as "
    "subscribers-active.json"
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(documents: list[Document], zone: ZoneInfo | None = None) -> Past:
    """Everything about one page; where a thing stands in several files, the one that says most of it counts.

    Its times carry their offset, so ``zone`` is not asked.
    """
    draft, found = Draft("statuspage"), defaultdict(dict)
    for entry in unwrap(documents, WRAPPERS):
        _sort_in(draft, found, entry)
    for entry in found["page"].values():
        _page(draft, entry)
    if len(found["page"]) > 1:
        raise ImportFault(f"The files are of {len(found['page'])} pages. Take over one page at a time.")
    holders = _holders(found["group"].values())
    for entry in [*found["group"].values(), *found["component"].values()]:
        _part(draft, entry, holders)
    for entry in found["post"].values():
        _event(draft, entry)
    _readers(draft, found["subscriber"].values())
    if found["template"]:
        draft.remark(None, f"{len(found['template'])} incident templates have no counterpart; left out.")
    return draft.finish()


def _sort_in(draft: Draft, found: dict[str, dict[str, Entry]], entry: Entry) -> None:
    kind = _kind(entry)
    if not kind:
        if "error" in entry.value or "message" in entry.value:
            raise entry.fault("is an error that the API answered, not what was asked for")
        draft.remark(entry, "not a page, component, group, incident, maintenance or subscriber; left out.")
        return
    ident = entry.text("id")
    other = found[kind].get(ident)
    if other is not None and kind == "page" and other.kind == "page":
        return  # a public document names the time zone as IANA does, the manage API in words of its own
    if other is None or entry.kind == "page" or _says(entry) >= _says(other):
        found[kind][ident] = entry


def _says(entry: Entry) -> tuple[int, str]:
    """How much an entry says of its thing, and how fresh it is."""
    return len(entry.value), str(entry.value.get("updated_at") or "")


def _kind(entry: Entry) -> str:
    """The wrapper's key names it in public documents; the manage API's lists are told by their keys."""
    if entry.has("incident_updates") or entry.kind in {
        "incident",
        "incidents",
        "scheduled_maintenance",
        "scheduled_maintenances",
    }:
        return "post"
    if entry.kind == "subscribers" or entry.has("mode", "created_at"):
        return "subscriber"
    if entry.kind == "component_groups" or (entry.has("components", "name") and not entry.has("status")):
        return "template" if entry.has("title", "body") else "group"
    if entry.kind == "components" or entry.has("status", "group_id"):
        return "component"
    if entry.has("title", "body"):
        return "template"
    return "page" if entry.kind == "page" or entry.has("name", "time_zone") else ""


def _page(draft: Draft, entry: Entry) -> None:
    draft.site = Site(
        draft.key("page", entry.text("id")),
        draft.name(entry, limit=LONGEST_PAGE_NAME),
        draft.zone(entry, entry.text("time_zone", "")),
    )


# -- components ------------------------------------------------------------------------------------------------
def _holders(groups) -> dict[str, str]:
    """The group of each component that a list of groups names."""
    return {child: entry.text("id") for entry in groups for child in entry.texts("components")}


def _part(draft: Draft, entry: Entry, holders: dict[str, str]) -> None:
    ident = entry.text("id")
    is_group = truth(entry, "group", not entry.has("status"))
    group = entry.text("group_id", "") or holders.get(ident, "")
    part = Part(
        id=draft.key("component", ident),
        name=draft.name(entry),
        group_id=draft.key("component", group) if group else None,
        is_group=is_group,
        description=draft.body(entry, "description"),
        position=min(max(entry.number("position", 1), 0), 100_000),
        status=rollup.OPERATIONAL if is_group else one_of(entry, "status", COMPONENT_STATUSES),
        showcase=truth(entry, "showcase", True) and not is_group,
        start_date=day(entry, "start_date"),
        only_show_if_degraded=truth(entry, "only_show_if_degraded", False),
        created_at=instant(entry, "created_at"),
        updated_at=instant(entry, "updated_at"),
    )
    draft.part(entry, part)


# -- posts -----------------------------------------------------------------------------------------------------
def _event(draft: Draft, entry: Entry) -> None:
    status = one_of(entry, "status", POST_STATUSES)
    planned = status in Post.OF_MAINTENANCE or instant(entry, "scheduled_for") is not None
    if planned and status in Post.CLOSED:
        status = Post.Status.COMPLETED
    if planned and status not in Post.OF_MAINTENANCE:
        raise entry.fault(f"{status!r} is no status of a maintenance", "status")
    key = draft.key("post", entry.text("id"))
    draft.places[key] = entry.place
    created = need_instant(entry, "created_at")
    updates = _updates(draft, entry, planned)
    started = instant(entry, "started_at") or created
    window = _window(draft, entry, started) if planned else {}
    if entry.items("components") and not planned and not any(told.affected for told in updates):
        draft.remark(entry, "does not say what it did to its components, so it counts no downtime.")
    event = Event(
        id=key,
        kind=Post.Kind.MAINTENANCE if planned else Post.Kind.INCIDENT,
        name=draft.name(entry),
        status=status,
        impact=one_of(entry, "impact", IMPACTS, "maintenance" if planned else "none"),
        impact_override=one_of(entry, "impact_override", IMPACTS | {""}, ""),
        started_at=started,
        created_at=created,
        updated_at=instant(entry, "updated_at") or created,
        monitoring_at=instant(entry, "monitoring_at"),
        resolved_at=_end(entry, status, started, updates),
        backfilled=truth(entry, "backfilled", False),
        components=_named(draft, entry, updates),
        updates=updates,
        **window,
    )
    draft.events[key] = event


def _end(entry: Entry, status: str, started: datetime, updates: tuple[Told, ...]) -> datetime | None:
    """When a closed post ended: as it says, else its first update that closes it."""
    if status not in Post.CLOSED:
        return None
    closing = [told.display_at for told in updates if told.status in Post.CLOSED]
    said = instant(entry, "resolved_at") or min(closing, default=None)
    return max(said or instant(entry, "updated_at") or started, started)


def _named(draft: Draft, entry: Entry, updates: tuple[Told, ...]) -> tuple[str, ...]:
    """The components a post is about: those it lists, and those its updates changed."""
    listed = [
        draft.key("component", Entry({"it": item}, f"{entry.place}.components[{number}]").text("it"))
        if isinstance(item, str)
        else draft.key("component", Entry(item, f"{entry.place}.components[{number}]").text("id"))
        for number, item in enumerate(entry.items("components"))
    ]
    changed = [key for told in updates for key, _, _ in told.affected] if not listed else []
    return tuple(dict.fromkeys([*listed, *changed]))


def _window(draft: Draft, entry: Entry, started: datetime) -> dict:
    """When a maintenance runs, and what the clock does about it."""
    begin = instant(entry, "scheduled_for") or started
    end = instant(entry, "scheduled_until") or instant(entry, "resolved_at") or begin
    if end <= begin:
        draft.remark(entry, "a maintenance without a length; it is taken as one minute.")
        end = datetime.fromtimestamp(begin.timestamp() + 60, UTC)
    if entry.text("status") == "scheduled" and not entry.has("scheduled_auto_in_progress"):
        draft.remark(
            entry, "the clock begins and ends this maintenance, and mails nobody: the files do not say."
        )
    return {
        "scheduled_for": begin,
        "scheduled_until": end,
        "auto_start": truth(entry, "scheduled_auto_in_progress", True),
        "auto_complete": truth(entry, "scheduled_auto_completed", True),
        "notify_at_start": truth(entry, "auto_transition_deliver_notifications_at_start", False),
        "notify_at_end": truth(entry, "auto_transition_deliver_notifications_at_end", False),
    }


def _updates(draft: Draft, entry: Entry, planned: bool) -> tuple[Told, ...]:
    found = [_told(draft, item, planned) for item in entry.entries("incident_updates")]
    body, published = draft.body(entry, "postmortem_body"), instant(entry, "postmortem_published_at")
    if body and published is None and not any(told.status == "postmortem" for told in found):
        draft.remark(entry, "its post-mortem was not published there; left out.")
    elif body and not any(told.status == "postmortem" for told in found):
        key = draft.key("post-mortem", entry.text("id") + ".postmortem")
        found.append(Told(key, Post.Status.POSTMORTEM, body, published, published, published))
    return tuple(sorted(found, key=lambda told: (told.display_at, told.created_at)))


def _told(draft: Draft, entry: Entry, planned: bool) -> Told:
    created = need_instant(entry, "created_at")
    told = Told(
        id=draft.key("update", entry.text("id")),
        status=one_of(entry, "status", POST_STATUSES),
        body=draft.body(entry, "body"),
        display_at=instant(entry, "display_at") or created,
        created_at=created,
        updated_at=instant(entry, "updated_at") or created,
        affected=tuple(
            (
                draft.key("component", item.text("code")),
                one_of(item, "old_status", COMPONENT_STATUSES, rollup.OPERATIONAL),
                one_of(item, "new_status", COMPONENT_STATUSES, rollup.OPERATIONAL),
            )
            for item in entry.entries("affected_components")
        ),
        delivered=truth(entry, "deliver_notifications", False),
    )
    return draft.told(entry, told)


# -- subscribers -----------------------------------------------------------------------------------------------
def _readers(draft: Draft, entries) -> None:
    """Confirmed addresses only; everything else is counted and left out."""
    left: Counter[str] = Counter()
    for entry in entries:
        why = _unfit(entry)
        if why:
            left[why] += 1
            continue
        components = tuple(_component_ids(draft, entry))
        draft.reader(entry, entry.text("id"), entry.text("email"), components, instant(entry, "created_at"))
    for why, count in sorted(left.items()):
        draft.remark(None, f"{count} {why}; left out.")


def _component_ids(draft: Draft, entry: Entry):
    for number, item in enumerate(entry.items("components")):
        holder = Entry(
            item if isinstance(item, dict) else {"id": item}, f"{entry.place}.components[{number}]"
        )
        yield draft.key("component", holder.text("id"))


def _unfit(entry: Entry) -> str:
    """Why a subscriber cannot be taken over; empty if she can."""
    mode = entry.text("mode", "email")
    if mode != "email":
        name = mode if re.fullmatch(r"[a-z_]{1,20}", mode) else "other"
        return f"subscribers by {name}"
    if not entry.text("email", ""):
        return "subscribers without an address"
    if entry.value.get("quarantined_at"):
        return "subscribers in quarantine there"
    state = entry.text("state", "") or _state_of_file(entry)
    if entry.value.get("confirmed_at") or state == "active":
        return ""
    return f"subscribers that are {state} there" if state in STATES else NO_STATE


def _state_of_file(entry: Entry) -> str:
    """The API does not write the state into its answer; the file's name does (``subscribers-active.json``)."""
    words = re.split(r"[^a-z]+", entry.place.partition("[")[0].partition(":")[0].lower())
    return next((state for state in STATES if state in words), "")
