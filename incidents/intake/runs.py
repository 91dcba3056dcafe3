"""Which notifications may be taken in together, as if they were one. Pure: no ORM, no clock.

A storm is thousands of small notifications; worked one by one each costs its own statements. They are merged only
where their order cannot matter: all fire, or all recover, and none says anything about a key or a group of another
that taking them one after the other would have seen differently.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from incidents.intake.dialects import Event, Notification, Status

_MERGED = ({Status.FIRING}, {Status.RESOLVED})
_ABOUT_ALERTS = (Status.FIRING, Status.ACKNOWLEDGED, Status.RESOLVED)
Token = TypeVar("Token")


class Entangled(Exception):
    """An alert has wandered from one group to another: whether it recovered between is seen only in order."""


@dataclass
class Run:
    """Notifications of one source that are taken in together.

    ``said`` is the last event of each key, ``times`` how often it came, ``first_seen`` and ``last_seen`` when each
    key reached us; ``closed`` are groups whose open alerts have recovered unless they are in ``said``, with the
    time at which we heard it.
    """

    said: dict[str, Event] = field(default_factory=dict)
    times: Counter = field(default_factory=Counter)
    first_seen: dict[str, datetime] = field(default_factory=dict)
    last_seen: dict[str, datetime] = field(default_factory=dict)
    closed: dict[str, datetime] = field(default_factory=dict)
    changes: list[tuple[Event, datetime]] = field(default_factory=list)
    size: int = 0
    _groups: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, notification: Notification, seen_at: datetime) -> None:
        """Take another notification along."""
        self.size += 1
        for event in notification.events:
            if event.status == Status.CHANGE:
                self.changes.append((event, seen_at))
            if event.status not in _ABOUT_ALERTS:
                continue
            self.said[event.dedup_key] = event
            self.times[event.dedup_key] += 1
            self.first_seen.setdefault(event.dedup_key, seen_at)
            self.last_seen[event.dedup_key] = seen_at
        if _closes(notification):
            self.closed.setdefault(notification.group_key, seen_at)
        if notification.group_key:
            self._groups[notification.group_key] = _keys(notification)

    def takes(self, notification: Notification) -> bool:
        """Whether the notification may come along without its order mattering."""
        statuses = {event.status for event in notification.events} - {Status.HEARTBEAT}
        mine = {event.status for event in self.said.values()}
        if self.changes or statuses not in _MERGED or mine != statuses:
            return False
        keys = _keys(notification)
        if statuses == {Status.RESOLVED} and not keys.isdisjoint(self.said):
            return False
        if any(event.group_key != self._group_of(event) for event in notification.events):
            return False
        before = self._groups.get(notification.group_key)
        return before is None or before == keys

    def _group_of(self, event: Event) -> str:
        """The group that the event's key is in so far."""
        return self.said.get(event.dedup_key, event).group_key

    def refuse_wanderers(self, groups: Mapping[str, str]) -> None:
        """Raise ``Entangled`` if a key comes from another group that is closed; ``groups``: its group so far."""
        if self.size == 1:
            return
        for key, before in groups.items():
            if key in self.said and before in self.closed and before != self.said[key].group_key:
                raise Entangled(key)


def _keys(notification: Notification) -> frozenset[str]:
    return frozenset(event.dedup_key for event in notification.events if event.status in _ABOUT_ALERTS)


def _closes(notification: Notification) -> bool:
    return notification.closes_unlisted and bool(notification.group_key)


def split(
    received: Iterable[tuple[Token, Notification, datetime]],
) -> Iterator[tuple[list[Token], Run]]:
    """Runs in the order of receipt, each with the tokens of what is in it."""
    tokens: list[Token] = []
    run = Run()
    for token, notification, seen_at in received:
        if tokens and not run.takes(notification):
            yield tokens, run
            tokens, run = [], Run()
        tokens.append(token)
        run.add(notification, seen_at)
    if tokens:
        yield tokens, run
