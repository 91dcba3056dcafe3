"""A page's past while it is put together: ids, cleaned words, references, remarks."""

import hashlib
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from config.importing.entries import Entry, ImportFault
from oncall import clock
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header, clean_text
from statuspage import rollup, subscriptions
from statuspage.importing import Event, Part, Past, Reader, Remark, Site, Told
from statuspage.models import Impact, Post

LONGEST_NAME, LONGEST_PAGE_NAME, LONGEST_TEXT = 200, 100, 100_000
DEEPEST_GROUP = 5
PUBLIC_ID = re.compile(r"[a-z0-9]{12}")
_DIGITS = string.digits + string.ascii_lowercase
PLAIN_WORD = re.compile(r"[a-z_]{1,30}")


@dataclass
class Draft:
    """What one importer has found so far; ``finish`` ties it together."""

    product: str
    site: Site | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    readers: dict[str, Reader] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    updates: set[str] = field(default_factory=set)

    def remark(self, entry: Entry | None, text: str) -> None:
        self.remarks.append(Remark(entry.place if entry else "", text))

    # -- values -----------------------------------------------------------------------------------------------
    def key(self, kind: str, ident: str) -> str:
        """The public id: kept where it is of our form, else made of it, always the same."""
        if PUBLIC_ID.fullmatch(ident):
            return ident
        whole = f"{self.product}:{kind}:{ident}".encode("utf-8", "backslashreplace")
        number = int.from_bytes(hashlib.sha256(whole).digest())
        return "".join(_DIGITS[number // 36**place % 36] for place in range(12))

    def name(self, entry: Entry, key: str = "name", limit: int = LONGEST_NAME) -> str:
        found = clean_header(entry.text(key), limit)
        if not found:
            raise entry.fault("is missing", key)
        return found

    def body(self, entry: Entry, key: str) -> str:
        text = clean_text(entry.text(key, "")).strip()
        if len(text) > LONGEST_TEXT:
            self.remark(entry, f"a text longer than {LONGEST_TEXT:,} characters is cut.")
        return text[:LONGEST_TEXT]

    def zone(self, entry: Entry, name: str) -> str:
        if name and name not in clock.zone_names():
            self.remark(entry, f"{name!r} is not a time zone by its IANA name; the page keeps its own.")
            return ""
        return "UTC" if name == "Etc/UTC" else name

    # -- entries ----------------------------------------------------------------------------------------------
    def part(self, entry: Entry, part: Part) -> None:
        self.parts[part.id] = part
        self.places[part.id] = entry.place

    def told(self, entry: Entry, told: Told) -> Told | None:
        """An update, unless another one has its id."""
        if told.id in self.updates:
            raise entry.fault(f"another update has the id {told.id} as well", "id")
        self.updates.add(told.id)
        return told

    def reader(self, entry: Entry, ident: str, address: str, components: tuple[str, ...], at) -> None:
        try:
            address = subscriptions.normalised(address)
        except DomainError as refusal:
            self.remark(entry, f"a subscriber's address is not taken: {refusal.detail}")
            return
        if address in self.readers:
            self.remark(entry, "a subscriber's address stands in the files twice; the first one counts.")
            return
        self.readers[address] = Reader(self.key("subscriber", ident), address, components, at)

    # -- together ---------------------------------------------------------------------------------------------
    def finish(self) -> Past:
        """The whole past. ImportFault where there is none, or groups hold themselves."""
        if not (self.site or self.parts or self.events or self.readers):
            raise ImportFault("The files hold nothing that could be taken over.")
        parts = [self._placed(part) for part in self.parts.values()]
        self.parts = {part.id: part for part in parts}
        for part in parts:
            self._check_depth(part)
        leaves = {part.id for part in parts if not part.is_group}
        known = leaves if leaves else None
        events = [self._referring(event, known) for event in self.events.values()]
        return Past(
            self.product,
            self.site,
            tuple(sorted(parts, key=lambda part: (self._depth(part), part.position, part.name))),
            tuple(events),
            tuple(self.readers.values()),
            tuple(self.remarks),
        )

    def _placed(self, part: Part) -> Part:
        """A group that is in none of the files, or is none, cannot hold anything."""
        if part.group_id is None:
            return part
        group = self.parts.get(part.group_id)
        if group is None or not group.is_group:
            place = self.places.get(part.id, "")
            self.remarks.append(
                Remark(
                    place, f"the group {part.group_id} is in none of the files; {part.name!r} stands alone."
                )
            )
            return replace(part, group_id=None)
        return part

    def _check_depth(self, part: Part) -> None:
        if self._depth(part) > DEEPEST_GROUP:
            raise ImportFault(
                f"{self.places.get(part.id, part.id)}: {part.name!r} stands in groups that hold each other, "
                f"or are more than {DEEPEST_GROUP} deep."
            )

    def _depth(self, part: Part) -> int:
        depth, above = 0, part.group_id
        while above is not None and depth <= DEEPEST_GROUP:
            depth, above = depth + 1, self.parts[above].group_id
        return depth

    def _referring(self, event: Event, known: set[str] | None) -> Event:
        """The post with components that there are; those that were deleted there are told of."""
        if known is None:
            return event
        named = {key for told in event.updates for key, _, _ in told.affected} | set(event.components)
        if lost := named - known:
            self.remarks.append(
                Remark(
                    self.places.get(event.id, ""),
                    f"{len(lost)} components of a post are in none of the files (deleted there?); "
                    "what it says of them is left out.",
                )
            )
        updates = tuple(
            replace(told, affected=tuple(row for row in told.affected if row[0] in known))
            for told in event.updates
        )
        kept = tuple(key for key in event.components if key in known)
        return replace(event, updates=updates, components=kept)


# -- reading values --------------------------------------------------------------------------------------------
def instant(entry: Entry, key: str, zone: ZoneInfo | None = None) -> datetime | None:
    """An aware instant in UTC; a time without an offset is of ``zone``. None where there is none."""
    return None if entry.value.get(key) in (None, "") else entry.aware(key, zone)


def need_instant(entry: Entry, key: str, zone: ZoneInfo | None = None) -> datetime:
    found = instant(entry, key, zone)
    if found is None:
        raise entry.fault("is missing", key)
    return found


def day(entry: Entry, key: str) -> date | None:
    text = entry.text(key, "")
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        raise entry.fault("must be a date like 2026-03-02", key) from None


def truth(entry: Entry, key: str, default: bool) -> bool:
    value = entry.value.get(key)
    return default if value is None else value in (True, 1, "1", "true")


def one_of(entry: Entry, key: str, allowed: Iterable[str], default: str | None = None) -> str:
    """A word out of a list; a fault names the word and the list."""
    word = entry.text(key, default)
    if word not in allowed:
        shown = repr(word) if PLAIN_WORD.fullmatch(word) else "what is there"
        known = ", ".join(sorted(word for word in allowed if word))
        raise entry.fault(f"{shown} is not known; known are {known}", key)
    return word


COMPONENT_STATUSES = frozenset(rollup.SEVERITY_ORDER)
IMPACTS = frozenset(Impact.values)
POST_STATUSES = frozenset(Post.Status.values) - {Post.Status.CANCELLED}
