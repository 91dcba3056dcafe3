"""LinkedIn Oncall, API v0: teams with rosters and their schedules, users, events.

Its schedules are templates by which a daemon prints events, so who comes next stands in the events alone.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.importing import turns
from config.importing.draft import Draft, Imported
from config.importing.entries import Document, Entry, ImportFault, unwrap, written

FIRST_SUNDAY = datetime.fromisoformat(
    "2024-01-07T00:00"
)  # local; where turns are counted from when no event says better
AWAY = ("vacation", "unavailable")


def parse(documents: list[Document]) -> Imported:
    """One schedule for each team and role, one layer for each of its templates."""
    draft, found = Draft(), {}
    for entry in unwrap(documents, set()):
        found.setdefault(_kind(entry), []).append(entry)
    teams = found.get("team", [])
    for entry in found.get("user", []):
        _user(draft, entry)
    for entry in teams:
        for name, value in entry.entry("users").value.items():
            if draft.find("users", name) is None:
                _user(draft, Entry(value, f"{entry.place}.users.{name}"))
    for entry in teams:
        _team(draft, entry, found.get("template", []), found.get("event", []))
    for entry in found.get("", []):
        draft.remark(entry, "not a team, user, schedule or event; left out.")
    return draft.finish()


def _kind(entry: Entry) -> str:
    if entry.has("roster", "role", "events"):
        return "template"
    if entry.has("start", "end", "user"):
        return "event"
    if entry.has("rosters") or entry.has("scheduling_timezone"):
        return "team"
    return "user" if entry.has("name") and (entry.has("contacts") or entry.has("full_name")) else ""


def _user(draft: Draft, entry: Entry) -> None:
    name, contacts = entry.text("name"), entry.entry("contacts")
    form = draft.user(
        entry,
        name,
        name=entry.text("full_name", name),
        email=contacts.text("email", ""),
        login=name,
        zone=entry.text("time_zone", ""),
    )
    if entry.value.get("active") in (0, False):
        form["active"] = False
    if any(contacts.text(kind, "") for kind in ("call", "sms", "im")):
        draft.remark(entry, "call, sms and im have no counterpart; pages go by e-mail.")


def _team(draft: Draft, entry: Entry, templates: list[Entry], events: list[Entry]) -> None:
    name, rosters = entry.text("name"), entry.entry("rosters")
    slug = draft.add(
        "teams",
        entry,
        name,
        name,
        members=[draft.person(entry, who, "") for who in entry.entry("users").value],
        admins=[draft.person(item, item.text("name"), "") for item in entry.entries("admins")],
    )["slug"]
    for service in entry.texts("services"):
        draft.add("services", entry, f"{name}/{service}", service, team=slug)
        draft.remark(entry, f"the service {service!r} has no policy: escalation was Iris's, so give it one.")
    if entry.text("iris_plan", ""):
        draft.remark(entry, "its Iris plan is not taken over: write an escalation policy.")
    mine = [each for each in templates if each.text("team", "") == name]
    roles: dict[str, list[tuple[Entry, Entry]]] = {}
    for key in rosters.value:
        roster = rosters.entry(key)
        own = roster.entries("schedules") + [each for each in mine if each.text("roster") == key]
        for template in {each.text("id", each.place): each for each in own}.values():
            roles.setdefault(template.text("role"), []).append((roster, template))
    of_team = [each for each in events if each.text("team", "") == name]
    for role, pairs in roles.items():
        _schedule(draft, entry, slug, role, pairs, of_team)


def _schedule(
    draft: Draft, team: Entry, slug: str, role: str, pairs: list[tuple[Entry, Entry]], events: list[Entry]
) -> None:
    zone, layers = team.zone("scheduling_timezone"), []
    for roster, template in pairs:
        mine = [each for each in events if each.text("schedule_id", "") == template.text("id", "-")]
        layer = _layer(draft, roster, template, mine, zone)
        if layer:
            layers.append(layer | {"name": draft.layer_name(layers, layer["name"])})
    by_hand = [each for each in events if each.text("role", "") == role and not each.value.get("schedule_id")]
    if by_hand:
        draft.remark(
            team, f"{len(by_hand)} events of the role {role!r} were made by hand and are not taken over."
        )
    away = [_away(draft, each) for each in events if each.text("role", "") in AWAY]
    name = f"{team.text('name')} {role}"
    ident = f"{team.text('name')}/{role}"
    draft.add(
        "schedules", team, ident, name, team=slug, time_zone=zone.key, layers=layers, exceptions=away or None
    )


def _layer(
    draft: Draft, roster: Entry, template: Entry, printed: list[Entry], zone: ZoneInfo
) -> dict[str, Any] | None:
    """A template as turns: it repeats after the weeks that its events span, from the Sunday it begins in."""
    spans = sorted((each.number("start"), each.number("duration")) for each in template.entries("events"))
    if not spans or any(start < 0 or length <= 0 for start, length in spans):
        raise template.fault("must hold a start from 0 on and a duration above 0", "events")
    first = spans[0][0]
    weeks = -(-(max(start + length for start, length in spans) - first) // turns.WEEK)
    people = _order(draft, roster, template)
    anchor, people = _anchor(draft, template, printed, zone, first, weeks, people)
    form = {"name": f"{template.text('roster', 'roster')} {template.text('role')}", "priority": 1}
    covered = [(start - first, length) for start, length in spans]
    if weeks == 1 and covered != [(0, turns.WEEK)]:
        windows = [_window(start, length) for start, length in spans]
        rotation = {"unit": "week", "length": 1, "anchor": written(anchor)}
        return form | {"rotation": rotation, "slots": people, "restrictions": windows}
    if covered == [(0, weeks * turns.WEEK)]:
        rotation = {"unit": "week", "length": weeks, "anchor": written(anchor)}
        return form | {"rotation": rotation, "slots": people}
    found = turns.pieces(weeks * turns.WEEK, covered, people)
    if found is None:
        draft.remark(template, "its events are too many or no whole hours; the template is left out.")
        return None
    rotation = {"unit": found[0], "length": found[1], "anchor": written(anchor)}
    return form | {"rotation": rotation, "slots": found[2]}


def _window(start: int, length: int) -> dict[str, Any]:
    """Seconds since Sunday 00:00 as a weekly window; Sunday is weekday 6."""
    day, second = divmod(start, turns.DAY)
    return turns.weekly((day + 6) % 7, turns.clock_time(FIRST_SUNDAY + timedelta(seconds=second)), length)


def _order(draft: Draft, roster: Entry, template: Entry) -> list[list[str]]:
    """Who takes turns: the round-robin scheduler's own order, else the roster's."""
    inside = [
        user.text("name") for user in roster.entries("users") if user.value.get("in_rotation") is not False
    ]
    scheduler = template.entry("scheduler")
    kind, order = scheduler.text("name", "default"), [n for n in scheduler.texts("data") if n in inside]
    if kind == "round-robin" and order:
        inside = order
    else:
        draft.remark(
            template, f"the {kind} scheduler picks people as it goes; here they take turns in fixed order."
        )
    return [[draft.person(roster, name, "")] for name in inside]


def _anchor(
    draft: Draft,
    template: Entry,
    printed: list[Entry],
    zone: ZoneInfo,
    first: int,
    weeks: int,
    people: list[list[str]],
) -> tuple[datetime, list[list[str]]]:
    """Where turns are counted from: the last event that was printed, which its person has."""
    anchor = FIRST_SUNDAY + timedelta(seconds=first)
    begins = [each for each in printed if _since_sunday(each, zone) == first % turns.WEEK]
    last = max(begins, key=lambda each: each.number("start"), default=None)
    if last is None:
        draft.remark(template, f"no event says whose turn it is; the order begins on {written(anchor)}.")
        return anchor, people
    start = _instant(last, "start").astimezone(zone).replace(tzinfo=None)
    who = [draft.person(last, last.text("user"), "")]
    if who not in people:
        draft.remark(last, f"{who[0]} is not in the rotation; the order begins on {written(start)}.")
        return _far_back(start, weeks, people)
    index = people.index(who)
    return _far_back(start, weeks, people[index:] + people[:index])


def _since_sunday(event: Entry, zone: ZoneInfo) -> float:
    """Seconds on the clock since the last Sunday 00:00."""
    start = _instant(event, "start").astimezone(zone).replace(tzinfo=None)
    midnight = start.replace(hour=0, minute=0, second=0)
    return (start - midnight).total_seconds() + (start.weekday() + 1) % 7 * turns.DAY


def _far_back(anchor: datetime, weeks: int, people: list[list[str]]) -> tuple[datetime, list[list[str]]]:
    """The same turns, begun some rounds earlier, so that today is not before the first of them."""
    round_weeks = weeks * max(len(people), 1)
    return anchor - timedelta(weeks=round_weeks * -(-52 // round_weeks)), people


def _away(draft: Draft, event: Entry) -> dict[str, Any]:
    """An absence: the person is removed for its time."""
    times = {key: written(_instant(event, key).replace(tzinfo=None)) + "Z" for key in ("start", "end")}
    return {"kind": "remove", "user": draft.person(event, event.text("user"), ""), **times}


def _instant(event: Entry, key: str) -> datetime:
    try:
        return datetime.fromtimestamp(event.number(key), UTC)
    except (OverflowError, ValueError, OSError):
        raise ImportFault(f"{event.place}.{key}: must be a Unix time.") from None
