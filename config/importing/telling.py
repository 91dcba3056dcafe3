"""A plan of taking a status page over, in lines: what differs, what is left out, and counts."""

from collections import defaultdict
from collections.abc import Iterator

from statuspage.importing import Plan

#: Of each kind at most so many are named, unless all are asked for.
NAMED = 20
KINDS = ("page", "component", "post", "subscriber")


def lines(plan: Plan, *, done: bool, whole: bool = False) -> Iterator[str]:
    """``done``: it was taken over, and is not only planned."""
    yield from _changes(plan, whole)
    yield from _remarks(plan, whole)
    for kind in KINDS:
        made, changed, left = (len(plan.ids(action, kind)) for action in ("make", "change", "leave"))
        same = plan.same.get(kind, 0)
        if made or changed or left or same:
            yield f"{kind}s: {made} to make, {changed} to change, {same} as they are, {left} left alone."
    if plan.ids("leave", "component") | plan.ids("leave", "post"):
        yield "What is left alone was changed or deleted here; --overwrite makes it what the other product says."
    if not plan.writes:
        yield "Nothing to do."
    elif done:
        yield f"{plan.writes} changes made. Nobody was mailed."
    else:
        yield f"{plan.writes} changes to make; nothing has been written. Add --apply to take over."


def _changes(plan: Plan, whole: bool) -> Iterator[str]:
    """Subscribers are counted only: their addresses are nobody's business in a terminal's history."""
    groups = defaultdict(list)
    for change in plan.changes:
        if change.what != "subscriber":
            groups[change.action, change.what].append(change)
    for (action, what), changes in groups.items():
        shown = changes if whole else changes[:NAMED]
        yield from map(str, shown)
        if len(changes) > len(shown):
            yield f"… {action} {len(changes) - len(shown):,} more {what}s (-v 2 names them)"


def _remarks(plan: Plan, whole: bool) -> Iterator[str]:
    """Each sentence once, with the places where it holds."""
    places = defaultdict(list)
    for remark in plan.remarks:
        places[remark.text].append(remark.place)
    for text, where in places.items():
        named = [place for place in where if place]
        shown = named if whole else named[:3]
        more = f" and {len(named) - len(shown):,} more" if len(named) > len(shown) else ""
        yield f"- {', '.join(shown)}{more}: {text}" if shown else f"- {text}"
