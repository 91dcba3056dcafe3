"""What the incident's own page shows beside its form: rail, verbs, timeline, services, roles, tasks.

Plain values for ``templates/admin/incidents/incident/change_form.html``; a fixed number of queries.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from incidents import transitions
from incidents.models import (
    Incident,
    Role,
    RoleAssignment,
    Task,
    TimelineEntry,
    Update,
)
from oncall.edges import times
from oncall.edges.admin import Button
from oncall.models import User

Kind = TimelineEntry.Kind
FEW, MANY = 10, 200
#: The filters of the timeline: words, and the kinds of entries they keep (None: all).
FILTERS = {
    "all": ("All", None),
    "people": ("People", TimelineEntry.WRITTEN),
    "updates": ("Updates", [Kind.UPDATE]),
    "pages": ("Pages", [Kind.PAGE]),
    "review": ("For the review", TimelineEntry.FOR_REVIEW),
}
#: How an entry looks: its icon, and the colour of its disc.
LOOKS = {
    Kind.NOTE: ("pencil", ""),
    Kind.DECISION: ("decision", "decision"),
    Kind.ACTION: ("wrench", ""),
    Kind.FIX_LATER: ("flag", "obstacle"),
    Kind.OBSTACLE: ("barrier", "obstacle"),
    Kind.PROCESS_GAP: ("barrier", "obstacle"),
    Kind.UPDATE: ("megaphone", "update"),
    Kind.SEVERITY: ("flag", "severity"),
    Kind.STATE: ("auto", ""),
    Kind.ROLE: ("swap", ""),
    Kind.PAGE: ("bell", ""),
    Kind.ALERT: ("alert", ""),
    Kind.CHANGE: ("auto", ""),
    Kind.EDIT: ("pencil", ""),
}
#: Kinds that are one quiet line, whoever caused them.
QUIET = {Kind.STATE, Kind.ROLE, Kind.PAGE, Kind.ALERT, Kind.CHANGE, Kind.EDIT}
A_MINUTE = timedelta(minutes=1)
VISIBLE_VERBS = 4


# -- the rail ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Node:
    """One stage: where it stands (done, now, ahead), when it began, and how long after the one before."""

    number: int
    label: str
    where: str
    at: datetime | None
    words: str


def rail(incident: Incident, now: datetime) -> list[Node]:
    """The seven stages with their times; a stage that was skipped has none."""
    nodes, before = [], None
    for stage, where in transitions.rail(incident.state):
        at = getattr(incident, stage.milestone) if where != "ahead" else None
        words = ""
        if at and where == "now":
            words = f"for {times.span(now - at)}"
        elif at and before and at - before >= A_MINUTE:
            words = f"after {times.span(at - before)}"
        nodes.append(Node(stage.number, stage.label, where, at, words))
        before = at or before
    return nodes


# -- the verb bar ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Bar:
    """The legal verbs: the one that comes next, those at hand, and those behind "More"."""

    first: Button | None
    others: list[Button]
    more: list[Button]

    @property
    def on_phone(self) -> list[Button]:
        """What the phone's "More" holds: all but the first two."""
        return [*self.others[1:], *self.more]


#: Drawn elsewhere on the page, with what they are about.
ELSEWHERE = {"note", "assign-role", "all-clear", "add-task"}
AT_HAND = ("send-update", "engage")
AFTER_THEM = ("resolve", "reclassify")


def bar(incident: Incident, buttons: list[Button]) -> Bar:
    """Sort the buttons: the lifecycle's next verb first, then update and page, seldom ones last."""
    shown = {button.name: button for button in buttons if button.name not in ELSEWHERE}
    primary = transitions.primary(incident.state)
    first = shown.pop(primary.name.replace("_", "-"), None) if primary else None
    seldom = {name.replace("_", "-") for name in transitions.SELDOM}
    near = [shown.pop(name) for name in AT_HAND if name in shown]
    order = [row.name.replace("_", "-") for row in transitions.legal(incident.state)]
    if not incident.acknowledged_at:
        near.append(shown.pop("acknowledge", None))
    near += [shown.pop(name, None) for name in AFTER_THEM]
    rest = [shown[name] for name in order if name in shown]
    others = list(filter(None, near)) + [button for button in rest if button.name not in seldom]
    more = others[VISIBLE_VERBS:] + [button for button in rest if button.name in seldom]
    return Bar(first, others[:VISIBLE_VERBS], more)


# -- the one sentence --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Statement:
    """How things stand: what, who said so, when."""

    text: str
    by: User | None
    at: datetime | None


def statement(incident: Incident, last_update: Update | None) -> Statement | None:
    """The incident's own sentence, or what everybody was told last if that is newer."""
    own = Statement(incident.summary, incident.summary_by, incident.summary_at) if incident.summary else None
    told_everybody = last_update is not None and last_update.audience != Update.Audience.EXECUTIVES
    if not told_everybody or (own and own.at and own.at >= last_update.at):
        return own
    return Statement(last_update.text, last_update.by, last_update.at)


# -- the timeline ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class FeedFilter:
    """One filter of the timeline with its number of entries."""

    name: str
    label: str
    count: int
    current: bool


@dataclass(frozen=True)
class FeedEntry:
    """One entry as it is drawn."""

    entry: TimelineEntry
    icon: str
    disc: str
    quiet: bool
    label: str
    actor: str
    tags: list[str]


@dataclass(frozen=True)
class Feed:
    """The newest entries of the chosen filter, and how many older ones there are."""

    entries: list[FeedEntry]
    filters: list[FeedFilter]
    chosen: str
    older: int


def feed(incident: Incident, *, chosen: str, whole: bool) -> Feed:
    """Newest first; ten, or up to two hundred when asked for the older ones."""
    chosen = chosen if chosen in FILTERS else "all"
    counts = incident.timeline.order_by().aggregate(
        **{
            name: Count("pk", filter=Q(kind__in=kinds) if kinds else None)
            for name, (_, kinds) in FILTERS.items()
        }
    )
    kinds = FILTERS[chosen][1]
    entries = incident.timeline.filter(kind__in=kinds) if kinds else incident.timeline.all()
    shown = list(entries.order_by("-at", "-sequence")[: MANY if whole else FEW])
    filters = [FeedFilter(name, label, counts[name], name == chosen) for name, (label, _) in FILTERS.items()]
    return Feed([_feed_entry(entry) for entry in shown], filters, chosen, counts[chosen] - len(shown))


def _feed_entry(entry: TimelineEntry) -> FeedEntry:
    icon, disc = LOOKS.get(entry.kind, ("pencil", ""))
    named = entry.kind in TimelineEntry.WRITTEN and entry.kind != Kind.NOTE
    return FeedEntry(
        entry=entry,
        icon=icon,
        disc=disc,
        quiet=entry.kind in QUIET or not entry.actor_name,
        label=entry.get_kind_display() if named else "",
        actor="" if entry.text.startswith(entry.actor_name) else entry.actor_name,
        tags=_tags(entry),
    )


def _tags(entry: TimelineEntry) -> list[str]:
    """Where an update went: each place, with the number of people where it is known."""
    if entry.kind != Kind.UPDATE or not entry.actor_name:
        return []
    places = {"staff": "Staff", "executives": "Executives", "customers": "Status page"}
    place = places.get(entry.data.get("audience", ""), "")
    recipients = entry.data.get("recipients")
    return [f"{place} {recipients:,}" if recipients else place] if place else []


# -- roles, tasks -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RoleRow:
    """One role: who holds it since when, or that nobody does though the severity requires it."""

    role: str
    label: str
    held: RoleAssignment | None
    required: bool


def role_rows(incident: Incident) -> list[RoleRow]:
    """The manager always; further roles when held or required."""
    held = {row.role: row for row in incident.roles.filter(until__isnull=True).select_related("user")}
    required = set(incident.severity.required_roles) if incident.severity and incident.is_open else set()
    return [
        RoleRow(role.value, role.label, held.get(role.value), role.value in required)
        for role in Role
        if role.value in held or role.value in required or role in {Role.MANAGER, Role.COMMUNICATIONS}
    ]


def tasks(incident: Incident) -> list[Task]:
    """What is to be done first, in order of due time; what is done last."""
    rows = list(incident.tasks.select_related("owner"))
    return sorted(
        rows, key=lambda task: (task.done_at is not None, task.due_at is None, task.due_at or task.created_at)
    )


@dataclass(frozen=True)
class Link:
    """A way from the incident to what an upper floor keeps about it."""

    label: str
    url: str
    icon: str = "open"


def holder(rows: list[RoleRow], role: str) -> User | None:
    """Who holds a role, of the rows already loaded."""
    return next((row.held.user for row in rows if row.role == role and row.held), None)


def length(start: datetime | None, end: datetime | None) -> timedelta | None:
    """From one milestone to another; None where either is unknown or they stand in the wrong order."""
    return end - start if start and end and end >= start else None
