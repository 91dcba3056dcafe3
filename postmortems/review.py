"""From draft to published: who may say that a post-mortem is good, and what must stand in it by then."""

from datetime import datetime

from django.db import transaction

from incidents import lifecycle
from incidents.models import State
from oncall.messaging.errors import DomainError
from oncall.models import User
from postmortems import actions, rights
from postmortems.models import ActionItem, Approval, PostMortem

Stage = PostMortem.State


@transaction.atomic
def submit(postmortem: PostMortem, *, by: User, at: datetime) -> PostMortem:
    """Ask for review: draft → in review. Submitting again changes nothing."""
    postmortem = _locked(postmortem)
    rights.need_to_write(postmortem, by)
    if postmortem.state != Stage.DRAFT:
        return postmortem
    if not any(section.text.strip() for section in postmortem.sections.all()):
        raise DomainError("empty_postmortem", "Nothing is written yet. Fill in at least one section first.")
    return _move(postmortem, Stage.IN_REVIEW, by=by, submitted_at=at)


@transaction.atomic
def send_back(postmortem: PostMortem, *, by: User, at: datetime, reason: str = "") -> PostMortem:
    """Ask for changes: in review → draft; approvals given so far are void."""
    postmortem = _locked(postmortem)
    rights.need(by, "postmortems.approve_postmortem", "send a post-mortem back")
    if postmortem.state != Stage.IN_REVIEW:
        raise DomainError("not_in_review", f"{postmortem} is {postmortem.get_state_display().lower()}.")
    postmortem.approvals.all().delete()
    return _move(postmortem, Stage.DRAFT, by=by, reason=reason, submitted_at=None)


@transaction.atomic
def approve(postmortem: PostMortem, *, by: User, at: datetime) -> PostMortem:
    """Agree: in review → approved, and the incident goes on to following up.

    Raises DomainError when the approver leads it, when the incident's cause or detection is not filled in, or when
    an action lacks its owner, priority or date. Source: field/incidents.md T12, REV-6, REV-7.
    """
    postmortem = _locked(postmortem)
    if postmortem.state in {Stage.APPROVED, Stage.PUBLISHED}:
        return postmortem
    missing = unready(postmortem, by=by)
    if missing:
        raise DomainError("not_ready", missing[0])
    Approval.objects.get_or_create(postmortem=postmortem, user=by, defaults={"at": at})
    if postmortem.incident.state == State.IN_REVIEW:
        postmortem.incident = lifecycle.approve_review(postmortem.incident, by=by, at=at)
    actions.track(postmortem, by=by, at=at)
    return _move(postmortem, Stage.APPROVED, by=by, approved_at=at)


@transaction.atomic
def publish(postmortem: PostMortem, *, by: User, at: datetime) -> PostMortem:
    """Release it to everybody in the house: approved → published. Publishing again changes nothing."""
    postmortem = _locked(postmortem)
    if postmortem.state == Stage.PUBLISHED:
        return postmortem
    if postmortem.state != Stage.APPROVED:
        raise DomainError(
            "not_approved", "Only an approved post-mortem can be published. Have it approved first."
        )
    rights.need(by, "postmortems.approve_postmortem", "publish a post-mortem")
    return _move(postmortem, Stage.PUBLISHED, by=by, published_at=at)


def unready(postmortem: PostMortem, *, by: User | None = None) -> list[str]:
    """What stands between a post-mortem and its approval, each a sentence; empty when nothing does."""
    found = []
    if by is not None:
        rights.need(by, "postmortems.approve_postmortem", "approve a post-mortem")
        if by == postmortem.lead:
            found.append("Whoever leads a post-mortem does not approve it. Ask somebody else to.")
    if postmortem.state == Stage.DRAFT:
        found.append("It is still a draft. Submit it for review first.")
    incident = postmortem.incident
    for value, name in (
        (incident.root_cause_type, "the type of the root cause"),
        (incident.root_cause_service, "the service of the root cause"),
        (incident.detection_method, "how it was detected"),
    ):
        if not value:
            found.append(f"{incident.key} does not say {name}. Edit the incident first.")
    for action in postmortem.actions.filter(state=ActionItem.State.OPEN):
        if action.owner_id is None or not action.priority:
            found.append(f"“{action.title}” needs an owner and a priority.")
        elif action.due_on is None:
            found.append(f"“{action.title}” needs a date by which it is done.")
    return found


def _locked(postmortem: PostMortem) -> PostMortem:
    return PostMortem.objects.select_for_update(of=("self",)).select_related("incident").get(pk=postmortem.pk)


def _move(
    postmortem: PostMortem, state: str, *, by: User | None, reason: str = "", **milestones
) -> PostMortem:
    postmortem.state = state
    for name, value in milestones.items():
        setattr(postmortem, name, value)
    postmortem._history_user = by
    postmortem._change_reason = reason or PostMortem.State(state).label
    postmortem.save()
    return postmortem
