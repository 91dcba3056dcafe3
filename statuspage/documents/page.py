"""What is public, as frozen values: the only thing a renderer sees.

``statuspage.public`` builds them from the public models. A renderer that wants a fact finds it here or
does not show it, so nothing internal can slip into a document. Instants are aware UTC.
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from statuspage import rollup
from statuspage.uptime import Day

INCIDENT = "incident"
MAINTENANCE = "maintenance"
CLOSED = frozenset({"resolved", "postmortem", "completed", "cancelled"})


@dataclass(frozen=True)
class Site:
    """The page itself. ``url`` has no slash at its end, ``prefix`` stands before every path of it.

    ``sheet`` and ``logo`` are paths of its own style and picture, empty without.
    """

    id: str
    name: str
    url: str
    time_zone: str
    updated_at: datetime
    prefix: str = ""
    sheet: str = ""
    logo: str = ""
    support_url: str = ""
    home_url: str = ""
    footer: str = ""
    is_public: bool = True

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class Spell:
    """A component in one bad status, with the post that says so (none for one set by hand)."""

    status: str
    start: datetime
    end: datetime | None
    post_id: str | None = None


@dataclass(frozen=True)
class Component:
    """A component, or with ``group`` a group that carries the worst status of its ``children``."""

    id: str
    name: str
    status: str
    created_at: datetime
    updated_at: datetime
    position: int = 1
    description: str = ""
    showcase: bool = True
    start_date: date | None = None
    group_id: str | None = None
    group: bool = False
    only_show_if_degraded: bool = False
    children: tuple[str, ...] = ()
    days: tuple[Day, ...] = ()
    spells: tuple[Spell, ...] = ()


@dataclass(frozen=True)
class Affected:
    """What an update changed at one component; ``name`` is "Group - Child" as Statuspage sends it."""

    code: str
    name: str
    old_status: str
    new_status: str


@dataclass(frozen=True)
class Update:
    """One message to the public. ``body`` is Markdown; ``display_at`` is what is shown and sorted by."""

    id: str
    status: str
    body: str
    created_at: datetime
    updated_at: datetime
    display_at: datetime
    affected: tuple[Affected, ...] | None = None
    deliver_notifications: bool = False


@dataclass(frozen=True)
class Post:
    """An incident or a maintenance as the public sees it; ``updates`` newest first.

    ``affected`` pairs each component's id with the worst status this post gave it.
    """

    id: str
    kind: str
    name: str
    status: str
    impact: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None
    next_update_at: datetime | None = None
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    updates: tuple[Update, ...] = ()
    affected: tuple[tuple[str, str], ...] = ()

    @property
    def is_open(self) -> bool:
        """Something is happening now: a maintenance that has not begun is not open."""
        return self.status not in CLOSED and self.status != "scheduled"

    @property
    def began_at(self) -> datetime:
        """When it began for the public: a maintenance with its first "in progress", else as planned."""
        if self.kind == INCIDENT:
            return self.started_at
        begun = [update.display_at for update in self.updates if update.status == "in_progress"]
        return min(begun, default=self.scheduled_for or self.started_at)


@dataclass(frozen=True)
class Page:
    """Everything a document may say, as of one instant. Components come in tree order."""

    site: Site
    as_of: datetime
    components: tuple[Component, ...] = ()
    posts: tuple[Post, ...] = ()

    @property
    def by_id(self) -> dict[str, Component]:
        return {component.id: component for component in self.components}

    @property
    def leaves(self) -> tuple[Component, ...]:
        return tuple(component for component in self.components if not component.group)

    @property
    def status(self) -> rollup.Status:
        return rollup.top_level(component.status for component in self.leaves)

    def of_kind(self, kind: str) -> tuple[Post, ...]:
        return tuple(post for post in self.posts if post.kind == kind)
