"""The other ends: a false alarm, a duplicate, and the ways back from both."""

from datetime import datetime

from django.db import transaction

from incidents import communication, engagement, facts, impacts, moves, rights, timeline
from incidents.lifecycle.opening import open_up
from incidents.models import Alert, Engagement, Incident, State, Task
from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.models import Page, User


@transaction.atomic
def cancel(
    incident: Incident, *, reason: str, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T15. A false alarm, a test, no incident: pages end, nothing is owed."""
    move = moves.begin("cancel", incident, by=by, at=at, expected_version=expected_version, reason=reason)
    if move.repeated:
        return move.incident
    _end(move.incident, at=at)
    done = moves.finish(move, to=State.CANCELLED, text=f"Cancelled: {move.reason}")
    engagement.end_pages(done, by=by, at=at, reason="cancelled")
    return done


@transaction.atomic
def restore(
    incident: Incident, *, reason: str, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T18. It was real after all: declared again, and whoever it needs is called in."""
    move = moves.begin("restore", incident, by=by, at=at, expected_version=expected_version, reason=reason)
    if move.repeated:
        return move.incident
    _revive(move.incident, at=at)
    done = moves.finish(move, to=State.DECLARED, text=f"Restored: {move.reason}")
    _call_everybody(done, by=by, at=at)
    return done


@transaction.atomic
def merge(
    incident: Incident, *, into: Incident, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T16. It is the same as another: alerts, open tasks, services and people go there; its own story stays here.

    What went is kept in the Transition, so that it can be taken apart again.
    """
    moves.lock_all([incident, into])
    into = Incident.objects.select_related("severity").get(pk=into.pk)
    if by is not None and not rights.sees(by, into):
        raise DomainError("not_found", "There is no such incident to merge into.")
    move = moves.begin("merge", incident, by=by, at=at, expected_version=expected_version, into=into)
    if move.repeated:
        return move.incident
    source = move.incident
    went = _hand_over(source, into, by=by, at=at)
    _end(source, at=at)
    source.merged_into = into
    done = moves.finish(move, to=State.MERGED, text=f"Merged into {into.key} {into.title}", data=went)
    ended = engagement.end_pages(done, by=by, at=at, reason=f"merged into {into.key}")
    _tell_where_it_goes_on(source, into, [*ended, *_bring_along(went, into, by=by, at=at)], at=at)
    text = f"{source.key} was merged into this: {source.title}"
    timeline.add(into, kind=timeline.Kind.STATE, text=text, by=by, at=at, data={"merged": source.key})
    return done


@transaction.atomic
def unmerge(
    incident: Incident, *, by: User | None, at: datetime, expected_version: int | None = None
) -> Incident:
    """T17. It was another one after all: declared again, with what it brought along."""
    target = Incident.objects.filter(merged=incident).first()
    moves.lock_all([incident, *([target] if target else [])])
    move = moves.begin("unmerge", incident, by=by, at=at, expected_version=expected_version)
    if move.repeated:
        return move.incident
    source, into = move.incident, move.incident.merged_into
    went = source.transitions.filter(name="merge").order_by("-id").first().data
    for model, name in ((Alert, "alerts"), (Task, "tasks"), (Engagement, "engagements")):
        model.objects.filter(pk__in=went.get(name, []), incident=into).update(incident=source)
    source.merged_into = None
    _revive(source, at=at)
    done = moves.finish(move, to=State.DECLARED, text=f"Taken apart from {into.key} again")
    for page in _bring_along(went, source, by=by, at=at):
        paging.start_over(page, why=f"{source.key} was taken apart again", by=by, at=at)
    _call_everybody(done, by=by, at=at)
    timeline.add(into, kind=timeline.Kind.STATE, text=f"{source.key} was taken apart again", by=by, at=at)
    return done


def _bring_along(went: dict[str, list[int]], into: Incident, *, by: User | None, at: datetime) -> list[Page]:
    """The open pages among what went, which are about ``into`` from now on."""
    rows = Page.objects.open().filter(engagement__in=went.get("engagements", [])).order_by("pk")
    address = facts.address(into)
    return [paging.belong_to(page, reference=into.key, url=address, by=by, at=at) for page in rows]


def _tell_where_it_goes_on(source: Incident, into: Incident, pages: list[Page], *, at: datetime) -> None:
    """Each person of the merged incident hears once that the other goes on (field/oncall.md rule 27)."""
    about = {
        "was": source.key,
        "into": into.key,
        "title": "" if into.private else into.title,
        "url": facts.address(into),
    }
    for page in pages:
        paging.tell_where_it_goes_on(page, **about, at=at)


def _end(incident: Incident, *, at: datetime) -> None:
    incident.ended_at = at
    incident.update_due_at = None
    impacts.end(incident, at=at)


def _revive(incident: Incident, *, at: datetime) -> None:
    """What ended only because the incident was put aside goes on; what never began begins."""
    incident.impacts.filter(end=incident.ended_at).update(end=None)
    incident.ended_at = None
    if incident.declared_at is None:
        open_up(incident, [], None, at=at)
    incident.update_due_at = communication.due(incident, at=at, state=State.DECLARED)


def _call_everybody(incident: Incident, *, by: User | None, at: datetime) -> None:
    engagement.call_again(incident, by=by, at=at)
    engagement.call_manager(incident, by=by, at=at)


def _hand_over(source: Incident, into: Incident, *, by: User | None, at: datetime) -> dict[str, list[int]]:
    """Move what the target must go on with. Returns the keys of what went."""
    alerts = list(source.alerts.values_list("pk", flat=True))
    Alert.objects.filter(pk__in=alerts).update(incident=into)
    tasks = list(source.tasks.filter(done_at__isnull=True).values_list("pk", flat=True))
    Task.objects.filter(pk__in=tasks).update(incident=into)
    hurting = {row.service_id: row.start for row in source.impacts.filter(end__isnull=True)}
    for row in source.affected_services.select_related("service"):
        impacts.add_service(into, row.service, kind=row.kind)
        if row.service_id in hurting and into.state != State.MITIGATED:
            impacts.begin(into, at=hurting[row.service_id], services=[row.service])
    engagements = [row.pk for row in _still_needed(source, into)]
    Engagement.objects.filter(pk__in=engagements).update(incident=into)
    facts.refresh(into)
    return {"alerts": alerts, "tasks": tasks, "engagements": engagements}


def _still_needed(source: Incident, into: Incident) -> list[Engagement]:
    """Open pages to whoever the target has no open page for; the others end with the source."""
    there = into.engagements.filter(page__in=Page.objects.open())
    covered = {
        (row.kind == Engagement.Kind.MANAGER, row.service_id, row.team_id, row.user_id) for row in there
    }
    ours = source.engagements.filter(page__in=Page.objects.open())
    return [
        row
        for row in ours
        if row.kind != Engagement.Kind.MANAGER
        and (False, row.service_id, row.team_id, row.user_id) not in covered
    ]
