"""What a visitor may send: read field by field, so that nothing else gets in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, QueryDict
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext, pgettext

from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from statuspage import public
from statuspage.models import Component, Post, StatusPage, Subscriber
from statuspage.subscriptions import Choice

HONEYPOT = "website"  # no person sees it; whoever fills it in is none
#: Nobody reads and fills in the form faster, and a form that lay open for longer is shown once more.
FASTEST, OLDEST = timedelta(seconds=2), timedelta(hours=24)


@dataclass(frozen=True)
class Box:
    """A check box of the form."""

    id: str
    name: str
    checked: bool


@dataclass(frozen=True)
class Group:
    """The components of one group, to choose from, and the group itself; components in none have no box for it."""

    name: str
    boxes: tuple[Box, ...]
    own: Box | None = None


@dataclass(frozen=True)
class Asked:
    """A sign-up as it came in."""

    address: str
    choice: Choice
    is_robot: bool
    owner: str = ""
    made: str = ""


def read(request: HttpRequest, page: StatusPage, field: str = "email") -> Asked:
    """The form's fields, the address in ``field``; an unknown component is as if it were not ticked."""
    data = request.POST
    return Asked(
        address=_line(data, field),
        choice=read_choice(data, page),
        is_robot=bool(data.get(HONEYPOT)),
        owner=_line(data, "owner"),
        made=data.get("made", "")[:100],
    )


def _line(data: QueryDict, field: str) -> str:
    given = data.get(field, "")
    return clean_header(given, limit=1000) if _is_clean(given) else "\n"


def stamp(at: datetime) -> str:
    """When a form was made, so that nobody but us can say so."""
    seconds = str(int(at.timestamp()))
    return f"{seconds}.{_mark(seconds)}"


def _mark(seconds: str) -> str:
    return salted_hmac("statuspage.form", seconds, algorithm="sha256").hexdigest()[:24]


def check_age(made: str, *, at: datetime) -> None:
    """Refuse a form that was filled in faster than anybody can, lies around for long, or is none of ours.

    Raises ``DomainError`` (``too_fast``, ``too_old``): a person presses the button once more.
    """
    seconds, _dot, mark = made.partition(".")
    if not seconds.isascii() or not seconds.isdigit() or not constant_time_compare(mark, _mark(seconds)):
        raise DomainError("too_old", gettext("Please press the button once more."))
    age = at - datetime.fromtimestamp(int(seconds), UTC)
    if age < FASTEST:
        raise DomainError("too_fast", gettext("That was quick. Please press the button once more."))
    if age > OLDEST:
        raise DomainError(
            "too_old", gettext("This page was open for a long time. Please press the button once more.")
        )


def _is_clean(text: str) -> bool:
    """A line end or NUL inside an address is an attempt at something, not a slip to be mended."""
    return text.strip() == clean_header(text, limit=2000)


def read_choice(data: QueryDict, page: StatusPage) -> Choice:
    """Everything, some components (with posts that are followed beside), or one post alone."""
    about = data.get("about")
    wanted = set(data.getlist("components")[:1000]) if about == "some" else set()
    posts = {"some": data.getlist("posts")[:100], "post": data.getlist("incident")[:1]}.get(about, [])
    rows = [row for row in public.visible(page.components.all()) if row.public_id in wanted] if wanted else []
    return Choice(
        everything=about not in ("some", "post"),
        components=tuple(rows),
        posts=tuple(page.posts.open().filter(public_id__in=posts)) if posts else (),
        incidents="incidents" in data,
        maintenance="maintenance" in data,
        postmortems="postmortems" in data,
    )


def groups(page: StatusPage, chosen: set[str]) -> list[Group]:
    """The visible components by the group they stand in, in the page's order."""
    rows = public.visible(page.components.all())
    boxes: dict[int | None, list[Box]] = {row.pk: [] for row in rows if row.is_group} | {None: []}
    for row in rows:
        if not row.is_group:
            boxes[row.parent_id].append(Box(row.public_id, row.name, row.public_id in chosen))
    found = [
        Group(row.name, tuple(boxes[row.pk]), Box(row.public_id, row.name, row.public_id in chosen))
        for row in rows
        if row.is_group
    ]
    others = Group(pgettext("components in no group", "Others"), tuple(boxes[None]))
    return [*found, others] if others.boxes else found


def fields(page: StatusPage, choice: Choice, post: Post | None = None, *, posts: Sequence[Post] = ()) -> dict:
    """What the template needs to show this choice. ``post`` is offered alone, ``posts`` beside components."""
    followed = {row.pk for row in choice.posts}
    return {
        "groups": groups(page, {row.public_id for row in choice.components}),
        "choice": choice,
        "post": post,
        "only_post": post is not None and post.pk in followed,
        "open_posts": [Box(row.public_id, row.name, row.pk in followed) for row in posts],
        "honeypot": HONEYPOT,
    }


def followable(page: StatusPage, public_id: str) -> Post | None:
    """The post of this id, if it is not over yet."""
    return page.posts.open().filter(public_id=public_id).first() if public_id else None


def choice_of(subscriber: Subscriber) -> Choice:
    components: tuple[Component, ...] = tuple(subscriber.components.all())
    return Choice(
        everything=subscriber.everything,
        components=components,
        posts=tuple(subscriber.posts.all()),
        incidents=subscriber.incidents,
        maintenance=subscriber.maintenance,
        postmortems=subscriber.postmortems,
    )
