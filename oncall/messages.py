"""The messages of a page: written once for everybody whom a step reached, filled in for each."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime

from oncall import answers, codes, contacts
from oncall.contacts import Way
from oncall.course import Standing
from oncall.messaging import outbox
from oncall.messaging.models import Delivery, Message
from oncall.messaging.render import plain
from oncall.models import Page, Urgency, User
from oncall.upcoming import Upcoming, upcoming

#: A page that could not be delivered for so long is history: escalation went on without it.
EXPIRES_AFTER = timedelta(hours=6)
PRIORITY = {Urgency.HIGH: 1, Urgency.LOW: 5}


def to_people(
    page: Page,
    people: list[tuple[User, str, list[Way]]],
    *,
    loop: int,
    at: datetime,
    anew: str = "",
    began_at: datetime | None = None,
    stands: Standing | None = None,
) -> None:
    """One delivery for each way of each person, due when her rule says; each with a link of its own.

    ``loop`` is the pass that the people were reached in; the page itself has gone on by now. ``anew`` names why
    people are told again whom this pass has told before; rules count from ``began_at`` (by default ``at``).
    """
    message = _compose(page, at)
    ahead = upcoming(page, stands)
    for user, why, ways in people:
        values = _values(page, user, why, ahead, at)
        for way in ways:
            due_at = max((began_at or at) + way.after, at)
            key = f"page:{page.pk}:{page.cycle}:{loop}:{user.pk}:{way.key}"
            repeated = bool(page.cycle or loop or way.after)
            _to_person(
                page, message, user, way, values, key=key + anew, at=at, due_at=due_at, repeated=repeated
            )


def remind(page: Page, owner: User, *, until: datetime, at: datetime) -> None:
    """Ask whoever acknowledged whether she is still at work, by all her ways at once (field/oncall.md rule 19)."""
    message = _compose(page, at, template="reminder")
    values = _values(page, owner, "you acknowledged it", None, at)
    values["next"] = (
        f"Unless you say so before {clock_time(until, owner.time_zone, today=at)}, paging begins again."
    )
    for way in contacts.ways(owner, page.urgency):
        key = f"page:{page.pk}:{page.cycle}:reminder:{at:%Y%m%d%H%M%S}:{owner.pk}:{way.key}"
        _to_person(page, message, owner, way, values, key=key, at=at, due_at=at)


def _to_person(
    page: Page,
    message: Message,
    user: User,
    way: Way,
    values: dict[str, str],
    *,
    key: str,
    at: datetime,
    due_at: datetime,
    repeated: bool = True,
) -> None:
    link = answers.address(answers.issue(page, user, at=at, good_from=due_at))
    by_phone = _by_phone(page, user, way, at, due_at)
    outbox.send(
        message,
        medium=way.medium,
        address=way.address,
        recipient=user.username,
        key=key,
        values={**values, **_buttons(page), "link": link, **by_phone},
        about=f"service:{page.service_id}" if page.service_id else page.topic,
        **_terms(page, at, due_at, repeated=repeated),
    )


def tell_merged(page: Page, user: User, about: dict[str, str], *, at: datetime) -> bool:
    """Tell a person once, by her quiet rule's first way, where what she was paged for goes on; False: no way.

    ``about`` has the keys ``was`` and ``into``, and ``title`` and ``url`` of the incident that goes on.
    """
    ways = contacts.ways(user, Urgency.LOW)[:1]
    named = f"{about['into']}: {about['title']}" if about["title"] else about["into"]
    lines = [
        f"{about['was']}, for which you were paged, was merged into {named}.",
        f"It goes on there: {portal_url(about['url'])}",
    ]
    message = outbox.compose(
        purpose="notice",
        subject=_inert(f"{about['was']} goes on as {named}"),
        text=_inert("\n\n".join(lines) + "\n"),
        at=at,
    )
    for way in ways:
        outbox.send(
            message,
            medium=way.medium,
            address=way.address,
            recipient=user.username,
            topic=f"private:{page.topic}" if page.private else f"merged:{page.pk}",
            key=f"merged:{about['was']}:{about['into']}:{at:%Y%m%d%H%M%S}:{user.pk}",
            at=at,
        )
    return bool(ways)


def _buttons(page: Page) -> dict[str, str]:
    """What the buttons of a message in chat are for: the page as it is now, and what can be done to it."""
    return {
        "page": str(page.pk),
        "step": page.place,
        "urgency": page.urgency,
        "verbs": "acknowledge escalate resolve",
    }


def to_webhook(page: Page, address: str, *, step: int, loop: int, at: datetime) -> None:
    """Tell a program that a step has fired; the page goes with it as flat values."""
    facts = page.facts
    outbox.send(
        _compose(page, at),
        medium="webhook",
        address=address,
        key=f"page:{page.pk}:{page.cycle}:{loop}:step-{step}:{address}",
        values={
            "page": str(page.pk),
            "title": page.title,
            "text": page.text,
            "urgency": page.urgency,
            "reference": page.reference,
            "severity": facts.get("severity") or "",
            "service": page.service.slug if page.service else "",
            "step": str(step + 1),
            "url": portal_url(page.url),
            **_values(page, None, f"Step {step + 1}", upcoming(page), at),
            "link": portal_url(page.url),
        },
        **_terms(page, at, at, repeated=False),
    )


def portal_url(path: str) -> str:
    """The whole address of a page of the portal; what is whole already stays."""
    return path if not path or urlsplit(path).scheme else f"{settings.PUBLIC_URL}/{path.lstrip('/')}"


def host_of(address: str) -> str:
    """The part of a webhook's address that may be shown: its path often holds a secret."""
    return urlsplit(address).hostname or "a webhook"


def clock_time(at: datetime, zone: str, *, today: datetime) -> str:
    """The wall clock with its place, "08:47 (New York)"; on another day "Tue 24 Nov 08:47 (New York)"."""
    local, place = at.astimezone(ZoneInfo(zone)), city(zone)
    if local.date() == today.astimezone(ZoneInfo(zone)).date():
        return f"{local:%H:%M} ({place})"
    return f"{local:%a} {local.day} {local:%b %H:%M} ({place})"


def _by_phone(page: Page, user: User, way: Way, at: datetime, due_at: datetime) -> dict[str, str]:
    """What only a telephone needs: the code to reply with, or what a call says."""
    if way.medium == "sms":
        return {"code": codes.issue(page, user, way.address, at=at, good_from=due_at)}
    if way.medium == "voice":
        return {"spoken": _spoken(page)}
    return {}


def _spoken(page: Page) -> str:
    """Severity, service and title, as somebody says them who wakes you."""
    facts = page.facts
    severity = facts.get("severity_label") or page.get_urgency_display()
    service = facts.get("service") or (str(page.service) if page.service else "")
    urgency = f"{severity} incident" if facts.get("severity_label") else f"{severity} urgency"
    parts = [f"Muster. {urgency}", service, page.title, page.reference]
    return ". ".join(part for part in parts if part) + "."


def city(zone: str) -> str:
    """The place in an IANA name: ``New York`` for America/New_York."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def _compose(page: Page, at: datetime, *, template: str = "page") -> Message:
    facts = page.facts
    context = {
        "title": page.title,
        "facts": facts,
        "severity": facts.get("severity_label") or f"{page.get_urgency_display()} urgency",
        "service": facts.get("service") or (str(page.service) if page.service else ""),
        "reference": page.reference or facts.get("key") or f"Page {page.pk}",
        "url": portal_url(page.url),
        "text": facts.get("summary") or page.text,
        "runbooks": facts["runbooks"] if "runbooks" in facts else _runbooks(page),
        "organisation": settings.ORGANISATION,
    }
    context = _inert(context)
    return outbox.compose(
        purpose="page",
        subject=plain(f"oncall/mail/{template}.subject", context),
        text=plain(f"oncall/mail/{template}.txt", context),
        html=render_to_string(f"oncall/mail/{template}.html", context),
        brief=plain("oncall/mail/page.brief", context),
        at=at,
    )


def _inert(value):
    """The same values without ``{{``: what others wrote must not become a placeholder, such as the link."""
    if isinstance(value, str):
        return value.replace("{{", "{ {")
    if isinstance(value, list):
        return [_inert(item) for item in value]
    if isinstance(value, dict):
        return {key: _inert(item) for key, item in value.items()}
    return value


def _runbooks(page: Page) -> list[dict[str, str]]:
    if page.service is None:
        return []
    return [{"title": book.title, "url": book.url} for book in page.service.runbooks.all()]


def _values(page: Page, user: User | None, why: str, ahead: Upcoming | None, at: datetime) -> dict[str, str]:
    """What differs from person to person: the name, the reason, and every time, on her own clock."""
    zone = user.time_zone if user else "UTC"
    since = parse_datetime(page.facts.get("impact_since") or "") or page.created_at
    return {
        "name": str(user or ""),
        "why": why,
        "since": clock_time(since, zone, today=at),
        "next": _next(ahead, zone, at),
    }


def _next(ahead: Upcoming | None, zone: str, at: datetime) -> str:
    if ahead is None:
        return "Nobody else will be paged after you."
    when = clock_time(ahead.at, zone, today=at)
    return f"Unless somebody answers before {when}, {ahead.what}."


def _terms(page: Page, at: datetime, due_at: datetime, *, repeated: bool) -> dict:
    """What every message of a page has; the first goes before repeats, loud before quiet (rule 29)."""
    return {
        "topic": page.topic,
        "lane": Delivery.Lane.PAGE,
        "priority": PRIORITY[page.urgency] + repeated,
        "at": at,
        "due_at": due_at,
        "expires_at": due_at + EXPIRES_AFTER,
    }
