"""What a visitor may send: read field by field, so that nothing else gets in."""

from dataclasses import dataclass

from django.http import HttpRequest, QueryDict
from django.utils.translation import pgettext

from oncall.messaging.render import clean_header
from statuspage import public
from statuspage.models import Component, StatusPage, Subscriber
from statuspage.subscriptions import Choice

HONEYPOT = "website"  # no person sees it; whoever fills it in is none


@dataclass(frozen=True)
class Box:
    """A check box of the form."""

    id: str
    name: str
    checked: bool


@dataclass(frozen=True)
class Group:
    """The components of one group, to choose from."""

    name: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Asked:
    """A sign-up as it came in."""

    address: str
    choice: Choice
    is_robot: bool


def read(request: HttpRequest, page: StatusPage) -> Asked:
    """The form's fields; an unknown component is as if it were not ticked."""
    data = request.POST
    return Asked(
        address=clean_header(data.get("email", ""), limit=1000) if _is_clean(data.get("email", "")) else "\n",
        choice=read_choice(data, page),
        is_robot=bool(data.get(HONEYPOT)),
    )


def _is_clean(text: str) -> bool:
    """A line end or NUL inside an address is an attempt at something, not a slip to be mended."""
    return text.strip() == clean_header(text, limit=2000)


def read_choice(data: QueryDict, page: StatusPage) -> Choice:
    wanted = set(data.getlist("components")[:1000])
    some = data.get("about") == "some"
    rows = [row for row in public.visible(page.components.all()) if row.public_id in wanted]
    return Choice(
        everything=not some,
        components=tuple(rows) if some else (),
        incidents="incidents" in data,
        maintenance="maintenance" in data,
        postmortems="postmortems" in data,
    )


def groups(page: StatusPage, chosen: set[str]) -> list[Group]:
    """The visible components by the group they stand in, in the page's order."""
    rows = public.visible(page.components.all())
    names = {row.pk: row.name for row in rows}
    others = pgettext("components in no group", "Others")
    found: dict[str, list[Box]] = {}
    for row in rows:
        if not row.is_group:
            box = Box(row.public_id, row.name, row.public_id in chosen)
            found.setdefault(names.get(row.parent_id, others), []).append(box)
    return [Group(name, tuple(boxes)) for name, boxes in found.items()]


def fields(page: StatusPage, choice: Choice) -> dict:
    """What the form's template needs to show this choice."""
    return {
        "groups": groups(page, {row.public_id for row in choice.components}),
        "choice": choice,
        "honeypot": HONEYPOT,
    }


def choice_of(subscriber: Subscriber) -> Choice:
    components: tuple[Component, ...] = tuple(subscriber.components.all())
    return Choice(
        everything=subscriber.everything,
        components=components,
        incidents=subscriber.incidents,
        maintenance=subscriber.maintenance,
        postmortems=subscriber.postmortems,
    )
