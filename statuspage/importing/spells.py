"""Pure: from what updates said of components to how long each was not well.

A status stands from the ``display_at`` of the update that says it to that of the next one that says another, and
ends with its post at the latest. That is when the other page changed the component's colour, so bars and
percentages come out as they stood there (field/statuspage.md section 4).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from statuspage import rollup
from statuspage.importing.value import Event, Part, Spell


@dataclass(frozen=True)
class Baseline:
    """What a component's status is beyond all open posts, and since when."""

    status: str = rollup.OPERATIONAL
    since: datetime | None = None


def of_event(event: Event) -> tuple[Spell, ...]:
    """The spells that a post's updates amount to."""
    if event.spells is not None:
        return event.spells
    open_: dict[str, Spell] = {}
    done: list[Spell] = []
    for update in sorted(event.updates, key=lambda update: (update.display_at, update.created_at)):
        for component, _, status in update.affected:
            before = open_.get(component)
            if before is not None and before.status == status:
                continue
            if before is not None:
                done.append(replace(open_.pop(component), end=update.display_at))
            if status != rollup.OPERATIONAL:
                open_[component] = Spell(component, status, update.display_at)
    end = event.resolved_at
    done += [replace(spell, end=end and max(end, spell.start)) for spell in open_.values()]
    return tuple(_kept(done, end))


def _kept(spells: Iterable[Spell], end: datetime | None) -> Iterable[Spell]:
    """Not what a correction after the end said, nor what lasted no time."""
    for spell in sorted(spells, key=lambda spell: (spell.start, spell.component)):
        last = spell.end if end is None or spell.end is None else min(spell.end, end)
        if last is None or last > spell.start:
            yield replace(spell, end=last)


def settle(
    parts: Iterable[Part], events: dict[str, tuple[Spell, ...]]
) -> tuple[dict[str, tuple[Spell, ...]], dict[str, Baseline]]:
    """Make spells that last agree with the status that each component was shown in; by post, and the baselines.

    Somebody may have set a component by hand while a post was open: then the post's spell ends when the component
    last changed. A status worse than what open posts say is the component's baseline.
    """
    shown = {part.id: part for part in parts if not part.is_group}
    settled = {
        key: tuple(_agreeing(spell, shown.get(spell.component)) for spell in spells)
        for key, spells in events.items()
    }
    said: dict[str, list[str]] = {}
    last_end: dict[str, datetime] = {}
    for spell in (spell for spells in settled.values() for spell in spells):
        if spell.end is None:
            said.setdefault(spell.component, []).append(spell.status)
        elif spell.status == getattr(shown.get(spell.component), "status", ""):
            last_end[spell.component] = max(spell.end, last_end.get(spell.component, spell.end))
    baselines = {}
    for part in shown.values():
        if rollup.rank(part.status) > rollup.rank(rollup.worst(said.get(part.id, []))):
            since = last_end.get(part.id, part.updated_at)
            baselines[part.id] = Baseline(part.status, since or part.updated_at)
    return settled, baselines


def _agreeing(spell: Spell, part: Part | None) -> Spell:
    """A spell that lasts, ended where its component is better than it says."""
    if spell.end is not None or part is None or rollup.rank(part.status) >= rollup.rank(spell.status):
        return spell
    return replace(spell, end=max(part.updated_at or spell.start, spell.start))
