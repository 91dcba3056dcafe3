"""PagerDuty, REST API v2: users, teams, schedules (with layers), escalation policies, services."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from config.importing import turns
from config.importing.draft import Draft, Imported
from config.importing.entries import Document, Entry, unwrap, written

KINDS = {
    "user": "users",
    "team": "teams",
    "schedule": "schedules",
    "escalation_policy": "escalation_policies",
    "service": "services",
}
WRAPPERS = {*KINDS, *KINDS.values(), "overrides", "members"}
MOST_LOOPS = 20


def parse(documents: list[Document]) -> Imported:
    """Schedules keep their layers: the later a layer is in PagerDuty's own order, the more it hides."""
    draft, found = Draft(), {kind: [] for kind in KINDS.values()}
    for entry in unwrap(documents, WRAPPERS):
        kind = KINDS.get(entry.text("type", ""), KINDS.get(entry.kind, entry.kind))
        if kind in found:
            found[kind].append(entry)
        else:
            draft.remark(entry, "not a user, team, schedule, escalation policy or service; left out.")
    found = {kind: draft.fullest(entries) for kind, entries in found.items()}
    for entry in found["users"]:
        _user(draft, entry)
    for entry in found["teams"]:
        _team(draft, entry, found["users"])
    for entry in found["schedules"]:
        _schedule(draft, entry)
    for entry in found["escalation_policies"]:
        _policy(draft, entry, found["services"])
    for entry in found["services"]:
        _service(draft, entry)
    return draft.finish()


def _user(draft: Draft, entry: Entry) -> None:
    email = entry.text("email", "")
    name = entry.text("name", entry.text("summary", email))
    zone = entry.text("time_zone", "")
    draft.user(entry, entry.text("id"), name=name, email=email, login=email or name, zone=zone)
    other = [c for c in entry.entries("contact_methods") if "email" not in c.text("type", "")]
    if other:
        draft.remark(entry, f"phones and devices ({len(other)}) have no counterpart; pages go by e-mail.")
    if entry.items("notification_rules"):
        draft.remark(entry, "the person's notification rules became: by e-mail at once.")


def _team(draft: Draft, entry: Entry, users: list[Entry]) -> None:
    ident = entry.text("id")
    inside = [u for u in users if ident in [team.text("id") for team in u.entries("teams")]]
    members = [draft.names["users"][user.text("id")] for user in inside]
    draft.add("teams", entry, ident, entry.text("name", entry.text("summary", ident)), members=members)
    if not members:
        draft.remark(entry, "nobody's teams name it, so it has no members.")
    draft.remark(None, "Who manages a team stands in no answer that was read: name the admins of the teams.")


def _schedule(draft: Draft, entry: Entry) -> None:
    zone = entry.zone("time_zone")
    layers: list[dict[str, Any]] = []
    ordered = _lowest_first(draft, entry)
    for priority, item in enumerate(ordered, start=1):
        form = _layer(draft, item, zone, priority)
        if form:
            layers.append(form | {"name": draft.layer_name(layers, form["name"])})
    exceptions = [
        {
            "kind": "set",
            "users": [_person(draft, item.entry("user"))],
            "start": item.instant("start", zone),
            "end": item.instant("end", zone),
        }
        for item in entry.entry("overrides_subschedule").entries("rendered_schedule_entries")
    ]
    if not entry.items("schedule_layers"):
        draft.remark(entry, "the answer holds no layers; ask for each schedule by its id.")
    if not entry.has("overrides_subschedule"):
        draft.remark(entry, "overrides are not in this answer; ask for the schedule with since and until.")
    draft.add(
        "schedules",
        entry,
        entry.text("id"),
        entry.text("name"),
        team=_team_of(draft, entry),
        time_zone=zone.key,
        layers=layers,
        exceptions=exceptions or None,
    )


def _lowest_first(draft: Draft, entry: Entry) -> list[Entry]:
    """PagerDuty answers with the highest layer first; names "Layer 1", "Layer 2" decide where all have them.

    Source: PagerDuty/public-support-scripts pull request 60 (an answer's order is the opposite of a request's).
    """
    layers = entry.entries("schedule_layers")
    if len(layers) < 2:
        return layers
    numbers = [re.fullmatch(r"Layer (\d+)", layer.text("name", "")) for layer in layers]
    ordered = sorted(layers, key=lambda layer: int(layer.text("name")[6:])) if all(numbers) else layers[::-1]
    last = ordered[-1].text("name", ordered[-1].place)
    draft.remark(entry, f"where layers overlap, {last!r} wins over all others; see that this is meant.")
    return ordered


def _layer(draft: Draft, entry: Entry, zone: ZoneInfo, priority: int) -> dict[str, Any] | None:
    seconds = entry.number("rotation_turn_length_seconds")
    turn = turns.period(seconds)
    if turn is None:
        if seconds <= 0:
            raise entry.fault("must be more than 0", "rotation_turn_length_seconds")
        draft.remark(entry, f"turns of {seconds} seconds are no whole hours; the layer is left out.")
        return None
    if turn[0] == "hour":
        draft.remark(
            entry, "turns counted in hours keep to the clock on the wall here, also over clock changes."
        )
    anchor = entry.local("rotation_virtual_start", zone)
    start = entry.local("start", zone) if entry.value.get("start") else anchor
    form = {
        "name": entry.text("name", "Layer"),
        "priority": priority,
        "rotation": {"unit": turn[0], "length": turn[1], "anchor": written(anchor)},
        "slots": [[_person(draft, item.entry("user"))] for item in entry.entries("users")],
        "start": written(start),
    }
    if entry.value.get("end"):
        form["end"] = written(entry.local("end", zone))
    windows = [_window(item) for item in entry.entries("restrictions")]
    return form | ({"restrictions": windows} if windows and None not in windows else {})


def _window(entry: Entry) -> dict[str, Any] | None:
    """A restriction; None where it is the whole day or week and so restricts nothing."""
    kind, start = entry.text("type"), entry.text("start_time_of_day")
    seconds, start = (
        entry.number("duration_seconds"),
        start.removesuffix(":00") if start.count(":") == 2 else start,
    )
    if kind not in ("daily_restriction", "weekly_restriction") or not 0 < seconds <= turns.WEEK:
        raise entry.fault("must be a daily_restriction or weekly_restriction of at most a week")
    try:
        if kind == "daily_restriction":
            return None if seconds >= turns.DAY else turns.daily(start, seconds)
        day = entry.number("start_day_of_week") - 1
        if not 0 <= day < 7:
            raise entry.fault("must be 1 (Monday) to 7", "start_day_of_week")
        return None if seconds == turns.WEEK else turns.weekly(day, start, seconds)
    except ValueError:
        raise entry.fault("must be a time like 08:00:00", "start_time_of_day") from None


def _policy(draft: Draft, entry: Entry, services: list[Entry]) -> None:
    ident, steps, wait = entry.text("id"), [], 0
    for rule in entry.entries("escalation_rules"):
        targets = [target for item in rule.entries("targets") if (target := _target(draft, item))]
        steps.append({"after": f"{wait}m", "targets": targets})
        wait = rule.number("escalation_delay_in_minutes", 30)
        strategy = rule.entry("escalation_rule_assignment_strategy").text("type", "assign_to_everyone")
        if strategy != "assign_to_everyone":
            draft.remark(rule, f"{strategy} has no counterpart: all targets of the step are paged.")
    loops = entry.number("num_loops", 0)
    if loops > MOST_LOOPS:
        draft.remark(entry, f"repeats {MOST_LOOPS} times instead of {loops}.")
    draft.add(
        "policies",
        entry,
        ident,
        entry.text("name"),
        team=_team_of(draft, entry),
        repeat=min(max(loops, 0), MOST_LOOPS),
        ack_timeout=_ack_timeout(draft, entry, [s for s in services if _policy_of(s) == ident]),
        steps=steps,
    )


def _ack_timeout(draft: Draft, entry: Entry, services: list[Entry]) -> str | None:
    """Theirs belongs to the service, ours to the policy."""
    seconds = {service.number("acknowledgement_timeout", 0) for service in services}
    if len(seconds) > 1:
        draft.remark(entry, "its services have different acknowledgement timeouts; the policy has none.")
    return f"{seconds.pop()}s" if len(seconds) == 1 and max(seconds) > 0 else None


def _target(draft: Draft, entry: Entry) -> dict[str, str] | None:
    kind = entry.text("type").removesuffix("_reference")
    if kind == "user":
        return {"user": _person(draft, entry)}
    if kind == "schedule":
        slug = draft.refer("schedules", entry, entry.text("id"), "schedule")
        return {"schedule": slug} if slug else None
    draft.remark(entry, f"a target of the kind {kind!r} has no counterpart; left out.")
    return None


def _service(draft: Draft, entry: Entry) -> None:
    policy = draft.refer("policies", entry, _policy_of(entry), "escalation policy")
    draft.add(
        "services",
        entry,
        entry.text("id"),
        entry.text("name"),
        description=entry.text("description", "") or None,
        team=_team_of(draft, entry),
        policy=policy,
    )
    if entry.items("integrations"):
        draft.remark(entry, "its integrations are not taken over: make an alert source for each.")
    urgency = entry.entry("incident_urgency_rule")
    if (urgency.text("type", "constant"), urgency.text("urgency", "high")) != ("constant", "high"):
        draft.remark(
            entry, "its urgency rule has no counterpart: urgency comes from the incident's severity."
        )
    if entry.number("auto_resolve_timeout", 0):
        draft.remark(entry, "its auto-resolve timeout has no counterpart.")
    if entry.text("status", "active") in ("disabled", "maintenance"):
        draft.remark(entry, f"is {entry.text('status')} there, and pages here once alerts come in.")


def _policy_of(service: Entry) -> str:
    return service.entry("escalation_policy").text("id", "")


def _team_of(draft: Draft, entry: Entry) -> str | None:
    teams = entry.entries("teams")
    if len(teams) > 1:
        draft.remark(entry, "belongs to several teams; the first that the files hold has it here.")
    known = [slug for team in teams if (slug := draft.refer("teams", entry, team.text("id"), "team"))]
    return known[0] if known else None


def _person(draft: Draft, entry: Entry) -> str:
    return draft.person(entry, entry.text("id"), entry.text("summary", entry.text("name", "")))
