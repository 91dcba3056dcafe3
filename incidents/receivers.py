"""What happens to a page reaches its incident. The only receiver of ``oncall.signals.page_changed``.

Runs inside the transaction that changed the page, with the page's row locked; ``moves.lock_all`` says why.
"""

from datetime import datetime
from typing import Any

from incidents import lifecycle, roles, timeline
from incidents.models import Engagement, Incident, Role
from oncall.models import Page, PageEvent, User
from oncall.signals import page_changed

Kind = PageEvent.Kind

# Told by the verb that caused it, in its own words.
UNTOLD = {Kind.OPENED}
# The first of them is the incident's own first answer, also where a step asks everyone.
ANSWERS = (Kind.ACKNOWLEDGED, Kind.ANSWERED)
JOINS = (*ANSWERS, Kind.ALSO_ACKNOWLEDGED)


def react(
    sender: type[Page],
    *,
    page: Page,
    change: str,
    by: User | None,
    at: datetime,
    data: dict[str, Any],
    **kwargs: Any,
) -> None:
    """Write the event on the incident's timeline; an acknowledgement is the incident's as well."""
    if change in UNTOLD:
        return
    engaged = Engagement.objects.select_for_update(of=("incident",)).filter(page=page).order_by()
    if change in JOINS:
        engaged = engaged.select_related("service", "incident__severity")
    else:  # an entry on the timeline needs little of the incident, and is written for everybody who is paged
        engaged = engaged.select_related("service", "incident").only("kind", "service__name", "incident__id")
    engagement = engaged.first()
    if engagement is None:
        return
    incident = engagement.incident
    whom = _whom(engagement)
    text = f"{data['text']} ({whom})" if whom else data["text"]
    if change in JOINS and by is not None:
        _join(engagement, by)
    told = {"page": page.pk, "change": change, **{key: data[key] for key in ("user", "step") if key in data}}
    first = change in ANSWERS and lifecycle.acknowledged(incident, by=by, at=at, text=text, data=told)
    if not first:
        timeline.append(incident, kind=timeline.Kind.PAGE, text=text, by=by, at=at, data=told)
    if change in ANSWERS and by is not None:
        _manage(incident, engagement, by, at=at)


def _manage(incident: Incident, engagement: Engagement, by: User, *, at: datetime) -> None:
    """Whoever answers the managers' page manages the incident, if nobody does yet."""
    if engagement.kind == Engagement.Kind.MANAGER and roles.manager(incident) is None:
        roles.take(incident, role=Role.MANAGER, user=by, by=by, at=at)


def _join(engagement: Engagement, by: User) -> None:
    """Who answered has a part in the incident from now on, also when it is private."""
    if engagement.user_id is None:
        engagement.user = by
        engagement.save(update_fields=["user"])


def _whom(engagement: Engagement) -> str:
    if engagement.kind == Engagement.Kind.MANAGER:
        return "incident manager"
    return engagement.service.name if engagement.service else ""


page_changed.connect(react, dispatch_uid="incidents.receivers.react")
