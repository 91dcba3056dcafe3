"""What has to be done while the incident is on. What outlives it becomes an action item of the review."""

from datetime import datetime

from django.db import transaction

from incidents import milestones, rights, timeline, transitions
from incidents.models import Incident, Task
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from oncall.models import User


@transaction.atomic
def add(
    incident: Incident,
    *,
    title: str,
    by: User | None,
    at: datetime,
    owner: User | None = None,
    due_at: datetime | None = None,
    undoes_mitigation: bool = False,
) -> Task:
    """Something to do. The same title while it is still open is the same task."""
    rights.require(by, transitions.verb("add_task"), incident)
    title = clean_header(title, limit=300)
    if not title:
        raise DomainError("title_missing", "Say what is to be done: the task is empty.")
    if due_at and not milestones.EARLIEST <= due_at <= milestones.LATEST:
        raise DomainError("due_out_of_range", "Correct the year in which the task is due.")
    Incident.objects.select_for_update().values_list("pk").get(pk=incident.pk)
    same = incident.tasks.filter(title=title, done_at__isnull=True).first()
    if same:
        return same
    task = Task(
        incident=incident,
        title=title,
        owner=owner,
        due_at=due_at,
        undoes_mitigation=undoes_mitigation,
        created_at=at,
    )
    _save(task, by)
    text = f"Task: {title}" + (f" ({owner})" if owner else "")
    timeline.add(incident, kind=timeline.Kind.ACTION, text=text, by=by, at=at, data={"task": task.pk})
    return task


@transaction.atomic
def done(task: Task, *, by: User | None, at: datetime) -> Task:
    """Tick it off. Ticking it off again changes nothing."""
    task = _locked(task, by)
    if task.done_at is None:
        task.done_at, task.done_by = at, by
        _save(task, by)
        _tell(task, "Done", by=by, at=at)
    return task


@transaction.atomic
def undone(task: Task, *, by: User | None, at: datetime) -> Task:
    """It was ticked off too early."""
    task = _locked(task, by)
    if task.done_at is not None:
        task.done_at = task.done_by = None
        _save(task, by)
        _tell(task, "Not done after all", by=by, at=at)
    return task


def _locked(task: Task, by: User | None) -> Task:
    rights.require(by, transitions.verb("add_task"), task.incident)
    return Task.objects.select_for_update(of=("self",)).select_related("incident").get(pk=task.pk)


def _save(task: Task, by: User | None) -> None:
    task._history_user = by
    task.save()


def _tell(task: Task, what: str, *, by: User | None, at: datetime) -> None:
    text, data = f"{what}: {task.title}", {"task": task.pk}
    timeline.add(task.incident, kind=timeline.Kind.ACTION, text=text, by=by, at=at, data=data)
