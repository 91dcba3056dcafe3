"""The story of one page: what it did and why, step by step, with every message and how each try of it ended."""

from dataclasses import dataclass
from datetime import datetime

from oncall import partly, plans
from oncall.admin import page_deliveries
from oncall.admin.page_deliveries import Outcome
from oncall.edges import times
from oncall.models import Page, PageEvent
from oncall.plans import Plan
from oncall.upcoming import Upcoming, ahead

Kind = PageEvent.Kind
ICONS = {
    Kind.OPENED: "bell",
    Kind.ALREADY_PAGED: "user",
    Kind.FALLBACK: "alert",
    Kind.UNREACHABLE: "alert",
    Kind.QUIET: "bell-off",
    Kind.UNDELIVERED: "alert",
    Kind.SKIPPED: "next",
    Kind.HELD: "clock",
    Kind.RELEASED: "bell",
    Kind.WEBHOOK: "globe",
    Kind.NOBODY: "alert",
    Kind.REPEATED: "repeat",
    Kind.FAILED: "alert",
    Kind.EXHAUSTED: "alert",
    Kind.ACKNOWLEDGED: "check",
    Kind.ALSO_ACKNOWLEDGED: "check",
    Kind.ANSWERED: "check",
    Kind.REMINDED: "question",
    Kind.CONFIRMED: "check",
    Kind.UNACKNOWLEDGED: "repeat",
    Kind.GIVEN_BACK: "repeat",
    Kind.ESCALATED: "arrow-up",
    Kind.SNOOZED: "bell-off",
    Kind.WOKE: "bell",
    Kind.RESTARTED: "repeat",
    Kind.MOVED: "swap",
    Kind.LOUDER: "arrow-up",
    Kind.QUIETER: "bell-off",
    Kind.MERGED: "merge",
    Kind.RESOLVED: "st-closed",
}


@dataclass(frozen=True)
class Row:
    """One line: a step with a number in its disc, something that happened, or one try of a message."""

    at: datetime
    title: str
    text: str = ""
    icon: str = ""
    step: int | None = None
    outcome: Outcome | None = None
    url: str = ""


@dataclass(frozen=True)
class Next:
    """What the page does next by itself, and what comes after that."""

    at: datetime
    title: str
    text: str


def story(page: Page, *, with_links: bool) -> list[Row]:
    """Events and messages in the order of time. Five queries, however long it is."""
    plan = plans.read(page.plan)
    rows = [_event_row(page, plan, event) for event in page.events.select_related("by").order_by("id")]
    rows += [
        Row(sent.at, sent.title, sent.text, icon=sent.medium, outcome=sent.outcome, url=sent.url)
        for sent in page_deliveries.lines(page, with_links=with_links)
    ]
    return sorted(rows, key=lambda row: row.at)  # stable: events before the messages that they caused


def _event_row(page: Page, plan: Plan, event: PageEvent) -> Row:
    if event.kind == Kind.PAGED:
        step = event.data.get("step") or 0
        numbered = step <= len(plan.steps)
        return Row(
            at=event.at,
            title=event.data.get("name", event.text),
            text=event.data.get("why", ""),
            step=step if numbered else None,
            icon="" if numbered else "bell",
        )
    if event.kind == Kind.OPENED:
        title = f"Page opened for {page.service}" if page.service else event.text
        return Row(event.at, title, _opened(page, plan, event), icon="bell")
    return Row(at=event.at, title=event.text, icon=ICONS.get(event.kind, "bell"))


def _opened(page: Page, plan: Plan, event: PageEvent) -> str:
    """``Engaged by Marcus Hale on INC-46. Policy “Ledger”, version 7, frozen for this page.``"""
    about = f" on {page.reference}" if page.reference else ""
    parts = [f"Engaged by {event.by}{about}." if event.by else f"By itself{about}." if about else ""]
    if page.policy and event.data.get("policy") != page.policy.slug:
        parts.append(f"{event.text}.")  # it has been moved since, so the plan is another one
    elif page.policy and plan.name:
        version = f", version {plan.version}" if plan.version else ""
        whose = f" of severity {page.policy_reason}" if page.policy_reason else ""
        parts.append(f"Policy “{plan.name}”{whose}{version}, frozen for this page.")
    return " ".join(filter(None, parts))


# -- what comes next ---------------------------------------------------------------------------------------
def next_row(page: Page) -> Next | None:
    """The next thing that happens by itself, with the pass it belongs to and what follows; None: nothing will."""
    coming = ahead(page, count=2)
    if not coming:
        return None
    plan, first = plans.read(page.plan), coming[0]
    parts = [_place(first, plan)] if first.step else []
    parts.append(f"After that {coming[1].what}." if len(coming) > 1 else "Nothing follows by itself.")
    return Next(first.at, first.what, " ".join(parts))


def _place(coming: Upcoming, plan: Plan) -> str:
    loop = f", pass {coming.loop + 1} of {plan.repeat + 1}" if plan.repeat else ""
    return f"Step {coming.step} of {len(plan.steps)}{loop}."


# -- words about the whole ---------------------------------------------------------------------------------
def step_words(page: Page) -> str:
    """``step 2 of 3`` while it is under way; until when it is held; that nobody could be paged at all."""
    if page.state == Page.State.HELD:
        return page.get_held_for_display()
    if page.state == Page.State.EXHAUSTED and not page.reached_anybody:
        return "nobody could be paged"
    steps = len(plans.read(page.plan).steps)
    if page.state != Page.State.ACTIVE or not steps or not page.step:
        return ""
    return f"step {page.step} of {steps}" if page.step <= steps else "last resort"


def summary(page: Page, now: datetime) -> str:
    """``Open for 12 min. 3 people tried, nobody has answered.``, or who has of those who must."""
    tried = page.notified.values("user").distinct().count()
    people = f"{tried} {'person' if tried == 1 else 'people'} tried"
    if page.acknowledged_by:
        answered = times.span(page.acknowledged_at - page.created_at)
        return f"{page.acknowledged_by} answered after {answered}. {people}."
    if page.state == Page.State.RESOLVED:
        return f"Over after {times.span((page.ended_at or now) - page.created_at)}. {people}."
    said = partly.in_part(page).words
    answers = f"{people}. {said}." if said else f"{people}, nobody has answered."
    return f"Open for {times.span(now - page.created_at)}. {answers}"


def interval_began(page: Page) -> datetime:
    """When the wait for the next step began: with the last time that somebody was paged."""
    last = page.notified.order_by("-at").values_list("at", flat=True).first()
    return last or page.created_at
