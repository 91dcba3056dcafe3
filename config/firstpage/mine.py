"""What waits for the viewer herself: roles she holds, tasks and actions she owns."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from django.db.models import F
from django.utils import timezone

from config.firstpage import links
from incidents.models import OPEN_STATES, Incident, Role, RoleAssignment, Task
from oncall.edges import times
from oncall.models import User
from postmortems.models import ActionItem, PostMortem

SOON = timedelta(days=1)
ROWS = 10


@dataclass(frozen=True)
class WorkItem:
    """One thing to do: what, for which incident, and by when in words."""

    title: str
    key: str
    url: str
    words: str
    due_at: datetime | None
    is_late: bool
    is_soon: bool


def my_work(user: User, now: datetime) -> list[WorkItem]:
    """What is late first, then by date; things without a date last."""
    items = [*_roles(user, now), *_tasks(user, now), *_reviews(user, now), *_actions(user, now)]
    items.sort(key=lambda item: (item.due_at is None, item.due_at or now))
    return items[:ROWS]


def _roles(user: User, now: datetime) -> Iterator[WorkItem]:
    held = (
        RoleAssignment.objects.filter(user=user, until__isnull=True, incident__state__in=OPEN_STATES)
        .select_related("incident")
        .order_by(F("incident__update_due_at").asc(nulls_last=True))[:ROWS]
    )
    for role in held:
        owes = role.incident.update_due_at if role.role in {Role.MANAGER, Role.COMMUNICATIONS} else None
        yield item(role.get_role_display(), role.incident, owes, now, what="Update due")


def _tasks(user: User, now: datetime) -> Iterator[WorkItem]:
    open_tasks = (
        Task.objects.filter(owner=user, done_at__isnull=True, incident__state__in=OPEN_STATES)
        .filter(incident__in=Incident.objects.visible_to(user))
        .select_related("incident")
        .order_by(F("due_at").asc(nulls_last=True))[:ROWS]
    )
    for task in open_tasks:
        yield item(task.title, task.incident, task.due_at, now, what="Due")


def _reviews(user: User, now: datetime) -> Iterator[WorkItem]:
    unfinished = [PostMortem.State.DRAFT, PostMortem.State.IN_REVIEW]
    led = PostMortem.objects.filter(lead=user, state__in=unfinished).select_related("incident")
    for review in led.order_by(F("due_at").asc(nulls_last=True))[:ROWS]:
        yield item(
            "Review lead", review.incident, review.due_at, now, what="Post-mortem due", url=links.page(review)
        )


def _actions(user: User, now: datetime) -> Iterator[WorkItem]:
    owned = ActionItem.objects.filter(owner=user, state=ActionItem.State.OPEN)
    zone = timezone.get_current_timezone()
    for action in owned.select_related("postmortem__incident").order_by("due_on")[:ROWS]:
        day_after = action.due_on + timedelta(days=1) if action.due_on else None
        due_at = datetime.combine(day_after, time.min, tzinfo=zone) if day_after else None
        row = item(action.title, action.postmortem.incident, due_at, now, what="Due", url=links.page(action))
        yield replace(row, words=_days(action, now.astimezone(zone).date())) if due_at else row


def _days(action: ActionItem, today: date) -> str:
    """In whole days, as the action's own page says it."""
    words = times.days(action.due_on, today)
    return words if action.due_on < today else f"Due {words}"


def item(
    title: str, incident: Incident, due_at: datetime | None, now: datetime, *, what: str, url: str = ""
) -> WorkItem:
    """A row about ``incident``: "Update due in 12 min", "5 days late", or that no date is set."""
    late = due_at is not None and due_at <= now
    if due_at is None:
        words = "No date set"
    elif late and what == "Due":
        words = f"{times.span(now - due_at)} late"
    else:
        words = f"{what} {times.ago(due_at, now)}"
    return WorkItem(
        title=title,
        key=incident.key,
        url=url or links.page(incident),
        words=words,
        due_at=due_at,
        is_late=late,
        is_soon=due_at is not None and not late and due_at - now <= SOON,
    )
