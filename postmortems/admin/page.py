"""What the page of a post-mortem shows: sections, what is still missing, figures, people, actions.

Plain values for ``templates/admin/postmortems/postmortem/``; the same number of queries however much there is.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from incidents.metrics.durations import DEFINITIONS
from incidents.models import Impact, Incident
from oncall.edges import times
from oncall.edges.admin import Button
from oncall.models import User
from postmortems import drafting, lint, review
from postmortems.admin.writing import SectionForm
from postmortems.models import ActionItem, PostMortem, Section

Stage = PostMortem.State
UNFINISHED = (Stage.DRAFT, Stage.IN_REVIEW)
TIMELINE = "### Timeline"
SOON = timedelta(days=1)


def tally(count: int, late: int, what: str) -> str:
    """The news above a list: "4 open, 2 of them late."; empty at none."""
    if not count:
        return ""
    return f"{count} {what}" + (f", {late} of them late." if late else ".")


# -- sections ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Part:
    """One section as it is drawn: its text as it stands, and its form where this person may write."""

    section: Section
    text: str
    form: SectionForm | None = None

    @property
    def is_open(self) -> bool:
        """Whether its field is open from the start: after a press that could not be saved."""
        return bool(self.form and self.form.is_bound and (self.form.errors or self.form.has_changed()))


def parts(postmortem: PostMortem, forms: list[SectionForm]) -> list[Part]:
    """Every section for whoever may write; what has been written for everybody else."""
    if forms:
        return [Part(form.instance, form.stored.strip(), form) for form in forms]
    return [Part(row, row.text.strip()) for row in postmortem.sections.all() if row.text.strip()]


@dataclass(frozen=True)
class Advice:
    """A word that blames, in which section, and what to write instead."""

    section: Section
    finding: lint.Finding


def advice(shown: list[Part]) -> list[Advice]:
    return [Advice(part.section, finding) for part in shown for finding in lint.check(part.text)]


# -- what the portal knows ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Figure:
    """One duration in words; empty where an end is missing."""

    label: str
    explanation: str
    words: str


def figures(incident: Incident) -> list[Figure]:
    """Time to detect, acknowledge, mitigate, resolve."""
    measured = incident.durations.values
    return [Figure(row.label, row.explanation, _length(measured[row.key])) for row in DEFINITIONS[:4]]


def _length(seconds: int | None) -> str:
    return "" if seconds is None else times.span(timedelta(seconds=seconds))


def milestones(incident: Incident) -> list[tuple[str, datetime | None]]:
    """As they happened; what is not recorded last."""
    known = drafting.milestones(incident)
    return sorted(known, key=lambda row: (row[1] is None, row[1] or incident.created_at))


@dataclass(frozen=True)
class Hurt:
    """One service, and for how long it was hurt; no length while it still is."""

    impact: Impact
    length: str


def impacts(incident: Incident) -> list[Hurt]:
    rows = incident.impacts.select_related("service")
    return [Hurt(row, times.span(row.end - row.start) if row.end else "") for row in rows]


def timeline(facts: str) -> str:
    """The part of the recorded facts that no card shows: milestones, impact and people stand beside the text."""
    return facts.partition(TIMELINE)[2].strip()


# -- actions -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Deadline:
    """A day in words: "3 days late", and how urgent that is (late, soon or nothing)."""

    words: str
    tone: str
    on: str


def deadline(on: date | None, today: date) -> Deadline | None:
    """How far an action's day is; None without a day."""
    if on is None:
        return None
    left = on - today
    tone = "late" if left < timedelta() else "soon" if left <= SOON else ""
    return Deadline(times.days(on, today), tone, times.day(on, today))


@dataclass(frozen=True)
class ActionRow:
    """One action with what this person can do to it."""

    action: ActionItem
    due: Deadline | None
    finish: Button | None
    waive: Button | None
    reopen: Button | None


def action_row(action: ActionItem, buttons: list[Button], today: date) -> ActionRow:
    named = {button.name: button for button in buttons}
    due = deadline(action.due_on, today) if action.state == ActionItem.State.OPEN else None
    return ActionRow(action, due, named.get("finish"), named.get("waive"), named.get("reopen"))


# -- the whole page ----------------------------------------------------------------------------------------
#: Drawn elsewhere on the page, with what they are about.
ELSEWHERE = {"plan", "add-action", "refresh"}


def bar(postmortem: PostMortem, buttons: list[Button], viewer: User) -> list[Button]:
    """What comes next, first; whoever leads it is not offered to approve it."""
    hidden = ELSEWHERE | ({"approve"} if viewer.pk == postmortem.lead_id else set())
    return [button for button in buttons if button.name not in hidden]


def context(postmortem: PostMortem, shown: list[Part], now: datetime) -> dict:
    """Everything about the post-mortem that is the same for everybody who sees it."""
    incident, unfinished = postmortem.incident, postmortem.state in UNFINISHED
    missing = review.unready(postmortem) if unfinished else []
    return {
        "now": now,
        "postmortem": postmortem,
        "incident": incident,
        "parts": shown,
        "unfinished": unfinished,
        "missing": missing,
        "incident_gaps": any(sentence.startswith(f"{incident.key} ") for sentence in missing),
        "advice": advice(shown) if unfinished else [],
        "approvals": list(postmortem.approvals.select_related("user")),
        "due": times.due(postmortem.due_at, now, soon=SOON) if unfinished and postmortem.due_at else None,
        "figures": figures(incident),
        "milestones": milestones(incident),
        "impacts": impacts(incident),
        "roles": list(incident.roles.select_related("user").order_by("since")),
        "timeline": timeline(postmortem.facts),
    }
