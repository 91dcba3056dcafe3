"""From a template and what is known of a post to the words of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_text
from statuspage import public, rollup, wording
from statuspage.documents import words
from statuspage.models import Component, Post, StatusPage, Template


@dataclass(frozen=True)
class Facts:
    """What variables fill themselves in from. Instants are told in the page's zone."""

    page: StatusPage
    components: Iterable[Component] = ()
    started_at: datetime | None = None
    next_update_at: datetime | None = None
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def fill(text: str, facts: Facts, *, at: datetime) -> str:
    """The text with every variable replaced. Raises ``DomainError("variable_missing")``."""
    return wording.fill(text, {**_known(facts, at), **_given(facts.values)})


def _given(values: Mapping[str, str]) -> dict[str, str]:
    """What a person says; a name that fills itself in cannot be overruled by mistake."""
    return {name: clean_text(str(value)) for name, value in values.items() if name not in wording.KNOWN}


def _known(facts: Facts, at: datetime) -> dict[str, str]:
    zone = public.zone_of(facts.page)
    shown = {row.pk for row in public.visible(facts.page.components.all())}
    names = [row.name for row in facts.components if row.pk in shown]  # what is hidden is named nowhere

    def near(moment: datetime | None) -> str:
        return words.near(moment, at, zone) if moment else ""

    found = {
        "components": words.joined(names),
        "service": names[0] if names else "",
        "page": facts.page.name,
        "started_at": near(facts.started_at or at),
        "next_update": near(facts.next_update_at),
        "scheduled_for": near(facts.scheduled_for),
        "scheduled_until": near(facts.scheduled_until),
    }
    return {name: value.replace(words.NBSP, " ") for name, value in found.items()}


def of_post(post: Post, *, next_update_at: datetime | None = None) -> Facts:
    """What is known of a post that an update is written for."""
    return Facts(
        page=post.page,
        components=list(post.components.all()),
        started_at=post.started_at,
        next_update_at=next_update_at,
        scheduled_for=post.scheduled_for,
        scheduled_until=post.scheduled_until,
    )


def find(page: StatusPage, slug: str, kind: str) -> Template:
    """The template of that name for this kind of post. Raises ``DomainError("no_template")``."""
    found = page.templates.filter(slug=slug, kind=kind).first()
    if found is None:
        raise DomainError("no_template", f"There is no template {slug[:100]!r} for this kind of post.")
    return found


def proposed(template: Template) -> dict[Component, str]:
    """The components it proposes, each with its status; those of a maintenance will be under maintenance."""
    is_maintenance = template.kind == Template.Kind.MAINTENANCE
    status = rollup.MAINTENANCE if is_maintenance else template.component_status
    return dict.fromkeys(template.components.all(), status)
