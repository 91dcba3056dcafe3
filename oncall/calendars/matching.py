"""Whom an event of a calendar means. Pure: people come as a ``Directory``, and nobody is guessed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from oncall.calendars.reading import Happening
from oncall.calendars.recurrence import EventFault

ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}")
Span = tuple[datetime, datetime, frozenset[int]]


@dataclass(frozen=True)
class Directory:
    """People's ids by e-mail address in small letters, and by full name."""

    by_email: dict[str, set[int]]
    by_name: dict[str, set[int]]

    def with_address(self, address: str) -> set[int]:
        """Who has this address; EventFault where several do."""
        return _only_one(self.by_email.get(address, set()), f"the address {address}")

    def called(self, name: str) -> set[int]:
        """Who has exactly this full name; EventFault where several do."""
        return _only_one(self.by_name.get(name, set()), f"the name {name}")


def spans(happenings: Iterable[Happening], directory: Directory) -> tuple[list[Span], list[str]]:
    """Who is on call when, overlaps joined, and a sentence about each event whose people are not clear.

    An event that recurs is told of once.
    """
    known: dict[tuple, frozenset[int]] = {}
    found: list[Span] = []
    problems: dict[str, None] = {}
    for each in happenings:
        said = (each.attendees, each.organizer, each.summary, each.description)
        try:
            if said not in known:
                known[said] = frozenset()
                known[said] = frozenset(people(each, directory, problems))
        except EventFault as fault:
            problems[f"{each.name} {fault}."] = None
        if known[said]:
            found.append((each.start, each.end, known[said]))
    return apart(found), list(problems)


def people(event: Happening, directory: Directory, problems: dict[str, None]) -> set[int]:
    """Whom an event means: its attendees; else its organizer; else the addresses in its words; else its title.

    The title counts where it is somebody's full name, exactly. EventFault where that is nobody or not clear; an
    attendee beside others whom nobody knows goes into ``problems``.
    """
    if event.attendees:
        return _attendees(event, directory, problems)
    organizer = directory.with_address(event.organizer) if event.organizer else set()
    written = _written(event, directory)
    if organizer and written and organizer != written:
        raise EventFault("is organised by one person and names another; add who is on call as attendee")
    if found := organizer or written:
        return found
    raise EventFault("names nobody here: no attendee, no known address, and its title is nobody's full name")


def _attendees(event: Happening, directory: Directory, problems: dict[str, None]) -> set[int]:
    found: set[int] = set()
    for address in event.attendees:
        person = directory.with_address(address)
        if not person:
            problems[f"{event.name} names {address}, whom nobody here has as address."] = None
        found |= person
    return found


def _written(event: Happening, directory: Directory) -> set[int]:
    addresses = {found.lower() for found in ADDRESS.findall(f"{event.summary} {event.description}")}
    found = {person for address in sorted(addresses) for person in directory.with_address(address)}
    return found or directory.called(event.summary)


def _only_one(found: set[int], what: str) -> set[int]:
    if len(found) > 1:
        raise EventFault(f"names {what}, which {len(found)} people have")
    return found


def apart(
    spans: Iterable[Span],
) -> list[Span]:
    """Spans that overlap as spans that do not: where several cover, everybody of them. In order; equals joined."""
    begins: dict[datetime, list[frozenset[int]]] = {}
    ends: dict[datetime, list[frozenset[int]]] = {}
    for start, end, people in spans:
        begins.setdefault(start, []).append(people)
        ends.setdefault(end, []).append(people)
    held: dict[int, int] = {}
    found: list[Span] = []
    for left, right in pairwise(sorted(begins.keys() | ends.keys())):
        for change, groups in ((-1, ends.get(left, ())), (1, begins.get(left, ()))):
            for person in (person for group in groups for person in group):
                held[person] = held.get(person, 0) + change
        people = frozenset(person for person, count in held.items() if count)
        if people and found and found[-1][1] == left and found[-1][2] == people:
            found[-1] = (found[-1][0], right, people)
        elif people:
            found.append((left, right, people))
    return found
