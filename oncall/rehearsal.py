"""A rehearsal: whom a page would reach at any instant, when, how and why. The engine's course, nothing written.

It goes through ``oncall.course`` with people looked up for the time of each step, as schedules, rules and contacts
stand now, and with the turns of round robins moved on in memory. Source: field/oncall.md section 1.1, "escalation
dry run".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from oncall import course
from oncall.contacts import Way
from oncall.course import Progress, Reached, Standing, Stop
from oncall.messages import host_of
from oncall.messaging.models import Delivery
from oncall.models import ServiceMaintenance, Team, User
from oncall.plans import Plan
from oncall.targets import Directory
from oncall.upcoming import listed

MOST_LINES = 300
PERSON, WEBHOOK, NOBODY, REPEAT, HOLD, SKIPPED, END = (
    "person", "webhook", "nobody", "repeat", "hold", "skipped", "end"
)  # fmt: skip
GOOD, WEAK, NONE = "good", "weak", "none"
WORDS = {"email": "e-mail", "sms": "SMS", "voice": "voice", "webhook": "webhook"}


@dataclass(frozen=True)
class Chain:
    """One page that would begin: its plan, the team whose admins stand in, and what holds it at first."""

    plan: Plan
    team: Team | None = None
    label: str = ""
    maintenance: ServiceMaintenance | None = None


@dataclass(frozen=True)
class Line:
    """One thing that would happen. ``step`` counts from 1, None at a last resort; ``loop`` is the pass, from 0.

    ``grade`` says how surely the person hears of it: ``good`` by a rule of hers to a verified contact, ``weak``
    another way or one that failed last time, ``none`` not at all.
    """

    kind: str
    at: datetime
    after: timedelta
    who: str
    why: str = ""
    policy: str = ""
    step: int | None = None
    loop: int = 0
    person: User | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    ways: tuple[Way, ...] = ()
    how: str = ""
    grade: str = ""
    weakness: str = ""


@dataclass(frozen=True)
class Rehearsal:
    """What would happen, in the order of time; ``weak`` are sentences about its weak links.

    ``notes`` are sentences about what no line shows.
    """

    at: datetime
    urgency: str
    lines: tuple[Line, ...]
    cut_short: bool = False
    notes: tuple[str, ...] = ()

    @property
    def weak(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.weakness for line in self.lines if line.weakness))

    @property
    def ends_after(self) -> timedelta:
        """Until nobody is left to page."""
        return max((line.after for line in self.lines), default=timedelta())

    @property
    def steps(self) -> tuple[Line, ...]:
        """The lines that ought to reach somebody."""
        return tuple(line for line in self.lines if line.kind in (PERSON, WEBHOOK, NOBODY))


def rehearse(
    chains: Iterable[Chain], *, urgency: str, at: datetime, notes: tuple[str, ...] = ()
) -> Rehearsal:
    """Go through pages that begin at ``at`` until nobody is left to page, whoever is on call by then."""
    lines: list[Line] = []
    for chain in chains:
        lines += _through(chain, urgency, at)
    lines.sort(key=lambda line: line.at)
    cut_short = len(lines) > MOST_LINES
    return Rehearsal(at, urgency, tuple(lines[:MOST_LINES]), cut_short=cut_short, notes=notes)


def _through(chain: Chain, urgency: str, began: datetime) -> Iterator[Line]:
    """The lines of one chain to its end."""
    plan, asks = chain.plan, Directory(team=chain.team, urgency=urgency)
    heard = _Heard()
    start = began
    if chain.maintenance:
        start = chain.maintenance.end
        why = f"{chain.maintenance.service} is under maintenance: {chain.maintenance.reason}"
        yield Line(HOLD, began, timedelta(), "Nobody yet", why, plan.name)
    standing, at = Standing(), start + plan.first_wait
    for _ in range(MOST_LINES):
        progress = course.advance(plan, standing, urgency=urgency, at=at, asks=asks)
        for stop in progress.stops:
            yield from _lines(chain, stop, at, began, heard)
            asks.foresee(plan, stop)
        yield from _pause(chain, progress, at, began)
        if progress.next_at is None:
            return
        standing, at = progress.standing, progress.next_at


# -- from stops to lines -----------------------------------------------------------------------------------
def _lines(chain: Chain, stop: Stop, at: datetime, began: datetime, heard: "_Heard") -> Iterator[Line]:
    plan = chain.plan
    step = stop.step + 1 if stop.step < len(plan.steps) else None
    told = {"at": at, "after": at - began, "policy": plan.name, "step": step, "loop": stop.loop}
    for reached in stop.people:
        yield _person(reached, stop, heard, told)
    for user in stop.unreachable:
        weakness = f"{user} cannot be reached at all."
        yield Line(
            PERSON, who=str(user), person=user, how="No way at all", grade=NONE, weakness=weakness, **told
        )
    for address in stop.webhooks:
        yield Line(WEBHOOK, who=host_of(address), why="A program", how="Webhook", grade=GOOD, **told)
    if stop.passed_over == course.HOURS:
        yield Line(SKIPPED, who=f"{_place(step)} is skipped", why="Outside its hours", **told)
    elif stop.empty:
        reasons = "; ".join(stop.nobody) or "No target can be reached"
        weakness = f"{_place(step)} reaches nobody: {reasons}."
        yield Line(NOBODY, who="Nobody", why=reasons, grade=NONE, weakness=weakness, **told)
    if stop.repeats:
        why = f"{plan.name}, pass {stop.loop + 2} of {plan.repeat + 1}"
        yield Line(REPEAT, who="Again from step 1", why=why, **told)


def _person(reached: Reached, stop: Stop, heard: "_Heard", told: dict[str, Any]) -> Line:
    grade, weakness = heard.grade(reached)
    why = reached.why
    if stop.round_robin_of is not None:
        why += f", whose turn it is of {stop.waiting + 1}"
    return Line(
        PERSON,
        who=str(reached.person),
        person=reached.person,
        why=why,
        about=reached.about,
        ways=reached.ways,
        how=how(reached.ways),
        grade=grade,
        weakness=weakness,
        **told,
    )


def _pause(chain: Chain, progress: Progress, at: datetime, began: datetime) -> Iterator[Line]:
    """What is said of a wait that somebody reading the list would not expect, and of the end."""
    told = {"at": at, "after": at - began, "policy": chain.plan.name}
    if progress.held_for:
        number = progress.standing.step + 1
        why = {course.HOURS: "its hours begin", course.DUTY: "somebody is on call"}[progress.held_for]
        yield Line(HOLD, who=f"Step {number} waits", why=f"until {why}", step=number, **told)
    if progress.next_at is None and not progress.fired and not progress.stops[-1].empty:
        yield Line(END, who="Nobody is left to page", why=f"{chain.plan.name} has come to its end", **told)


def reason(line: Line) -> str:
    """``Step 2 of Payments: named in the step``: why, with the step that it stands in."""
    if line.kind not in (PERSON, WEBHOOK, NOBODY) or not line.policy:
        return line.why
    if line.step is None:
        return f"{line.why}, when {line.policy} has come to its end"
    return f"Step {line.step} of {line.policy}: {line.why}"


def _place(step: int | None) -> str:
    return f"Step {step}" if step else "The last resort"


def how(ways: Iterable[Way]) -> str:
    """``SMS and e-mail, voice after 2 min``."""
    by_wait: dict[timedelta, list[str]] = {}
    for way in ways:
        word = WORDS.get(way.medium, way.medium)
        words = by_wait.setdefault(way.after, [])
        if word not in words:
            words.append(word)
    parts = [
        listed(words) + (f" after {wait / timedelta(minutes=1):g} min" if wait else "")
        for wait, words in sorted(by_wait.items())
    ]
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


class _Heard:
    """How the last message to each address ended, asked once for each."""

    FAILED = (Delivery.State.DEAD, Delivery.State.EXPIRED)

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bool] = {}

    def grade(self, reached: Reached) -> tuple[str, str]:
        """How surely somebody hears of it, and a sentence where that is weak."""
        first = reached.ways[0]
        if first.fallback:
            return WEAK, f"{first.fallback}."
        if first.after:
            minutes = first.after / timedelta(minutes=1)
            return WEAK, f"{reached.person} is first told {minutes:g} min after being paged."
        failed = [way for way in reached.ways if self._failed(reached.person, way)]
        if failed:
            mediums = listed(dict.fromkeys(WORDS.get(way.medium, way.medium) for way in failed))
            return WEAK, f"{reached.person}: the last message by {mediums} did not arrive."
        return GOOD, ""

    def _failed(self, person: User, way: Way) -> bool:
        key = (way.medium, way.address)
        if key not in self._known:
            ended = Delivery.objects.filter(
                recipient=person.username, medium=way.medium, address=way.address, finished_at__isnull=False
            ).exclude(state=Delivery.State.CANCELLED)
            last = ended.order_by("-finished_at").values_list("state", flat=True).first()
            self._known[key] = last in self.FAILED
        return self._known[key]


# -- in one sentence ---------------------------------------------------------------------------------------
def summary(rehearsal: Rehearsal, *, when: str, span) -> list[str]:
    """What it comes to: ``[when, "3 people are told ", "at once", ". The chain ends after ", "30 min", …]``.

    Every second part is what matters and may be shown in bold. ``span`` writes a length of time.
    """
    told = [line for line in rehearsal.lines if line.kind == PERSON and line.grade != NONE]
    if not told:
        return [f"{when}: ", "nobody", " is paged."]
    first = min(line.after for line in told)
    people = list(dict.fromkeys(line.who for line in told if line.after == first))
    who = listed(people) if len(people) <= 2 else f"{len(people)} people"
    parts = [f"{when}: {who} {'is' if len(people) == 1 else 'are'} told "]
    parts.append(f"after {span(first)}" if first else "at once")
    parts += [". The chain ends after ", span(rehearsal.ends_after)]
    weak = sum(line.grade in (WEAK, NONE) for line in rehearsal.steps)
    if weak:
        count = len(rehearsal.steps)
        parts += [
            ". ",
            f"{weak} of {count} step{'s' * (count != 1)} {'is' if weak == 1 else 'are'} weak",
            ".",
        ]
    else:
        parts.append(". Everybody is reached by a verified contact.")
    return parts
