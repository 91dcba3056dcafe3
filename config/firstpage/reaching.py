"""Who is being reached: pages that wait for an answer, deliveries that were given up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Prefetch, QuerySet

from config.firstpage import links
from oncall import partly, plans
from oncall.edges import addresses
from oncall.edges.admin import Button
from oncall.messaging.mediums import MEDIUMS, label
from oncall.messaging.models import Delivery
from oncall.models import Page, PageEvent, User

ROWS = 10
FEW = 5
MEDIUM_WORDS = {name: label(name) for name in MEDIUMS} | {
    "email": "e-mail",
    "sms": "SMS",
    "webhook": "webhook",
}


# -- pages -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class WaitingRow:
    """One page that waits: who was paged how, who of several has answered, and what happens next."""

    page: Page
    url: str
    who: str
    how: str
    paged_at: datetime
    answers: str
    next_words: str
    buttons: list[Button]


@dataclass(frozen=True)
class Waiting:
    """The card of pages that wait; ``count`` is of all."""

    rows: list[WaitingRow]
    count: int
    url: str

    @property
    def left_out(self) -> int:
        return self.count - len(self.rows)


def visible_waiting(user: User) -> QuerySet[Page]:
    """Unanswered pages that this person may know of."""
    return Page.objects.visible_to(user).waiting()


def waiting(user: User, buttons_of) -> Waiting:
    """The next to escalate first. ``buttons_of(page)`` are the verbs that the viewer may use on it."""
    paged = PageEvent.objects.filter(kind=PageEvent.Kind.PAGED).order_by("-id")
    pages = visible_waiting(user)
    shown = pages.order_by(F("next_step_at").asc(nulls_first=True), "pk").with_told()
    shown = shown.prefetch_related(Prefetch("events", paged, to_attr="paged_events"))[:ROWS]
    return Waiting(
        rows=[_waiting_row(page, buttons_of(page)) for page in shown],
        count=pages.count(),
        url=links.listing(Page),
    )


def _waiting_row(page: Page, buttons: list[Button]) -> WaitingRow:
    latest = page.paged_events[0] if page.paged_events else None
    together = [event for event in page.paged_events if latest and event.at == latest.at]
    mediums = sorted({medium for event in together for medium in event.data.get("mediums", [])})
    return WaitingRow(
        page=page,
        url=links.page(page),
        who=listed(event.data.get("name", "") for event in reversed(together)),
        how=listed(MEDIUM_WORDS.get(medium, medium) for medium in mediums),
        paged_at=latest.at if latest else page.created_at,
        answers=partly.in_part(page).words,
        next_words=next_words(page),
        buttons=buttons,
    )


def next_words(page: Page) -> str:
    """Whom the plan names next: ``Platform leads``, ``Dana Ruiz again, round 2``. People are looked up later."""
    steps = plans.read(page.plan).steps
    if page.state == Page.State.EXHAUSTED and not page.reached_anybody:
        return "Nobody could be paged"
    if page.held_for:
        return f"held {page.get_held_for_display()}"
    if page.state == Page.State.EXHAUSTED:
        some = partly.in_part(page)
        return "Everybody was paged" if some else "Everybody was paged and nobody has answered"
    if page.step == len(steps):
        return "the team’s admins" if not page.reached_anybody else "the last resort"
    if page.step > len(steps):
        return "the last resort"
    names = listed(target.name for target in steps[page.step].targets) or f"step {page.step + 1}"
    return f"{names} again, round {page.loop + 1}" if page.loop else names


def listed(names: Iterable[str]) -> str:
    """``a, b and c``."""
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


# -- deliveries --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class DeadRow:
    """One delivery that was given up: to whom, and what the last attempt was told."""

    delivery: Delivery
    url: str
    to: str
    error: str
    buttons: list[Button]


@dataclass(frozen=True)
class Dead:
    """The card of deliveries given up: the latest few of ``count``."""

    rows: list[DeadRow]
    count: int
    url: str

    @property
    def left_out(self) -> int:
        return self.count - len(self.rows)


def dead(user: User, buttons_of) -> Dead:
    """The latest first; nothing for who may not read deliveries."""
    if not user.has_perm("messaging.view_delivery"):
        return Dead([], 0, "")
    given_up = Delivery.objects.filter(state=Delivery.State.DEAD)
    latest = given_up.order_by("-finished_at")[:FEW]
    rows = [
        DeadRow(
            delivery=delivery,
            url=links.page(delivery),
            to=", ".join(filter(None, [delivery.recipient, addresses.masked(delivery.address)])),
            error=addresses.first_line(delivery.last_error),
            buttons=buttons_of(delivery),
        )
        for delivery in latest
    ]
    return Dead(rows, given_up.count(), f"{links.listing(Delivery)}?state__exact=dead")
