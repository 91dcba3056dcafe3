"""Opsgenie, REST API v2: users, teams, schedules (with rotations), overrides, escalations, services."""

from typing import Any
from zoneinfo import ZoneInfo

from config.importing import turns
from config.importing.draft import Draft, Imported
from config.importing.entries import Document, Entry, unwrap, written
from oncall.rotation.fields import WEEKDAYS

WRAPPERS = {"data"}
UNITS = {"hourly": "hour", "daily": "day", "weekly": "week"}
MINUTES = {"minutes": 1, "hours": 60, "days": 1440, "seconds": 0}
MOST_REPEATS = 20
#: All that an answer about a team holds; routing and notification rules have an id and a name as well.
TEAM = {"id", "name", "description", "members", "links"}


def parse(documents: list[Document]) -> Imported:
    """Rotations of a schedule are a union, hence layers of one priority."""
    draft, found = Draft(), {}
    for entry in unwrap(documents, WRAPPERS):
        found.setdefault(_kind(entry), []).append(entry)
    for kind in sorted({"user", "team", "schedule", "escalation", "service"} & found.keys()):
        found[kind] = draft.fullest(found[kind])
    for entry in found.get("user", []):
        _user(draft, entry)
    for entry in found.get("team", []):
        _team(draft, entry)
    for entry in found.get("schedule", []):
        _schedule(draft, entry, found.get("override", []))
    for entry in found.get("escalation", []):
        _escalation(draft, entry)
    for entry in found.get("service", []):
        _service(draft, entry, found.get("escalation", []))
    known = {form["name"] for form in draft.forms["schedules"]} | set(draft.names.get("schedules", {}))
    for entry in found.get("override", []):
        if not known & {_parent(entry).text("id", ""), _parent(entry).text("name", "")}:
            draft.remark(entry, "an override of a schedule that is in none of the files; left out.")
    for entry in found.get("", []):
        draft.remark(entry, "not a user, team, schedule, override, escalation or service; left out.")
    return draft.finish()


def _kind(entry: Entry) -> str:
    """Answers do not name their kind; their keys tell it."""
    if entry.has("username") and (entry.has("fullName") or entry.has("timeZone")):
        return "user"
    if entry.has("alias", "startDate", "endDate"):
        return "override"
    if entry.has("rotations") or entry.has("timezone"):
        return "schedule"
    if entry.has("rules"):
        return "escalation"
    if entry.has("teamId"):
        return "service"
    return "team" if entry.has("id", "name") and TEAM.issuperset(entry.value) else ""


def _user(draft: Draft, entry: Entry) -> None:
    email = entry.text("username")
    zone = entry.text("timeZone", "")
    form = draft.user(
        entry, entry.text("id"), name=entry.text("fullName", email), email=email, login=email, zone=zone
    )
    draft.names["users"].setdefault(email, form["username"])
    if entry.value.get("blocked") is True:
        form["active"] = False
        draft.remark(entry, f"{form['username']} is blocked there and inactive here.")


def _team(draft: Draft, entry: Entry) -> None:
    people = entry.entries("members")
    draft.add(
        "teams",
        entry,
        entry.text("id"),
        entry.text("name"),
        members=[_person(draft, item.entry("user")) for item in people],
        admins=[_person(draft, item.entry("user")) for item in people if item.text("role", "") == "admin"],
    )
    if not entry.has("members"):
        draft.remark(entry, "the answer holds no members; ask for each team by its id.")


def _schedule(draft: Draft, entry: Entry, overrides: list[Entry]) -> None:
    zone, ident, name = entry.zone("timezone"), entry.text("id"), entry.text("name")
    layers: list[dict[str, Any]] = []
    by_rotation: dict[str, str] = {}
    for item in entry.entries("rotations"):
        layer = _rotation(draft, item, zone)
        if layer:
            layers.append(layer | {"name": draft.layer_name(layers, layer["name"])})
            by_rotation[item.text("id", item.place)] = layers[-1]["name"]
    if not entry.items("rotations"):
        draft.remark(entry, "the answer holds no rotations; ask for schedules with expand=rotation.")
    if entry.value.get("enabled") is False:
        draft.remark(entry, "is disabled there, and on call here like any other.")
    mine = [
        each
        for each in overrides
        if _parent(each).text("id", "") == ident or _parent(each).text("name", "") == name
    ]
    exceptions = [form for each in mine for form in _override(draft, each, zone, by_rotation)]
    team = _owner(draft, entry)
    draft.add(
        "schedules",
        entry,
        ident,
        name,
        team=team,
        time_zone=zone.key,
        layers=layers,
        exceptions=exceptions or None,
    )
    draft.names["schedules"].setdefault(name, draft.names["schedules"][ident])


def _rotation(draft: Draft, entry: Entry, zone: ZoneInfo) -> dict[str, Any] | None:
    kind = entry.text("type")
    if kind not in UNITS:
        draft.remark(entry, f"a rotation of the type {kind!r} has no counterpart; left out.")
        return None
    start = entry.local("startDate", zone)
    form: dict[str, Any] = {
        "name": entry.text("name", "Rotation"),
        "priority": 1,
        "rotation": {"unit": UNITS[kind], "length": entry.number("length", 1), "anchor": written(start)},
        "slots": [_slot(draft, item) for item in entry.entries("participants")],
    }
    if entry.value.get("endDate"):
        form["end"] = written(entry.local("endDate", zone))
    windows = _windows(entry)
    return form | ({"restrictions": windows} if windows else {})


def _slot(draft: Draft, entry: Entry) -> list[str]:
    kind = entry.text("type")
    if kind == "user":
        return [_person(draft, entry)]
    if kind == "none":
        return []
    if kind == "team":
        slug = draft.refer("teams", entry, entry.text("id", ""), "team")
        if slug:
            draft.remark(entry, f"the team {slug!r} takes this turn; here that is everybody in it today.")
            return draft.members(slug)
    draft.remark(entry, f"a participant of the type {kind!r} has no counterpart; nobody has this turn.")
    return []


def _windows(entry: Entry) -> list[dict[str, Any]]:
    limits = entry.entry("timeRestriction")
    kind = limits.text("type", "")
    if kind == "time-of-day":
        item = limits.entry("restriction")
        start, end = _minute(item, "start"), _minute(item, "end")
        return [turns.daily(_clock(start), ((end - start) % 1440) * 60)] if start != end else []
    if kind == "weekday-and-time-of-day":
        return _week_windows(limits.entries("restrictions"))
    if kind:
        raise limits.fault(
            f"{kind!r} is not known; known are time-of-day and weekday-and-time-of-day", "type"
        )
    return []


def _week_windows(entries: list[Entry]) -> list[dict[str, Any]]:
    """All windows; none where one of them is the whole week already."""
    windows = [window for entry in entries if (window := _week_window(entry))]
    return windows if len(windows) == len(entries) else []


def _week_window(entry: Entry) -> dict[str, Any] | None:
    start = _day(entry, "startDay") * 1440 + _minute(entry, "start")
    end = _day(entry, "endDay") * 1440 + _minute(entry, "end")
    minutes = (end - start) % (7 * 1440)
    return turns.weekly(start // 1440, _clock(start % 1440), minutes * 60) if minutes else None


def _day(entry: Entry, key: str) -> int:
    day = entry.text(key)[:2].upper()
    if day not in WEEKDAYS:
        raise entry.fault("must be a weekday such as monday", key)
    return WEEKDAYS.index(day)


def _minute(entry: Entry, key: str) -> int:
    """Minutes since midnight of ``startHour`` and ``startMin``; hour 24 is midnight."""
    hour, minute = entry.number(f"{key}Hour"), entry.number(f"{key}Min", 0)
    if not (0 <= hour <= 24 and 0 <= minute < 60):
        raise entry.fault("must be an hour of the day", f"{key}Hour")
    return (hour * 60 + minute) % 1440


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _override(
    draft: Draft, entry: Entry, zone: ZoneInfo, by_rotation: dict[str, str]
) -> list[dict[str, Any]]:
    """On the whole schedule, or one exception for each rotation that it names."""
    form = {
        "kind": "set",
        "users": _slot(draft, entry.entry("user")),
        "start": entry.instant("startDate", zone),
        "end": entry.instant("endDate", zone),
    }
    rotations = entry.entries("rotations")
    known = [by_rotation[item.text("id", "")] for item in rotations if item.text("id", "") in by_rotation]
    if len(known) < len(rotations):
        draft.remark(entry, "names a rotation that the schedule no longer has.")
    return [form | {"layer": layer} for layer in known] if rotations else [form]


def _escalation(draft: Draft, entry: Entry) -> None:
    """Their delays count from the alert, ours from the step before."""
    at: dict[int, list[dict[str, str]]] = {}
    for rule in entry.entries("rules"):
        target = _target(draft, rule)
        if target:
            at.setdefault(_delay(rule.entry("delay"), "timeAmount"), []).append(target)
    moments = sorted(at)
    waits = [moment - before for before, moment in zip([0, *moments], moments, strict=False)]
    steps = [
        {"after": f"{wait}m", "targets": at[moment]} for wait, moment in zip(waits, moments, strict=True)
    ]
    draft.add(
        "policies",
        entry,
        entry.text("id"),
        entry.text("name"),
        team=_owner(draft, entry),
        repeat=_repeats(draft, entry.entry("repeat")),
        steps=steps,
    )


def _repeats(draft: Draft, repeat: Entry) -> int:
    if repeat.value.get("resetRecipientStates") or repeat.value.get("closeAlertAfterAll"):
        draft.remark(repeat, "resetting recipients and closing after all have no counterpart.")
    if repeat.number("waitInterval", 0):
        draft.remark(repeat, "the wait between repeats has no counterpart: a pass follows the last step's.")
    return min(max(repeat.number("count", 0), 0), MOST_REPEATS)


def _target(draft: Draft, rule: Entry) -> dict[str, str] | None:
    recipient = rule.entry("recipient")
    kind, ident = recipient.text("type", ""), recipient.text("id", recipient.text("name", ""))
    if rule.text("condition", "if-not-acked") != "if-not-acked":
        draft.remark(rule, f"the condition {rule.text('condition')!r} is taken as if-not-acked.")
    if rule.text("notifyType", "default") not in ("default", "all"):
        draft.remark(
            rule, f"notifying {rule.text('notifyType')!r} is taken as everybody that the target has."
        )
    if kind == "user":
        return {"user": _person(draft, recipient)}
    if kind in ("schedule", "team"):
        slug = draft.refer(f"{kind}s", recipient, ident, kind)
        return {kind: slug} if slug else None
    draft.remark(rule, f"a recipient of the type {kind!r} has no counterpart; left out.")
    return None


def _delay(entry: Entry, key: str) -> int:
    """Whole minutes."""
    unit = entry.text("timeUnit", "minutes")
    if unit not in MINUTES or entry.number(key, 0) < 0:
        raise entry.fault(f"must be one of {', '.join(MINUTES)}, and not negative", "timeUnit")
    return entry.number(key, 0) * MINUTES[unit] if MINUTES[unit] else -(-entry.number(key, 0) // 60)


def _service(draft: Draft, entry: Entry, escalations: list[Entry]) -> None:
    """Opsgenie goes by the team's routing rules; a team's only escalation is taken for them."""
    team = draft.refer("teams", entry, entry.text("teamId", ""), "team")
    of_team = [
        each for each in escalations if each.entry("ownerTeam").text("id", "") == entry.text("teamId", "")
    ]
    policy = draft.find("policies", of_team[0].text("id")) if team and len(of_team) == 1 else None
    decided = (
        f"its policy is the team's only escalation, {policy!r}" if policy else "it has no policy: give it one"
    )
    draft.remark(entry, f"routing rules are not in the files; {decided}.")
    description = entry.text("description", "") or None
    draft.add(
        "services",
        entry,
        entry.text("id"),
        entry.text("name"),
        description=description,
        team=team,
        policy=policy,
    )


def _parent(override: Entry) -> Entry:
    """The schedule of an override: ``_parent`` in answers, ``schedule`` where someone put it by hand."""
    return override.entry("_parent" if override.has("_parent") else "schedule")


def _owner(draft: Draft, entry: Entry) -> str | None:
    return draft.refer("teams", entry, entry.entry("ownerTeam").text("id", ""), "team")


def _person(draft: Draft, entry: Entry) -> str:
    email = entry.text("username", entry.text("name", ""))
    ident = entry.text("id", email)
    known = draft.find("users", ident) or draft.find("users", email)
    return known or draft.person(entry, ident or entry.text("id"), email)
