"""Which pages somebody who comes on call must know: those of the schedule that are not over, by how they stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from oncall.models import Page, User

State = Page.State
#: An acknowledgement that is older has probably been forgotten.
OLD = timedelta(days=1)
HEADINGS = {
    "waiting": "Waiting for an answer",
    "acknowledged": "Acknowledged",
    "old": "Acknowledged more than a day ago",
    "snoozed": "Snoozed",
}


@dataclass(frozen=True)
class Target:
    """Whose pages: those whose policy pages the schedule, and pages to these people themselves."""

    schedule_id: int
    people: frozenset[int]


def load() -> list[Page]:
    """Every page that is not over, the oldest first, in two queries."""
    return list(Page.objects.open().select_related("acknowledged_by").with_told().order_by("pk"))


def of(target: Target, pages: Iterable[Page], *, at: datetime) -> dict[str, list[Page]]:
    """The pages that concern ``target`` under the keys of ``HEADINGS``; of several about one thing the first.

    A page that was sent to no schedule counts where it was sent to one of the people, or one of them has it.
    """
    found: dict[str, list[Page]] = {}
    known = set()
    for page in pages:
        if _concerns(page, target) and (not page.reference or page.reference not in known):
            known.add(page.reference)
            found.setdefault(heading(page, at), []).append(page)
    return {key: found[key] for key in HEADINGS if key in found}


def heading(page: Page, at: datetime) -> str:
    """How a page that is not over stands: one of the keys of ``HEADINGS``."""
    if page.state == State.SNOOZED:
        return "snoozed"
    if page.state != State.ACKNOWLEDGED:
        return "waiting"
    return "old" if page.acknowledged_at and at - page.acknowledged_at > OLD else "acknowledged"


def seen_by(found: dict[str, list[Page]], user: User) -> dict[str, list[Page]]:
    """Those of them that a person may see; a query only where one is private."""
    private = [page.pk for pages in found.values() for page in pages if page.private]
    if not private:
        return found
    hers = set(Page.objects.filter(pk__in=private).visible_to(user).values_list("pk", flat=True))
    seen = {key: [p for p in pages if not p.private or p.pk in hers] for key, pages in found.items()}
    return {key: pages for key, pages in seen.items() if pages}


def _concerns(page: Page, target: Target) -> bool:
    targets = [each for step in page.plan.get("steps", ()) for each in step["targets"]]
    on = {each["id"] for each in targets if each["kind"] == "schedule"}
    if on:
        return target.schedule_id in on
    named = {each["id"] for each in targets if each["kind"] == "user"} | {page.acknowledged_by_id}
    return bool(named & target.people)
