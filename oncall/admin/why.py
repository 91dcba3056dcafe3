"""Why these people and not others: every layer and exception at one instant, in words."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from oncall import clock, rotation
from oncall.edges import instants, schedule_words, timeline, times
from oncall.edges.schedule_words import Face


@dataclass(frozen=True)
class Line:
    """What one layer or exception says; ``note`` is its priority and windows; ``wins`` where it decides."""

    name: str
    note: str
    says: str
    wins: bool = False


class Why:
    """The explanation for an instant: ``asked`` as it was typed, on the viewer's clock; without it for ``now``.

    ``fault`` is a sentence where it is no time that a calendar of ours reaches; then it is for ``now`` too.
    """

    def __init__(
        self, plan: rotation.Schedule, faces: dict[str, Face], viewer: ZoneInfo, now: datetime, asked: str
    ) -> None:
        self.plan, self.faces, self.viewer, self.now = plan, faces, viewer, now
        found = instants.read(asked, viewer)
        self.fault = f"“{asked[:40]}” is no date and time. This is for now." if asked and not found else ""
        self.at = found or now
        self.is_now = found is None

    @property
    def typed(self) -> str:
        """For the browser's picker."""
        return f"{clock.wall(self.at, self.viewer):%Y-%m-%dT%H:%M}"

    @property
    def when(self) -> str:
        """``Wed 11 March 09:02 in New York, 14:02 your time``."""
        there = clock.wall(self.at, self.plan.zone)
        said = f"{there:%a} {there.day} {there:%B} {there.year} {there:%H:%M} in {times.city(self.plan.zone.key)}"
        if self.plan.zone.key == self.viewer.key:
            return said
        here = schedule_words.day_and_time(clock.wall(self.at, self.viewer), there.date())
        return f"{said}, {here} your time"

    @cached_property
    def _explained(self) -> rotation.Explanation:
        return rotation.explain(self.plan, self.at)

    @property
    def who(self) -> str:
        """``Dana Ruiz``, or ``nobody``."""
        return names(self._explained.on_call.people, self.faces).replace("Nobody", "nobody")

    @property
    def because(self) -> list[str]:
        """The reasons of the result: ``Dana Ruiz: Days, turn 47``."""
        found = []
        for each in self._explained.on_call.reasons:
            who = self.faces[each.user].name if each.user else "Nobody"
            found.append(f"{who}: {reason(each, self.plan, self.faces)}")
        return found or ["No layer covers this time."]

    @property
    def lines(self) -> list[Line]:
        """Layers from the highest priority down, then the exceptions that hold."""
        lines = [
            Line(answer.layer.name, schedule_words.layer(answer.layer), self._says(answer), answer.shows)
            for answer in self._explained.layers
        ]
        for exception in self._explained.exceptions:
            said = schedule_words.exception(exception, self.faces)
            span = timeline.spell(exception.start, exception.end, self.plan.zone)
            why = f": {exception.reason}" if exception.reason else ""
            inside = f"in layer {exception.layer}" if exception.layer else ""
            lines.append(
                Line("Absence" if exception.key < 0 else "Exception", inside, f"{said}, {span}{why}")
            )
        return lines

    def _says(self, answer: rotation.LayerAnswer) -> str:
        if answer.seat is None and not answer.offers:
            return schedule_words.why_not(answer.layer, clock.high_water(self.at, self.plan.zone))
        turn = self._seat(answer.seat) if answer.seat else "no turn"
        if answer.seat is None or answer.people != tuple(sorted(answer.seat.people)):
            turn += f"; after exceptions {names(answer.people, self.faces).replace('Nobody', 'nobody')}"
        return f"{turn}: is on call" if answer.shows else f"{turn}: hidden" if answer.people else turn

    def _seat(self, seat: rotation.Seat) -> str:
        who = names(seat.people, self.faces)
        return who if seat.turn is None else f"turn {seat.turn + 1}, {who}"


def reason(found: rotation.Reason, plan: rotation.Schedule, faces: dict[str, Face]) -> str:
    """``Days, turn 47, Ruth → Owen``."""
    words = [f"{found.layer}, turn {found.turn + 1}" if found.turn is not None else found.layer or ""]
    by_key = {exception.key: exception for exception in plan.exceptions}
    words += [schedule_words.exception(by_key[key], faces) for key in found.exceptions]
    return ", ".join(word for word in words if word)


def names(people: tuple[str, ...], faces: dict[str, Face]) -> str:
    return schedule_words.together([faces[user].name for user in people])
