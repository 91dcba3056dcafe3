"""Taking over a page's past: what would be made and changed, and the making of it, all or nothing.

The rule for what is here already: what nobody has changed here since it was taken over follows the other product;
what somebody has changed or deleted here is left alone and named, unless told to overwrite. Nobody is mailed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction

from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import rights, rollup, suppression
from statuspage.importing import spells, stored, writing
from statuspage.importing.spells import Baseline
from statuspage.importing.stored import State
from statuspage.importing.value import Event, Part, Past, Reader, Remark, Spell
from statuspage.models import Origin, Post, PostUpdate, StatusPage, Subscriber, outdate

What = Origin.What


@dataclass(frozen=True)
class Change:
    """One difference: ``action`` make, change or leave; ``fields`` that differ, or why it is left."""

    action: str
    what: str
    id: str
    name: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        tail = f": {', '.join(self.fields)}" if self.fields else ""
        return f"{self.action} {self.what} {self.name!r} ({self.id}){tail}"


@dataclass
class Plan:
    """What taking over amounts to. ``same`` counts what is here already as it came in."""

    past: Past
    changes: list[Change] = field(default_factory=list)
    same: dict[str, int] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    marks: dict[tuple[str, str], str] = field(default_factory=dict)
    spells: dict[str, tuple[Spell, ...]] = field(default_factory=dict)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)

    def ids(self, action: str, what: str) -> set[str]:
        return {change.id for change in self.changes if (change.action, change.what) == (action, what)}

    @property
    def writes(self) -> int:
        """How many things are made or changed."""
        return sum(change.action != "leave" for change in self.changes)


def plan(past: Past, page: StatusPage, *, overwrite: bool = False, at: datetime) -> Plan:
    """Compare what came in with what is here; writes nothing.

    Raises ``DomainError("taken")`` where an id is in use on another page or for another post.
    """
    _check_ids(past, page)
    past = _caught_up(past, at)
    found = Plan(past, remarks=list(past.remarks))
    choice = _Choice(page, found, overwrite)
    choice.site(past)
    told = {event.id: spells.of_event(event) for event in past.events}
    found.spells, found.baselines = spells.settle(past.parts, told)
    here = choice.parts(past.parts)
    choice.events(past.events, here)
    choice.readers(past.readers, here)
    return found


@transaction.atomic
def take_over(
    past: Past, page: StatusPage, *, overwrite: bool = False, by: User | None, at: datetime
) -> Plan:
    """Make what ``plan`` says, in one transaction; taking over again changes nothing.

    Raises ``DomainError`` (``forbidden``, ``taken``).
    """
    rights.need(by, rights.PUBLISH)
    page = StatusPage.objects.select_for_update().get(pk=page.pk)
    found = plan(past, page, overwrite=overwrite, at=at)
    past = found.past
    writer = writing.Writer(page, past.product, by=by, at=at)
    if found.ids("change", What.PAGE):
        writer.site(past.site)
    parts = [part for part in past.parts if part.id not in found.ids("leave", What.COMPONENT)]
    writer.parts(
        [part for part in parts if part.id in found.ids("make", What.COMPONENT)],
        [part for part in parts if part.id in found.ids("change", What.COMPONENT)],
        found.baselines,
    )
    made, changed = found.ids("make", What.POST), found.ids("change", What.POST)
    writer.make_events([event for key, event in found.events.items() if key in made], found.spells)
    writer.change_events([event for key, event in found.events.items() if key in changed], found.spells)
    joined = found.ids("make", What.SUBSCRIBER)
    writer.readers([reader for reader in past.readers if reader.id in joined])
    writer.note(found.marks)
    if found.writes:
        outdate(page.pk)
    return found


def _check_ids(past: Past, page: StatusPage) -> None:
    """An id names one thing, whatever page it stands on."""
    foreign = dict(Post.objects.exclude(page=page).values_list("public_id", "page__name"))
    owners = dict(PostUpdate.objects.values_list("public_id", "post__public_id"))
    for event in past.events:
        if event.id in foreign:
            raise DomainError("taken", f"The post {event.id} is on the page {foreign[event.id]!r} already.")
        for told in event.updates:
            if owners.get(told.id, event.id) != event.id:
                raise DomainError("taken", f"The update {told.id} belongs to the post {owners[told.id]}.")
    others = writing.components_elsewhere(page)
    if taken := next((part for part in past.parts if part.id in others), None):
        raise DomainError("taken", f"The component {taken.id} ({taken.name}) is on another page already.")


class _Choice:
    """Decides what becomes of each thing, and writes it into the plan."""

    def __init__(self, page: StatusPage, found: Plan, overwrite: bool) -> None:
        self.page, self.found, self.overwrite = page, found, overwrite
        self.marks = {(row.what, row.public_id): row.mark for row in page.origins.all()}

    def decide(self, what: str, key: str, name: str, here: State | None, wanted: State) -> str:
        """make, change, leave or same; what is written or the same is marked."""
        known = self.marks.get((what, key))
        if here is None and known is None:
            action, why = "make", ()
        elif here == wanted:
            action, why = "same", ()
        elif self.overwrite or (here is not None and known == stored.mark(here)):
            action = "make" if here is None else "change"
            why = stored.differing(here or {}, wanted) if here else ()
        else:
            action = "leave"
            why = ("deleted here",) if here is None else ("changed here", *stored.differing(here, wanted))
        if action != "leave":
            self.found.marks[what, key] = stored.mark(wanted)
        self.put(action, what, key, name, why)
        return action

    def put(self, action: str, what: str, key: str, name: str, why: tuple[str, ...] = ()) -> None:
        if action == "same":
            self.found.same[what] = self.found.same.get(what, 0) + 1
        else:
            self.found.changes.append(Change(action, what, key, name, why))

    def site(self, past: Past) -> None:
        """A page that holds nothing yet takes over name, zone and id; later the rule for everything else."""
        if past.site is None:
            return
        here, wanted = stored.site(self.page), stored.of_site(past.site, self.page.time_zone)
        if StatusPage.objects.filter(public_id=past.site.id).exclude(pk=self.page.pk).exists():
            raise DomainError("taken", f"Another page here has the id {past.site.id}.")
        untouched = not self.page.components.exists() and not self.page.posts.exists()
        if untouched and not any(what == What.PAGE for what, _ in self.marks):
            self.marks[What.PAGE, past.site.id] = stored.mark(here)
        self.decide(What.PAGE, past.site.id, past.site.name, here, wanted)

    def parts(self, parts: Iterable[Part]) -> set[str]:
        """Components; the ids of all that the page has then."""
        here = stored.parts(self.page)
        present = set(here)
        for part in parts:
            wanted = stored.of_part(part, self.found.baselines.get(part.id, Baseline()))
            if wanted["group"] not in present:
                wanted["group"] = None
            action = self.decide(What.COMPONENT, part.id, part.name, here.get(part.id), wanted)
            if action == "make":
                present.add(part.id)
        return present

    def events(self, events: Iterable[Event], present: set[str]) -> None:
        here = stored.events(self.page)
        for event in events:
            self.found.spells[event.id] = tuple(
                spell for spell in self.found.spells[event.id] if spell.component in present
            )
            event = _limited(event, present)
            self.found.events[event.id] = event
            wanted = stored.of_event(event, self.found.spells[event.id])
            self.decide(What.POST, event.id, event.name, here.get(event.id), wanted)

    def readers(self, readers: Iterable[Reader], present: set[str]) -> None:
        """Who is here already, in whatever state, stays as she is; who has left here is not brought back."""
        readers = list(readers)
        known = Subscriber.objects.filter(page=self.page, channel=Subscriber.Channel.EMAIL)
        addresses = set(known.values_list("address", flat=True))
        suppressed = suppression.among(reader.address for reader in readers)
        for reader in readers:
            if reader.address in addresses:
                self.put("same", What.SUBSCRIBER, reader.id, reader.address)
            elif (What.SUBSCRIBER, reader.id) in self.marks:
                self.put("leave", What.SUBSCRIBER, reader.id, "one", ("has left here",))
            elif reader.address in suppressed:
                self.put("leave", What.SUBSCRIBER, reader.id, "one", ("mail came back from there",))
            elif reader.components and not present.intersection(reader.components):
                self.put("leave", What.SUBSCRIBER, reader.id, "one", ("wants components that are not here",))
            else:
                addresses.add(reader.address)
                self.put("make", What.SUBSCRIBER, reader.id, reader.address)
                self.found.marks[What.SUBSCRIBER, reader.id] = stored.mark({})


def _caught_up(past: Past, at: datetime) -> Past:
    """The past as of ``at``: what the clock has ended since the files were saved is over, and mails nobody."""
    events = [_ended(event, at) for event in past.events]
    over = {
        key
        for event, before in zip(events, past.events, strict=True)
        if event.status != before.status
        for key in event.components
    }
    parts = tuple(
        replace(part, status=rollup.OPERATIONAL)
        if part.id in over and part.status == rollup.MAINTENANCE
        else part
        for part in past.parts
    )
    return replace(past, events=tuple(events), parts=parts)


def _ended(event: Event, at: datetime) -> Event:
    """A maintenance whose window is over has ended with it, where the clock ends it."""
    if event.scheduled_until is None or event.scheduled_until > at:
        return event
    event = replace(event, notify_at_start=False, notify_at_end=False)
    by_clock = event.auto_complete and (event.auto_start or event.status != Post.Status.SCHEDULED)
    if event.status in Post.CLOSED or not by_clock:
        return event
    end = max(event.scheduled_until, event.started_at)
    return replace(event, status=Post.Status.COMPLETED, resolved_at=end)


def _limited(event: Event, present: set[str]) -> Event:
    """The post without components that the page does not have."""
    updates = tuple(
        replace(told, affected=tuple(row for row in told.affected if row[0] in present))
        for told in event.updates
    )
    kept = tuple(dict.fromkeys(key for key in event.components if key in present))
    return replace(event, updates=updates, components=kept)
