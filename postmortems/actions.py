"""Action items: owned, dated, reminded of, and done, or waived with a reason."""

import logging
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from incidents import lifecycle
from oncall import clock
from oncall.messaging import outbox, render
from oncall.messaging.errors import DomainError
from oncall.models import User
from postmortems import rights
from postmortems.models import ActionItem, PostMortem

logger = logging.getLogger(__name__)

AHEAD = timedelta(days=2)
DAY = timedelta(days=1)
AGAIN_EVERY = timedelta(days=7)
MORNING = time(9)
Priority, Stage = ActionItem.Priority, ActionItem.State


@transaction.atomic
def add(
    postmortem: PostMortem,
    *,
    title: str,
    by: User | None,
    at: datetime,
    owner: User | None = None,
    priority: str = "",
    due_on: date | None = None,
    details: str = "",
    essential: bool = True,
) -> ActionItem:
    """Write down something that shall change. One of high priority is due by the severity's default."""
    rights.need(by, "postmortems.add_actionitem", "add an action")
    if priority == Priority.HIGH and due_on is None:
        severity = postmortem.incident.severity
        due_on = (at + (severity.action_due_within if severity else timedelta(days=7))).date()
    action = ActionItem(
        postmortem=postmortem,
        title=title,
        details=details,
        owner=owner,
        priority=priority,
        due_on=due_on,
        essential=essential,
        created_at=at,
    )
    return _save(action, by=by, at=at, reason="Added")


@transaction.atomic
def change(action: ActionItem, *, by: User | None, at: datetime, **fields) -> ActionItem:
    """Change title, details, owner, priority, date or weight; a new owner or date is reminded anew."""
    rights.need_to_change(action, by)
    for name, value in fields.items():
        setattr(action, name, value)
    if {"owner", "due_on"} & set(fields):
        action.reminders = 0
    return _save(action, by=by, at=at, reason="Changed")


@transaction.atomic
def finish(action: ActionItem, *, by: User, at: datetime) -> ActionItem:
    """Done. Finishing again changes nothing."""
    rights.need_to_change(action, by)
    if action.state == Stage.DONE:
        return action
    return _end(action, Stage.DONE, by=by, at=at, reason="Done")


@transaction.atomic
def waive(action: ActionItem, *, reason: str, by: User, at: datetime) -> ActionItem:
    """Decide not to do it, and say why. Raises DomainError without a reason."""
    rights.need(by, "postmortems.change_actionitem", "waive an action")
    if not reason.strip():
        raise DomainError("reason_missing", "Say why it will not be done; the next incident may ask.")
    action.waived_because = reason.strip()
    return _end(action, Stage.WAIVED, by=by, at=at, reason=reason)


@transaction.atomic
def reopen(action: ActionItem, *, by: User, at: datetime) -> ActionItem:
    """It was not done after all."""
    rights.need_to_change(action, by)
    action.state, action.ended_at, action.ended_by, action.waived_because = Stage.OPEN, None, None, ""
    action.reminders = 0
    return _save(action, by=by, at=at, reason="Reopened")


def track(postmortem: PostMortem, *, by: User | None, at: datetime) -> None:
    """Tell the incident how many essential actions are open; it closes only at none."""
    left = postmortem.actions.filter(state=Stage.OPEN, essential=True).count()
    lifecycle.track_actions(postmortem.incident, open=left, by=by, at=at)


def remind_owners(*, now: Callable[[], datetime]) -> int:
    """Write to the owner of each action whose reminder is due. A line of the pulse; late or twice does no harm."""
    due = list(ActionItem.objects.due(now()).select_related("owner", "postmortem__incident")[:200])
    return sum(_alone(action, at=now()) for action in due)


def _alone(action: ActionItem, *, at: datetime) -> int:
    """Remind of one action; a failure is logged, tried again at the next beat, and stops no other."""
    try:
        return _remind(action, at=at)
    except Exception:
        logger.exception("No reminder of action %s", action.pk)
        return 0


@transaction.atomic
def _remind(action: ActionItem, *, at: datetime) -> int:
    taken = ActionItem.objects.filter(
        pk=action.pk, state=Stage.OPEN, reminders=action.reminders, remind_at=action.remind_at
    ).update(reminders=action.reminders + 1, remind_at=_next_reminder(action, after=at))
    if not taken or action.owner is None or not action.owner.email:
        return 0
    context = {
        "action": action,
        "incident": action.postmortem.incident,
        "late": due_at(action) + DAY <= at,
        "today": due_at(action) <= at,
        "url": f"{settings.PUBLIC_URL}/admin/postmortems/actionitem/{action.pk}/change/",
    }
    message = outbox.compose(
        purpose="reminder",
        subject=render.plain("postmortems/reminder_subject.txt", context).strip(),
        text=render.plain("postmortems/reminder.txt", context),
        at=at,
    )
    outbox.send(
        message,
        medium="email",
        address=action.owner.email,
        recipient=action.owner.username,
        topic=_topic(action),
        key=f"action:{action.pk}:{action.owner_id}:{action.due_on}:{action.reminders}",
        at=at,
    )
    return 1


def _topic(action: ActionItem) -> str:
    """What the reminders belong to; the prefix hides them in the outbox from those with no part in it."""
    private = action.postmortem.incident.private
    return f"private:action:{action.pk}" if private else f"action:{action.pk}"


def due_at(action: ActionItem) -> datetime:
    """The morning of its day where its owner lives."""
    zone = ZoneInfo(action.owner.time_zone if action.owner else "UTC")
    return clock.resolve(datetime.combine(action.due_on, MORNING), zone)


def _next_reminder(action: ActionItem, *, after: datetime) -> datetime | None:
    """Two days before, on the day, then every week, at or after ``after``."""
    if action.state != Stage.OPEN or action.owner is None or action.due_on is None:
        return None
    due = due_at(action)
    for moment in (due - AHEAD, due):
        if moment > after:
            return moment
    return after + AGAIN_EVERY


def _first_reminder(action: ActionItem, *, at: datetime) -> datetime | None:
    if action.state != Stage.OPEN or action.owner is None or action.due_on is None:
        return None
    due = due_at(action)
    return max(due - AHEAD, at) if at <= due - AHEAD else max(due, at)


def _end(action: ActionItem, state: str, *, by: User, at: datetime, reason: str) -> ActionItem:
    if action.state != Stage.OPEN:
        raise DomainError(
            "action_ended", f"“{action.title}” is {action.get_state_display().lower()} already."
        )
    action.state, action.ended_at, action.ended_by = state, at, by
    outbox.cancel(topic=_topic(action), at=at, reason=reason)
    return _save(action, by=by, at=at, reason=reason)


def _save(action: ActionItem, *, by: User | None, at: datetime, reason: str) -> ActionItem:
    action.remind_at = _first_reminder(action, at=at)
    action._history_user = by
    action._change_reason = reason[:100]
    action.full_clean()
    action.save()
    track(action.postmortem, by=by, at=at)
    return action
