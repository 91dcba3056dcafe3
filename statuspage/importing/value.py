"""What importers hand over: a page as another product told it, in plain values.

Ids are public ids of twelve characters, instants are aware UTC, statuses are ours (which are Statuspage's).
"""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True)
class Site:
    """The page itself; an empty ``time_zone`` is not known."""

    id: str
    name: str
    time_zone: str = ""


@dataclass(frozen=True)
class Part:
    """A component or a group. ``status`` is what the page showed; ``since`` when it last changed."""

    id: str
    name: str
    group_id: str | None = None
    is_group: bool = False
    description: str = ""
    position: int = 1
    status: str = "operational"
    showcase: bool = True
    start_date: date | None = None
    only_show_if_degraded: bool = False
    visible: bool = True
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Told:
    """One update of a post; ``affected`` are (component, status before, status after)."""

    id: str
    status: str
    body: str
    display_at: datetime
    created_at: datetime
    updated_at: datetime
    affected: tuple[tuple[str, str, str], ...] = ()
    delivered: bool = False


@dataclass(frozen=True)
class Spell:
    """A component in one bad status for a while; no ``end`` means it lasts."""

    component: str
    status: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Event:
    """A post: an incident, or a maintenance with its window. ``updates`` in order of ``display_at``.

    ``spells`` where the product tells them by itself; None: they are computed from the updates.
    """

    id: str
    kind: str
    name: str
    status: str
    impact: str
    started_at: datetime
    created_at: datetime
    updated_at: datetime
    impact_override: str = ""
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    auto_start: bool = True
    auto_complete: bool = True
    notify_at_start: bool = False
    notify_at_end: bool = False
    backfilled: bool = False
    components: tuple[str, ...] = ()
    updates: tuple[Told, ...] = ()
    spells: tuple[Spell, ...] | None = None


@dataclass(frozen=True)
class Reader:
    """A subscriber who has confirmed there. No components: everything."""

    id: str
    address: str
    components: tuple[str, ...] = ()
    created_at: datetime | None = None


@dataclass(frozen=True)
class Remark:
    """What was left out or decided: the place where it stood, and what became of it."""

    place: str
    text: str


@dataclass(frozen=True)
class Past:
    """Everything that was told of one page. ``product`` names the importer."""

    product: str
    site: Site | None = None
    parts: tuple[Part, ...] = ()
    events: tuple[Event, ...] = ()
    readers: tuple[Reader, ...] = ()
    remarks: tuple[Remark, ...] = field(default=())
