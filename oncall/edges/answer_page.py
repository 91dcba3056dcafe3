"""What the page behind an answer link says, as plain values for ``oncall/answer.html``."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.dateparse import parse_datetime

from oncall import answering, messages, plans
from oncall.acknowledging import awaited_from
from oncall.edges import times
from oncall.messaging.models import Delivery
from oncall.models import AnswerToken, Notified, Page, PageEvent, Schedule, Urgency, User
from oncall.upcoming import Upcoming, listed, upcoming

State = Page.State

#: What a person can do from a message, by state; the first is the large button.
VERBS: dict[str, list[str]] = {
    State.ACTIVE: ["acknowledge", "escalate"],
    State.EXHAUSTED: ["acknowledge"],
    State.SNOOZED: ["acknowledge"],
    State.HELD: ["acknowledge", "escalate"],
    State.ACKNOWLEDGED: ["acknowledge", "escalate"],
    State.RESOLVED: [],
}
OTHERS_NAMED = 10
AFTER_ANSWERING = ["resolve", "escalate"]


def nothing_here() -> dict[str, Any]:
    """The page of a link that is unknown: nothing about any page, and what to do."""
    said = _said("warn", "This link does not work", "Open the newest message about the page, or sign in.")
    return _bare("Nothing to answer here") | {"said": said}


def expired() -> dict[str, Any]:
    """The page of a link that is too old: what it was about is not shown any more."""
    said = _said("warn", "This link has run out", "It was good for a day. Sign in to see the page.")
    return _bare("This page is from an earlier day") | {"said": said}


def state_of(
    token: AnswerToken,
    *,
    at: datetime,
    action: str = "",
    did: str = "",
    refusal: str = "",
    may_act: bool = True,
) -> dict[str, Any]:
    """The page as it is now, for the person whom the link was sent to.

    ``action`` is where the buttons post to, ``did`` what she has just done, ``refusal`` why that was not done.
    """
    page, person = token.page, token.user
    zone = ZoneInfo(person.time_zone)
    ahead = upcoming(page)
    since = parse_datetime(page.facts.get("impact_since") or "") or page.created_at
    return {
        "organisation": settings.ORGANISATION,
        "person": str(person),
        "facts": page.facts,
        "title": page.title,
        "service": page.facts.get("service") or (str(page.service) if page.service else ""),
        "since": times.clock(since, at, zone),
        "lasted": times.span(at - since),
        "zone": person.time_zone,
        "since_there": _elsewhere(page, since, person, at),
        "step": page.step,
        "loop": page.loop,
        "acknowledge_label": "I am still at work" if _is_owner(page, person) else "Acknowledge",
        "upcoming": _countdown(page, ahead, at),
        "said": _what_to_say(page, person, did, refusal, at, zone),
        "verbs": _verbs(page, person) if may_act else [],
        **(_others(page, person) if may_act else {}),
        "action": action,
        "people": _people(page, person, ahead, at, zone),
        "open_url": messages.portal_url(page.url),
    }


def _others(page: Page, person: User) -> dict[str, Any]:
    """What else waits for her, and how much it is in all: she may take it on with one press."""
    others = answering.others(page, person)
    named = [{"key": one.reference, "title": one.title} for one in others[:OTHERS_NAMED]]
    count = others.count() if len(named) == OTHERS_NAMED else len(named)
    more = [{"key": "", "title": f"and {count - len(named)} more"}] if count > len(named) else []
    return {"others": named + more, "waiting": count + 1}


def spent(token: AnswerToken, *, at: datetime) -> dict[str, Any]:
    """The page of a link that has been used: how things stand, without buttons."""
    shown = state_of(token, at=at, may_act=False)
    zone = ZoneInfo(token.user.time_zone)
    when = times.clock(token.used_at, at, zone)
    text = f"It was used at {when} to {token.used_for}. To do more, sign in or use the newest message."
    now = shown["said"]["title"] if shown["said"] else "Still waiting for an answer"
    return shown | {"said": _said("warn", now, text)}


def _bare(title: str) -> dict[str, Any]:
    return {
        "organisation": settings.ORGANISATION,
        "title": title,
        "facts": {},
        "open_url": f"{settings.PUBLIC_URL}/admin/",
    }


def _said(tone: str, title: str, text: str = "") -> dict[str, str]:
    return {"tone": tone, "title": title, "text": text}


def _verbs(page: Page, person: User) -> list[str]:
    """Ending it is offered to those who have answered, so that nobody ends in half sleep what another works on."""
    if page.state != State.ACKNOWLEDGED:
        answered = _has_answered(page, person)
        return [verb for verb in VERBS[page.state] if verb != "acknowledge" or not answered]
    if page.reminded_at and page.acknowledged_by_id == person.pk:
        return [*VERBS[page.state], "resolve"]
    joined = page.events.filter(
        kind=PageEvent.Kind.ALSO_ACKNOWLEDGED, by=person, at__gte=page.acknowledged_at
    )
    answered = page.acknowledged_by_id == person.pk or joined.exists()
    return AFTER_ANSWERING if answered else VERBS[page.state]


def _has_answered(page: Page, person: User) -> bool:
    """Whether she is one of several who must acknowledge, and has."""
    return page.notified.filter(user=person, cycle=page.cycle, acknowledged_at__isnull=False).exists()


def _is_owner(page: Page, person: User) -> bool:
    return page.state == State.ACKNOWLEDGED and page.acknowledged_by_id == person.pk


def _what_to_say(
    page: Page, person: User, did: str, refusal: str, at: datetime, zone: ZoneInfo
) -> dict[str, str] | None:
    if refusal:
        return _said("warn", "Nothing was done", refusal)
    if did == "acknowledge_all":
        return _said("good", "You acknowledged them all", "Nobody else is paged for any of them.")
    if did == "escalate":
        called = [str(notified.user) for notified in page.notified.filter(at=at).select_related("user")]
        text = f"{', '.join(called)} paged now." if called else "Nobody else could be paged."
        return _said("good" if called else "bad", "You escalated", text)
    return _state_said(page, person, at, zone)


def _state_said(page: Page, person: User, at: datetime, zone: ZoneInfo) -> dict[str, str] | None:
    """What has happened, in one bold sentence and one more; None while an answer is awaited."""
    if page.state == State.ACKNOWLEDGED:
        who = "You" if page.acknowledged_by == person else str(page.acknowledged_by or "The alert source")
        text = "Nobody else is paged."
        if page.reminded_at and page.acknowledged_by == person:
            until = times.clock(page.unacknowledge_at, at, zone)
            return _said(
                "warn",
                "Are you still at work on this?",
                f"Unless you say so by {until}, paging begins again.",
            )
        if page.unacknowledge_at:
            until = times.clock(page.unacknowledge_at, at, zone)
            text += f" Unless it is over by {until}, paging begins again."
        return _said("good", f"{who} acknowledged at {times.clock(page.acknowledged_at, at, zone)}", text)
    if page.state == State.RESOLVED:
        return _said(
            "good", f"Over since {times.clock(page.ended_at, at, zone)}", "Nothing is left to do here."
        )
    if page.state == State.SNOOZED:
        until = times.clock(page.next_step_at, at, zone)
        return _said("warn", f"Snoozed until {until}", "Then paging begins again at the first step.")
    if page.state == State.HELD:
        until = times.clock(page.next_step_at, at, zone)
        return _said("warn", f"Held until {until}", f"It waits {page.get_held_for_display()}.")
    if page.state != State.SNOOZED and _has_answered(page, person):
        names = listed(str(user) for user in awaited_from(page))
        return _said("good", "You acknowledged", f"{names} must as well before paging ends.")
    if page.state == State.EXHAUSTED:
        return _said("bad", "Nobody is left to page", "If you can, take it now: nobody else will be told.")
    return None


def _countdown(page: Page, ahead: Upcoming | None, at: datetime) -> dict[str, Any] | None:
    if ahead is None or page.state != State.ACTIVE:
        return None
    last = page.notified.order_by("-id").values_list("at", flat=True).first() or page.created_at
    left = times.due(ahead.at, at, start=last, soon=timedelta())
    words = times.span(ahead.at - at, exact=True) if ahead.at > at else "No time left"
    return {"words": words, "what": ahead.what, "used": left.used}


def _people(
    page: Page, viewer: User, ahead: Upcoming | None, at: datetime, zone: ZoneInfo
) -> list[dict[str, str]]:
    """Who was paged and with what outcome, then who would be next."""
    rows, seen = [], set()
    reached = page.notified.filter(cycle=page.cycle).select_related("user").order_by("-id")
    unheard, held = _not_delivered(page), _held(page, at)
    for notified in reached:
        if notified.user_id not in seen:
            seen.add(notified.user_id)
            when, until = times.clock(notified.at, at, zone), held.get(notified.user.username)
            held_until = times.clock(until, at, zone) if until else ""
            rows.insert(0, _person_row(page, notified, viewer, unheard, when, held_until))
    owner = page.acknowledged_by
    if owner and owner.pk not in seen:
        when = times.clock(page.acknowledged_at, at, zone)
        rows.append(_row(_name(owner, viewer), "check", "good", f"Answered {when}"))
    if ahead and page.state == State.ACTIVE:
        when = times.clock(ahead.at, at, zone)
        rows += [
            _row(_name(user, viewer), "clock", "quiet", f"Paged at {when} if nobody answers")
            for user in ahead.people
        ]
    return rows


def _person_row(
    page: Page, notified: Notified, viewer: User, unheard: set[str], when: str, held_until: str
) -> dict[str, str]:
    user = notified.user
    name = _name(user, viewer)
    if page.acknowledged_by_id == user.pk or notified.acknowledged_at:  # also as one of several who must
        return _row(name, "check", "good", f"Paged {when}, answered")
    if user.username in unheard:
        return _row(name, "cross", "bad", f"Paged {when}, no message got through")
    if page.state in (State.ACTIVE, State.EXHAUSTED):
        if held_until:
            return _row(name, "bell-off", "quiet", f"Held until {held_until} by quiet hours")
        return _row(name, "bell", "warn", f"Waiting since {when}")
    return _row(name, "bell", "quiet", f"Paged {when}")


def _row(name: str, icon: str, tone: str, words: str) -> dict[str, str]:
    return {"name": name, "icon": icon, "tone": tone, "words": words}


def _name(user: User, viewer: User) -> str:
    return f"You ({user})" if user == viewer else str(user)


def _not_delivered(page: Page) -> set[str]:
    """The usernames for whom every message has failed."""
    states: dict[str, set[str]] = {}
    sent = Delivery.objects.filter(topic=page.topic).exclude(
        medium="inbox"
    )  # which reaches nobody who sleeps
    for username, state in sent.values_list("recipient", "state"):
        states.setdefault(username, set()).add(state)
    failed = {Delivery.State.DEAD, Delivery.State.EXPIRED}
    return {username for username, found in states.items() if found <= failed}


def _held(page: Page, at: datetime) -> dict[str, datetime]:
    """Until when each person's messages wait for the end of her quiet hours, by username."""
    if page.urgency == Urgency.HIGH:
        return {}
    events = page.events.filter(kind=PageEvent.Kind.QUIET).order_by("pk")
    ends = {event.data["user"]: parse_datetime(event.data["until"]) for event in events}
    return {username: until for username, until in ends.items() if until > at}


def _elsewhere(page: Page, since: datetime, person: User, at: datetime) -> str:
    """The same instant where the schedule is at home, if its clock shows something else than hers."""
    home = page.facts.get("time_zone") or _schedules_zone(page) or "UTC"
    there, here = since.astimezone(ZoneInfo(home)), since.astimezone(ZoneInfo(person.time_zone))
    if there.utcoffset() == here.utcoffset():
        return ""
    shown = times.clock(since, at, ZoneInfo(home))
    return f"{shown} UTC" if home == "UTC" else f"{shown} in {times.city(home)}"


def _schedules_zone(page: Page) -> str:
    targets = [target for step in plans.read(page.plan).steps for target in step.targets]
    first = next((target.id for target in targets if target.kind == "schedule"), None)
    return (
        (Schedule.objects.filter(pk=first).values_list("time_zone", flat=True).first() or "") if first else ""
    )
