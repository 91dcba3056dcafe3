"""Where a page stands in its course, and whom it asks: from rows to what ``oncall.course`` works with."""

from oncall.course import Standing
from oncall.models import Page, PageEvent, User
from oncall.targets import Directory

Kind = PageEvent.Kind


def of(page: Page) -> Standing:
    """The page's standing, in two queries; at the first step nothing has fired yet in its pass."""
    notified = page.notified.filter(cycle=page.cycle).values_list("user_id", "loop", "acknowledged_at")
    paged = {user for user, loop, _ in notified if loop == page.loop}
    latest = page.step and page.events.filter(kind__in=[Kind.PAGED, Kind.WEBHOOK]).order_by("-pk").first()
    return Standing(
        step=page.step,
        loop=page.loop,
        paged=frozenset(paged),
        answered=frozenset(user for user, _, answered in notified if answered),
        fired=bool(paged) or bool(latest and _in_this_pass(latest, page)),
        reached_anybody=page.reached_anybody,
        reached_at=latest.at if latest else None,
    )


def directory(page: Page, *, locks: bool = False) -> Directory:
    """Whom the page's course asks. ``locks`` where a step is about to be taken."""
    return Directory(team=page.team, urgency=page.urgency, owner=_earlier_owner(page), locks=locks)


def _in_this_pass(event: PageEvent, page: Page) -> bool:
    return (event.data.get("cycle"), event.data.get("loop")) == (page.cycle, page.loop)


def _earlier_owner(page: Page) -> User | None:
    """Whoever acknowledged and let it lie, until her page has begun again (rule 19)."""
    if not page.cycle or page.step or page.loop:
        return None
    expired = page.events.filter(kind=Kind.UNACKNOWLEDGED, data__cycle=page.cycle).first()
    return User.objects.filter(username=expired.data["user"]).first() if expired else None
