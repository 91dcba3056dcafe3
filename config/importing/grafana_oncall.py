"""Grafana OnCall, public API v1: users, teams, schedules, shifts, escalation chains, integrations."""

from typing import Any

from config.importing import grafana_shifts
from config.importing.draft import Draft, Imported
from config.importing.entries import Document, Entry, unwrap, zone
from incidents.intake.dialects import DIALECTS
from oncall import calendars
from oncall.messaging.errors import DomainError
from oncall.rotation.form import HIGHEST_PRIORITY

WRAPPERS = {"results"}
DIALECT_OF = {
    "grafana_alerting": "grafana",
    "webhook": "json",
    "formatted_webhook": "json",
    "amazon_sns": "cloudwatch",
}
#: Theirs override shifts of every level.
CALENDARS = {"ical_url_primary": ("Calendar", 1), "ical_url_overrides": ("Overrides", HIGHEST_PRIORITY)}
MOST_REPEATS = 5  # of theirs: a chain begins anew five times at most


def parse(documents: list[Document]) -> Imported:
    """Shifts become layers of their level; overrides and single shifts become what they are here."""
    draft, found = Draft(), {}
    for entry in unwrap(documents, WRAPPERS):
        found.setdefault(_kind(entry), []).append(entry)
    for kind in sorted(found.keys() - {""}):
        found[kind] = draft.fullest(found[kind])
    for entry in found.get("user", []):
        _user(draft, entry)
    for entry in found.get("team", []):
        _team(draft, entry, found.get("user", []))
    shifts = {entry.text("id"): entry for entry in found.get("shift", [])}
    for entry in found.get("schedule", []):
        _schedule(draft, entry, shifts)
    for entry in found.get("chain", []):
        mine = [
            step for step in found.get("step", []) if step.text("escalation_chain_id") == entry.text("id")
        ]
        _chain(draft, entry, sorted(mine, key=lambda step: step.number("position", 0)))
    for entry in found.get("integration", []):
        _integration(draft, entry)
    for entry in found.get("route", []):
        draft.remark(entry, "routes by the alert's text have no counterpart; the default route is taken.")
    for entry in found.get("", []):
        draft.remark(entry, "none of the objects that are taken over; left out.")
    return draft.finish()


def _kind(entry: Entry) -> str:
    """Answers do not name their kind; their keys tell it."""
    kinds = {
        "shift": ("start", "duration"),
        "step": ("escalation_chain_id", "type"),
        "route": ("integration_id",),
        "integration": ("default_route",),
        "user": ("username",),
        "schedule": ("on_call_now",),
        "team": ("avatar_url",),
    }
    for kind, keys in kinds.items():
        if entry.has(*keys):
            return kind
    if entry.text("type", "") in ("calendar", "web", "ical"):
        return "schedule"
    if entry.has("id", "name", "team_id"):
        return "chain"
    return "team" if entry.has("id", "name", "email") else ""


def _user(draft: Draft, entry: Entry) -> None:
    login = entry.text("username")
    zone = entry.text("timezone", "")
    draft.user(entry, entry.text("id"), name=login, email=entry.text("email", ""), login=login, zone=zone)


def _team(draft: Draft, entry: Entry, users: list[Entry]) -> None:
    ident = entry.text("id")
    inside = [draft.names["users"][user.text("id")] for user in users if ident in user.texts("teams")]
    draft.add("teams", entry, ident, entry.text("name"), members=inside)
    if not inside:
        draft.remark(entry, "nobody's teams name it, so it has no members.")


def _schedule(draft: Draft, entry: Entry, shifts: dict[str, Entry]) -> None:
    kind, layers, exceptions = entry.text("type", "calendar"), [], []
    mine = [shifts[ident] for ident in entry.texts("shifts") if ident in shifts]
    if len(mine) < len(entry.items("shifts")):
        draft.remark(entry, "some of its shifts are in none of the files.")
    elsewhere = [found for key in CALENDARS if (found := _calendar(draft, entry, key))]
    clock = _zone(draft, entry, kind, mine)
    for shift in mine:
        layer, exception = grafana_shifts.read(draft, shift, clock)
        if layer:
            layers.append(layer | {"name": draft.layer_name(layers, layer["name"])})
        if exception:
            exceptions.append(exception)
    draft.add(
        "schedules",
        entry,
        entry.text("id"),
        entry.text("name"),
        team=draft.refer("teams", entry, entry.text("team_id", ""), "team"),
        time_zone=clock,
        layers=layers,
        exceptions=exceptions or None,
        calendars=elsewhere or None,
    )


def _calendar(draft: Draft, entry: Entry, key: str) -> dict[str, Any] | None:
    """What comes from an iCalendar address, as a calendar that is imported here; its address may hold a secret."""
    address, (name, priority) = entry.text(key, ""), CALENDARS[key]
    if not address:
        return None
    try:
        url = calendars.check_address(address)
    except DomainError:
        draft.remark(entry, f"the address in {key} is none that would be asked from here; left out.")
        return None
    draft.remark(
        entry,
        f"the iCalendar address in {key} became an imported calendar: its events must name people by e-mail "
        "address or whole name.",
    )
    return {"name": name, "priority": priority, "url": url}


def _zone(draft: Draft, entry: Entry, kind: str, shifts: list[Entry]) -> str:
    """The one zone of our schedule: that of all its shifts, else the schedule's own."""
    own = entry.text("time_zone", "UTC")
    names = {shift.text("time_zone", own) for shift in shifts} or {own}
    name = names.pop() if len(names) == 1 else own
    if names and name == own:
        draft.remark(entry, f"its shifts have several time zones; here all are told in {own}.")
    if kind == "web" and name == "UTC":
        draft.remark(
            entry, "is kept in UTC, so hand-overs move with the clock change; set its time_zone by hand."
        )
    return zone(name, entry, "time_zone").key


def _chain(draft: Draft, entry: Entry, policies: list[Entry]) -> None:
    steps: list[dict[str, Any]] = []
    wait, repeat = 0, 0
    for item in policies:
        kind = item.text("type")
        if kind == "wait":
            wait += item.number("duration", 60)
        elif kind in ("repeat_escalation", "repeat_escalation_n_times"):
            repeat = MOST_REPEATS
        elif targets := _targets(draft, item, kind):
            if wait or not steps:
                steps.append({"after": f"{wait}s", "targets": []})
            steps[-1]["targets"] += [target for target in targets if target not in steps[-1]["targets"]]
            wait = 0
    team = draft.refer("teams", entry, entry.text("team_id", ""), "team")
    draft.add("policies", entry, entry.text("id"), entry.text("name"), team=team, repeat=repeat, steps=steps)


def _targets(draft: Draft, entry: Entry, kind: str) -> list[dict[str, str]]:
    if entry.value.get("important") is True:
        draft.remark(entry, "an important step has no counterpart: urgency comes from the incident.")
    if kind in ("notify_persons", "notify_person_next_each_time"):
        if kind == "notify_person_next_each_time":
            draft.remark(entry, "paging one after the other has no counterpart: all are paged at once.")
        keys = {"notify_persons": "persons_to_notify"}
        people = entry.texts(keys.get(kind, "persons_to_notify_next_each_time"))
        return [{"user": draft.person(entry, ident, "")} for ident in people]
    if kind == "notify_on_call_from_schedule":
        slug = draft.refer("schedules", entry, entry.text("notify_on_call_from_schedule", ""), "schedule")
        return [{"schedule": slug}] if slug else []
    if kind == "notify_team_members":
        slug = draft.refer(
            "teams", entry, entry.text("team_to_notify", entry.text("notify_team_members", "")), "team"
        )
        return [{"team": slug}] if slug else []
    draft.remark(entry, f"a step of the type {kind!r} has no counterpart; left out.")
    return []


def _integration(draft: Draft, entry: Entry) -> None:
    """An integration is where alerts come in and whom they page: a source and a service."""
    kind, name, ident = entry.text("type", "webhook"), entry.text("name"), entry.text("id")
    dialect = DIALECT_OF.get(kind, kind)
    if dialect not in DIALECTS:
        draft.remark(
            entry, f"alerts of the type {kind!r} are not understood here; its source reads plain JSON."
        )
        dialect = "json"
    chain = entry.entry("default_route").text("escalation_chain_id", "")
    team = draft.refer("teams", entry, entry.text("team_id", ""), "team")
    policy = draft.refer("policies", entry, chain, "escalation chain")
    service = draft.add("services", entry, ident, name, team=team, policy=policy)
    draft.add("sources", entry, ident, name, dialect=dialect, service=service["slug"])
    draft.remark(entry, "became a service and a source; apply shows the source's new key once.")
